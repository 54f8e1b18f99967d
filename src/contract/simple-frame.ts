/**
 * The simple profile's frames, `{type, timestamp, data}`, for clients that know neither ids nor protobuf.
 *
 * What a client sends may stand in `data` or beside `type`, not in both. A field that is not known is refused here
 * too: a misspelt `stop_loss` must not become an order without one.
 */
import type { JsonValue, Message } from "@bufbuild/protobuf";
import type { StreamAccountResponse } from "../../gen/ts/mt5bridge/v1/account_pb.ts";
import type { StreamTicksResponse } from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import type { Violation } from "../core/errors.ts";
import { type JsonObject, parseObject } from "./json.ts";
import { refused } from "./wire.ts";

export interface SimpleFrame {
  readonly type: string;
  readonly body: JsonObject;
}

/** Throws when it is no frame at all. */
export function simpleFrame(text: string): SimpleFrame {
  const { type, timestamp: _, data, ...beside } = parseObject(text);
  if (typeof type !== "string" || type.length > 64) {
    throw refused([{ field: "type", description: "must be a string of at most 64 characters" }]);
  }
  if (data === undefined) return { type, body: beside };
  if (typeof data !== "object" || data === null || Array.isArray(data)) {
    throw refused([{ field: "data", description: "must be an object" }]);
  }
  const [first] = Object.keys(beside);
  if (first !== undefined) {
    throw refused([{ field: first.slice(0, 100), description: "must stand in data, as the rest does" }]);
  }
  return { type, body: data };
}

export function simpleText(type: string, at: number, data: JsonValue): Buffer {
  return Buffer.from(JSON.stringify({ type, timestamp: new Date(at).toISOString(), data }));
}

/** The fields of a body by their kinds; null is as if it were not there. */
export function fieldsOf(body: JsonObject, kinds: Readonly<Record<string, Kind>>): Readonly<Record<string, JsonValue>> {
  const violations: Violation[] = [];
  const fields: Record<string, JsonValue> = {};
  for (const [field, value] of Object.entries(body)) {
    const kind = Object.hasOwn(kinds, field) ? kinds[field] : undefined;
    if (kind === undefined) {
      const known = Object.keys(kinds).join(", ") || "there are none";
      violations.push({ field: field.slice(0, 100), description: `is not known; fields are ${known}` });
    } else if (value !== null && !fits(kind, value)) violations.push({ field, description: words[kind] });
    else if (value !== null) fields[field] = value;
  }
  if (violations.length > 0) throw refused(violations);
  return fields;
}

type Kind = "text" | "number" | "texts" | "word";

const words: Readonly<Record<Kind, string>> = {
  text: "must be a string",
  number: "must be a number",
  texts: "must be a list of 1 to 500 strings",
  word: "must be a string or a number",
};

function fits(kind: Kind, value: JsonValue): boolean {
  const isText = typeof value === "string" && value.isWellFormed();
  switch (kind) {
    case "text":
      return isText;
    case "number":
      return typeof value === "number";
    case "word":
      return isText || typeof value === "number";
    case "texts": {
      const isList = Array.isArray(value) && value.length > 0 && value.length <= 500;
      return isList && value.every((item) => typeof item === "string" && item.isWellFormed());
    }
  }
}

export interface AccountData {
  readonly balance: number;
  readonly equity: number;
  readonly margin: number;
  readonly free_margin: number;
  readonly currency: string;
  readonly leverage: number;
}

/** What an event of StreamAccount makes of the account's figures; undefined when it says nothing of them. */
export function accountData(message: Message, before: AccountData | undefined): AccountData | undefined {
  const { event } = message as StreamAccountResponse;
  const worth = event.case === "snapshot" ? event.value.account : event.case === "valuation" ? event.value : undefined;
  if (worth === undefined) return undefined;
  const { balance, equity, margin, freeMargin } = worth;
  const { currency, leverage } =
    event.case === "snapshot" && event.value.account ? event.value.account : (before ?? none);
  return { balance, equity, margin, free_margin: freeMargin, currency, leverage };
}

const none = { currency: "", leverage: 0 };

/** The ticks of an event of StreamTicks. The spread is in units of the price, `time` is the tick's own. */
export function tickData(message: Message): JsonObject[] {
  const { event } = message as StreamTicksResponse;
  if (event.case !== "batch" && event.case !== "snapshot") return [];
  return event.value.ticks.map(({ symbol, bid, ask, volume, timeMs }) => ({
    symbol,
    bid,
    ask,
    spread: Number((ask - bid).toFixed(8)), // free of the binary fraction's dust
    time: new Date(Number(timeMs)).toISOString(),
    volume,
  }));
}

/** What became of the symbols, from the first event of StreamTicks. */
export function subscribedData(message: Message): JsonObject | undefined {
  const { event } = message as StreamTicksResponse;
  if (event.case !== "opened") return undefined;
  const results = event.value.symbols;
  return {
    symbols: results.filter(({ accepted }) => accepted).map(({ symbol }) => symbol),
    refused: results
      .filter(({ accepted }) => !accepted)
      .map(({ symbol, reason, message }) => ({ symbol, reason, message })),
  };
}
