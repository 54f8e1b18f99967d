/** What the simple profile follows on a client's behalf, as requests of the contract. */
import { create, type DescMethodServerStreaming, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import { AccountService } from "../../gen/ts/mt5bridge/v1/account_pb.ts";
import { Delivery, TicksService } from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import type { JsonObject } from "./json.ts";
import { fieldsOf } from "./simple-frame.ts";
import type { CallUnary } from "./trading-signal.ts";
import { refused } from "./wire.ts";

/** A stream and its request. */
export interface Wanted {
  readonly method: string;
  readonly request: Message;
}

/** Ticks of one message: each is a frame of its own, and they are written in one go. */
const maxBatch = 200;
/** As many as a stream of ticks takes. */
const maxSymbols = 500;

export const followAccount = (account: string): Wanted => wanted(AccountService.method.streamAccount, { account });

export const followTicks = (account: string, symbols: readonly string[]): Wanted =>
  wanted(TicksService.method.streamTicks, {
    account,
    symbols: [...new Set(symbols)],
    delivery: Delivery.LATEST,
    snapshot: true,
    maxBatch,
  });

export function symbolsIn(body: JsonObject): readonly string[] {
  const { symbols } = fieldsOf(body, { symbols: "texts" });
  if (Array.isArray(symbols)) return symbols.map(String);
  throw refused([{ field: "symbols", description: "must be a list of 1 to 500 strings" }]);
}

export async function everySymbol(account: string, call: CallUnary): Promise<string[]> {
  const { symbols } = await call(TicksService.method.listSymbols, { account, pageSize: maxSymbols });
  return symbols.map(({ name }) => name);
}

function wanted<M extends DescMethodServerStreaming>(method: M, request: MessageInitShape<M["input"]>): Wanted {
  return { method: `${method.parent.typeName}/${method.name}`, request: create(method.input, request) };
}
