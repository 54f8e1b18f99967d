/**
 * An order in the words of plain HTTP: MetaTrader's own, where side and type are one.
 */
import type { JsonValue, MessageShape } from "@bufbuild/protobuf";
import { PlaceOrderRequestSchema } from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import type { JsonObject } from "./json.ts";
import { decodePlain } from "./plain-names.ts";
import { refused } from "./wire.ts";

/** The names of MetaTrader's ORDER_TYPE values in the order of their numbers, which serve too. */
const orderTypes = [
  "BUY",
  "SELL",
  "BUY_LIMIT",
  "SELL_LIMIT",
  "BUY_STOP",
  "SELL_STOP",
  "BUY_STOP_LIMIT",
  "SELL_STOP_LIMIT",
];

/** By the RPC's fields: what plain HTTP calls them. */
export const orderFields: Readonly<Record<string, string>> = {
  side: "order_type",
  type: "order_type",
  stop_loss: "sl",
  take_profit: "tp",
  stop_limit_price: "stoplimit",
  deviation_points: "deviation",
};

// biome-ignore format: a table is read by its columns
const rpcFields: Readonly<Record<string, string>> = {
  symbol: "symbol", volume: "volume", price: "price", sl: "stop_loss", tp: "take_profit", stoplimit: "stop_limit_price",
  comment: "comment", deviation: "deviation_points", client_order_id: "client_order_id", account: "account",
  strategy_id: "strategy_id", position_ticket: "position_ticket",
};

export function orderRequest(fields: JsonObject): MessageShape<typeof PlaceOrderRequestSchema> {
  const request: Record<string, JsonValue> = {};
  const unknown: string[] = [];
  for (const [name, value] of Object.entries(fields)) {
    const field = Object.hasOwn(rpcFields, name) ? rpcFields[name] : undefined;
    if (field !== undefined) request[field] = value;
    else if (name !== "order_type") unknown.push(name);
  }
  if (unknown.length > 0) {
    const description = `is not known; there is ${["order_type", ...Object.keys(rpcFields)].join(", ")}`;
    throw refused(unknown.slice(0, 20).map((name) => ({ field: name.slice(0, 100), description })));
  }
  const [side = "", ...type] = typeOf(fields["order_type"]).split("_");
  request["side"] = `ORDER_SIDE_${side}`;
  request["type"] = `ORDER_TYPE_${type.length === 0 ? "MARKET" : type.join("_")}`;
  return decodePlain(PlaceOrderRequestSchema, request, orderFields);
}

function typeOf(value: JsonValue | undefined): string {
  const name = typeof value === "number" ? orderTypes[value] : String(value ?? "").toUpperCase();
  if (name !== undefined && orderTypes.includes(name)) return name;
  const got = value === undefined ? "" : `; got ${JSON.stringify(value).slice(0, 40)}`;
  throw refused([{ field: "order_type", description: `must be one of ${orderTypes.join(", ")}${got}` }]);
}
