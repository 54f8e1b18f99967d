import { create, type DescMessage, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import {
  CancelOrderRequestSchema,
  CheckOrderRequestSchema,
  GetOrderRequestSchema,
  ListOrdersRequestSchema,
  PlaceOrderRequestSchema,
} from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { ListBarsRequestSchema, StreamTicksRequestSchema } from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { OrderSide, OrderType } from "../../gen/ts/mt5bridge/v1/types_pb.ts";
import { createValidation } from "../../src/contract/validation.ts";
import { decode } from "../../src/contract/wire.ts";
import { BridgeError } from "../../src/core/errors.ts";

const validation = createValidation();

function wrong(act: () => unknown): string[] {
  try {
    act();
    return [];
  } catch (error) {
    if (!(error instanceof BridgeError) || error.fault !== "invalid_argument") throw error;
    if (error.violations.length === 0) return [error.message];
    return error.violations.map(({ field, description }) => `${field}: ${description}`);
  }
}

/** What is wrong with the message; tests set what its type does not allow. */
const checked = (schema: DescMessage, init: Record<string, unknown>) =>
  wrong(() => validation.check(schema, create(schema, init)));

const order = { clientOrderId: "a-1", symbol: "EURUSD", side: OrderSide.BUY, type: OrderType.MARKET, volume: 0.1 };
const bars = { symbol: "EURUSD", timeframe: 1 };
const ticks = { symbols: ["EURUSD"] };

describe("a request that keeps the rules", () => {
  it("passes", () => {
    expect(checked(PlaceOrderRequestSchema, order)).toEqual([]);
    expect(checked(StreamTicksRequestSchema, ticks)).toEqual([]);
    expect(checked(ListBarsRequestSchema, { ...bars, from: { seconds: 1n }, to: { seconds: -1n } })).toEqual([]);
  });
});

describe("a request that says nothing", () => {
  it("passes where nothing has to be said, and hears what has to be", () => {
    validation.warm([GetOrderRequestSchema, ListBarsRequestSchema, ListOrdersRequestSchema]);
    expect(checked(ListOrdersRequestSchema, {})).toEqual([]);
    expect(checked(ListBarsRequestSchema, {})[0]).toBe('symbol: must be 1 to 64 characters long; got ""');
    expect(checked(GetOrderRequestSchema, {})).toHaveLength(1);
    expect(checked(ListOrdersRequestSchema, { pageSize: 100_000 })).toHaveLength(1);
  });
});

describe("a request that breaks them hears the field, the valid range and what came", () => {
  // biome-ignore format: a table is read by its columns
  it.each([
    [{ volume: Number.NaN },            "volume: must be greater than 0 and finite; got NaN"],
    [{ volume: -1 },                    "volume: must be greater than 0; got -1"],
    [{ volume: Infinity },              "volume: must be finite; got Infinity"],
    [{ price: 0 },                      "price: must be greater than 0; got 0"],
    [{ stopLoss: -0.5 },                "stop_loss: must be greater than or equal to 0; got -0.5"],
    [{ side: 0 },                       "side: must be one of ORDER_SIDE_BUY, ORDER_SIDE_SELL; got 0"],
    [{ side: 7 },                  "side: must be one of ORDER_SIDE_BUY, ORDER_SIDE_SELL; got 7"],
    [{ filling: 9 },               "filling: must be one of FILLING_UNSPECIFIED, FILLING_AUTO, FILLING_FOK, FILLING_IOC, FILLING_RETURN, FILLING_BOC; got 9"],
    [{ clientOrderId: "" },             'client_order_id: must be 1 to 64 of A-Z a-z 0-9 _ . : -; got ""'],
    [{ clientOrderId: "a b" },          'client_order_id: must be 1 to 64 of A-Z a-z 0-9 _ . : -; got "a b"'],
    [{ clientOrderId: "a\n" },          'client_order_id: must be 1 to 64 of A-Z a-z 0-9 _ . : -; got "a\\n"'],
    [{ comment: "é" },                  'comment: must be at most 31 printable ASCII characters; got "é"'],
    [{ symbol: "" },                    'symbol: must be 1 to 64 characters long; got ""'],
    [{ symbol: "x".repeat(65) },        `symbol: must be 1 to 64 characters long; got "${"x".repeat(40)}…" of 65`],
    [{ account: "x".repeat(65) },       `account: must be at most 64 characters long; got "${"x".repeat(40)}…" of 65`],
    [{ strategyId: 2 ** 31 },           "strategy_id: must be 0 to 2147483647; got 2147483648"],
    [{ notAfter: { seconds: 1n << 60n } }, `not_after: must be a time of the years 1 to 9999, nanos 0 to 999999999; got ${1n << 60n} s, 0 ns`],
    [{ expireTime: { nanos: -1 } },     "expire_time: must be a time of the years 1 to 9999, nanos 0 to 999999999; got 0 s, -1 ns"],
  ])("PlaceOrder %#", (change, words) => {
    expect(checked(PlaceOrderRequestSchema, { ...order, ...change })).toEqual([words]);
  });

  it("all at once", () => {
    expect(checked(PlaceOrderRequestSchema, {})).toHaveLength(5);
  });

  // biome-ignore format: a table is read by its columns
  it.each([
    [StreamTicksRequestSchema, { symbols: [] },                                  "symbols: must have 1 to 500 items; got 0"],
    [StreamTicksRequestSchema, { symbols: ["A", "B", "A"] },                     "symbols: must have each item once; got 3"],
    [StreamTicksRequestSchema, { symbols: ["A", ""] },                           'symbols[1]: must be 1 to 64 characters long; got ""'],
    [StreamTicksRequestSchema, { ...ticks, heartbeatInterval: { nanos: 5 } },    "heartbeat_interval: must be 0.1 s to 60 s; got 0.000000005 s"],
    [StreamTicksRequestSchema, { ...ticks, minInterval: { seconds: -5n } },      "min_interval: must be 0 s to 60 s; got -5 s"],
    [StreamTicksRequestSchema, { ...ticks, resumeAfter: { epoch: "x".repeat(65) } }, `resume_after.epoch: must be at most 64 characters long; got "${"x".repeat(40)}…" of 65`],
    [StreamTicksRequestSchema, { ...ticks, maxBatch: 10_001 },                   "max_batch: must be 0 to 10000; got 10001"],
    [CheckOrderRequestSchema,  {},                                               "order: must be set"],
    [GetOrderRequestSchema,    { order: {} },                                    "order.name: must have one of client_order_id, order_id, order_ticket"],
    [GetOrderRequestSchema,    { order: { name: { case: "orderTicket", value: 0n } } }, "order.order_ticket: must be greater than 0; got 0"],
    [CancelOrderRequestSchema, { clientOrderId: "a" },                           "order: must be set"],
  ] as [DescMessage, Record<string, unknown>, string][])("%s %#", (schema, init, words) => {
    expect(checked(schema, init)).toEqual([words]);
  });

  it("half a million items are counted, not checked one by one", () => {
    const symbols = Array.from({ length: 500_000 }, () => "");
    expect(checked(StreamTicksRequestSchema, { symbols })).toEqual(["symbols: must have 1 to 500 items; got 500000"]);
  });
});

describe("bytes", () => {
  const read = (...bytes: number[]) => wrong(() => decode(PlaceOrderRequestSchema, new Uint8Array(bytes)));
  const damaged = "The request is no mt5bridge.v1.PlaceOrderRequest: its bytes are damaged or cut off.";

  it("of a sound request are read", () => {
    const message = create(PlaceOrderRequestSchema, { ...order, expireTime: timestampFromMs(5), comment: "hello" });
    expect(decode(PlaceOrderRequestSchema, toBinary(PlaceOrderRequestSchema, message))).toEqual(message);
  });

  it("of fields that nobody knows are skipped", () => {
    expect(read(0xf8, 0x07, 0x01)).toEqual([]); // 127: varint
    expect(read(0xfa, 0x07, 0x02, 0xff, 0xff)).toEqual([]); // 127: bytes
  });

  it("of another wire type than the field's are refused by its name", () => {
    expect(read(0x38, 0x01)).toEqual(["volume: must be of type double; got an integer"]);
    expect(read(0x08, 0x01)).toEqual(["account: must be of type string; got an integer"]);
    expect(read(0x2a, 0x01, 0x41)).toEqual(["side: must be a value of OrderSide; got a string or message"]);
    expect(read(0x70, 0x01)).toEqual(["expire_time: must be a message google.protobuf.Timestamp; got an integer"]);
  });

  it("of integers too large for their field are refused, not cut down", () => {
    expect(read(0x28, 0x81, 0x80, 0x80, 0x80, 0x80, 0x01)).toEqual([
      "side: must be -2147483648 to 2147483647; got 34359738369",
    ]);
    expect(read(0x18, 0x85, 0x80, 0x80, 0x80, 0x10)).toEqual(["strategy_id: must be 0 to 4294967295; got 4294967301"]);
  });

  it("that are no UTF-8 are refused by the field's name", () => {
    expect(read(0x22, 0x02, 0xc3, 0x28)).toEqual(["symbol: must be UTF-8"]);
  });

  it.each([
    [0x0a, 0x05, 0x41], // a string longer than the message
    [0x28, 0x80], // a varint without its end
    [0x39, 0x00], // a double cut off
    [0x72, 0x02, 0x08, 0x80, 0x01], // a varint that runs over the end of its message
    [0x00], // field number 0
    [0x0f], // no such wire type
    [0x28, ...Array(11).fill(0xff)], // a varint of 11 bytes
    [0x72, 0xff, 0xff, 0xff, 0xff, 0x0f], // 4 GiB announced
  ])("that are damaged are refused: %#", (...bytes) => {
    expect(read(...bytes)).toEqual([damaged]);
  });

  it("nested without end are refused", () => {
    expect(wrong(() => decode(PlaceOrderRequestSchema, new Uint8Array(1_000_000).fill(0xfb)))).toEqual([damaged]);
  });
});
