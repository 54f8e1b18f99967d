/**
 * What all threads of the edge have to ask in one place: how often a principal has called, on whichever of them, and
 * what symbol an order or a position has.
 */
import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { Principal } from "../contract/principal.ts";
import type { Service } from "../contract/service.ts";
import type { SymbolsMeant } from "../contract/symbols-meant.ts";
import type { Rates, Reader } from "../transport/rates.ts";
import { ruleOf } from "../transport/scopes.ts";
import { nameOf } from "./forwarding.ts";
import type { Line } from "./line.ts";

interface Counted {
  readonly as: keyof Rates;
  readonly principal: Principal;
  /** Service and method; absent: a message that calls nothing. */
  readonly method: string | undefined;
  /** Where it may tell that the call ends a position. */
  readonly request: Message | undefined;
}

export function ratesOver(line: Line): Rates {
  const count = (as: keyof Rates) => async (principal: Principal, method?: DescMethod, read?: Reader) => {
    const { revoked: _, ...named } = principal;
    const mayClose = method !== undefined && ruleOf(method).closesWith !== undefined;
    const request = mayClose ? readable(read) : undefined;
    const name = method && nameOf(method);
    await line.ask<void>("rates", { as, principal: named, method: name, request } satisfies Counted);
  };
  return { call: count("call"), message: count("message") };
}

function readable(read: Reader | undefined): Message | undefined {
  try {
    return read?.();
  } catch {
    return undefined; // whoever reads it next says what is wrong with it
  }
}

export const symbolsMeantOver =
  (line: Line): SymbolsMeant =>
  (request) =>
    line.ask("symbols meant", request);

/** Answers what is asked over the line. */
export function answerCentrally(
  line: Line,
  services: readonly Service[],
  rates: Rates | undefined,
  symbolsMeant: SymbolsMeant,
): void {
  const methods = new Map(services.flatMap(({ descriptor }) => descriptor.methods).map((one) => [nameOf(one), one]));
  line.answers("rates", async ({ as, principal, method: name, request }: Counted) => {
    const method = name === undefined ? undefined : methods.get(name);
    const read: Reader | undefined = request && (() => request);
    if (as === "message") await rates?.message(principal, method, read);
    else if (method !== undefined) await rates?.call(principal, method, read);
  });
  line.answers("symbols meant", symbolsMeant);
}
