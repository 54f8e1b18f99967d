/** Which filling mode an order may have, and which one "auto" stands for. */
import type { Filling, OrderRequest } from "../model/order.ts";
import type { Execution, SymbolSpec } from "../model/symbol.ts";
import { isUnnamed } from "../model/unnamed.ts";

/** Which modes a market order may have: always, with the symbol's consent, or never. */
// biome-ignore format: a table is read by its columns
const forMarketOrders: Record<Execution, Record<Filling, "always" | "mode" | "never">> = {
  request:  { fok: "always", ioc: "always", return: "always", boc: "never" },
  instant:  { fok: "always", ioc: "always", return: "always", boc: "never" },
  market:   { fok: "mode",   ioc: "mode",   return: "never",  boc: "never" },
  exchange: { fok: "mode",   ioc: "mode",   return: "always", boc: "never" },
};

/** Of an execution that has no word only what the symbol says in so many words is allowed. */
export const strictest = ({ execution }: SymbolSpec): Execution => (isUnnamed(execution) ? "market" : execution);

function allowed(spec: SymbolSpec, filling: Filling): boolean {
  const rule = forMarketOrders[strictest(spec)][filling];
  return rule === "always" || (rule === "mode" && filling !== "return" && spec.fillingModes.includes(filling));
}

/** What "auto" stands for at the market; undefined when the symbol leaves no mode that would do. */
export function chosenFilling(spec: SymbolSpec): Filling | undefined {
  if (spec.fillingModes.includes("fok")) return "fok";
  if (spec.fillingModes.includes("ioc")) return "ioc";
  return strictest(spec) === "market" ? undefined : "return";
}

/** What the symbol fills, in words. */
export const fillingsOf = ({ fillingModes, execution }: SymbolSpec): string =>
  fillingModes.length === 0 ? `only as ${execution} execution does` : fillingModes.join(", ");

function pendingAllowed(spec: SymbolSpec, request: OrderRequest, filling: Filling, strict: boolean): boolean {
  if (filling === "return") return true;
  if (strict) return false;
  if (filling !== "boc") return true;
  return request.type !== "stop" && spec.execution === "exchange" && spec.fillingModes.includes("boc");
}

/** The mode the order will have, or undefined when the symbol does not support it. `strict`: pending orders have no other than "return". */
export function fillingOf(spec: SymbolSpec, request: OrderRequest, strict: boolean): Filling | undefined {
  if (request.type === "market") {
    const filling = request.filling === "auto" ? chosenFilling(spec) : request.filling;
    return filling !== undefined && allowed(spec, filling) ? filling : undefined;
  }
  const filling = request.filling === "auto" ? "return" : request.filling;
  return pendingAllowed(spec, request, filling, strict) ? filling : undefined;
}
