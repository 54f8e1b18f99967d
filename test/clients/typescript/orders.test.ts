import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { BridgeError } from "../../../clients/typescript/src/failure.ts";
import { type KeyStore, memoryKeys } from "../../../clients/typescript/src/keys.ts";
import { OrderStage } from "../../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { OrderSide, OrderType } from "../../../gen/ts/mt5bridge/v1/types_pb.ts";
import { fault, scripted } from "./scripted.ts";

const buy = { symbol: "EURUSD", side: OrderSide.BUY, type: OrderType.MARKET, volume: 0.1 };
const filled = { order: { stage: OrderStage.FILLED } };
const broken = new ConnectError("the connection broke", Code.Unavailable);
const draining = fault(Code.Unavailable, "DRAINING", { retry: "after_reconnect", order_may_exist: "false" });
const refused = fault(Code.InvalidArgument, "INVALID_ARGUMENT", { retry: "never", order_may_exist: "false" });
const failureOf = async (promise: Promise<unknown>) => (await promise.catch((error: unknown) => error)) as BridgeError;

describe("an order", () => {
  it("has its key kept before it is sent, and forgotten once its answer is there", async () => {
    const events: string[] = [];
    const store = memoryKeys();
    const keys: KeyStore = {
      keep: (kept) => store.keep(kept).then(() => void events.push(`kept with ${sent.length} sent`)),
      forget: (id) => store.forget(id).then(() => void events.push(`forgotten with ${sent.length} sent`)),
      all: () => store.all(),
    };
    const { bridge, sent } = scripted({ answers: [filled] }, { keys });
    await bridge.orders.place(buy);
    expect(events).toEqual(["kept with 0 sent", "forgotten with 1 sent"]);
  });

  it("is not sent when its key cannot be kept", async () => {
    const keys: KeyStore = { ...memoryKeys(), keep: () => Promise.reject(new Error("the disk is full")) };
    const { bridge, sent } = scripted({ answers: [filled] }, { keys });
    await expect(bridge.orders.place(buy)).rejects.toThrow("the disk is full");
    expect(sent).toEqual([]);
  });

  it("is sent again with the same key and content, whatever happened to it on the way", async () => {
    const { bridge, sent } = scripted({ answers: [broken, draining, filled] });
    expect((await bridge.orders.place(buy)).order?.stage).toBe(OrderStage.FILLED);
    expect(sent).toHaveLength(3);
    expect(new Set(sent.map(({ clientOrderId }) => clientOrderId)).size).toBe(1);
    expect(sent[2]).toEqual(sent[0]);
    expect(await bridge.orders.kept()).toEqual([]);
  });

  it("gets a key of its own, or has the caller's", async () => {
    const { bridge, sent } = scripted({ answers: [filled, filled, filled] });
    await bridge.orders.place(buy);
    await bridge.orders.place(buy);
    await bridge.orders.place({ ...buy, clientOrderId: "mine" });
    const keys = sent.map(({ clientOrderId }) => clientOrderId);
    expect(new Set(keys).size).toBe(3);
    expect(keys[2]).toBe("mine");
    for (const key of keys) expect(key).toMatch(/^[A-Za-z0-9_.:-]{1,64}$/);
  });

  it("that is refused is told with its reason, and is not tried again", async () => {
    const { bridge, sent } = scripted({ answers: [refused] });
    const failure = await failureOf(bridge.orders.place(buy));
    expect(failure).toMatchObject({ reason: "INVALID_ARGUMENT", orderMayExist: false, retry: "never" });
    expect(sent).toHaveLength(1);
    expect(await bridge.orders.kept()).toEqual([]);
  });

  it("may exist when an earlier try may have arrived, though the last one did not", async () => {
    const { bridge } = scripted({ answers: [broken, refused] });
    const failure = await failureOf(bridge.orders.place({ ...buy, clientOrderId: "k" }));
    expect(failure).toMatchObject({ reason: "INVALID_ARGUMENT", orderMayExist: true, clientOrderId: "k" });
    expect((await bridge.orders.kept()).map(({ clientOrderId }) => clientOrderId)).toEqual(["k"]);
  });

  it("cannot exist when there was nobody to send it to", async () => {
    const nobody = new ConnectError("nobody", Code.Unavailable, undefined, undefined, { code: "ECONNREFUSED" });
    expect(BridgeError.from(nobody).orderMayExist).toBe(false);
    expect(BridgeError.from(broken).orderMayExist).toBe(true);
  });

  it("that was left without an answer is asked for again, by a later run too", async () => {
    const keys = memoryKeys();
    const first = scripted({ answers: [broken] }, { keys });
    await failureOf(first.bridge.orders.place(buy, { patienceMs: 0 }));
    const second = scripted({ answers: [{ ...filled, replayed: true }] }, { keys });
    const [kept] = await second.bridge.orders.kept();
    if (kept === undefined) throw new Error("nothing was kept");
    expect(await second.bridge.orders.again(kept)).toMatchObject({ replayed: true });
    expect(second.sent[0]).toEqual(first.sent[0]);
    expect(await second.bridge.orders.kept()).toEqual([]);
  });

  it("that is in doubt keeps its key", async () => {
    const { bridge } = scripted({ answers: [{ order: { stage: OrderStage.IN_DOUBT } }] });
    await bridge.orders.place(buy);
    expect(await bridge.orders.kept()).toHaveLength(1);
  });

  it("does not take a key from another that is under way", async () => {
    const { bridge, sent } = scripted({ answers: [broken] });
    await failureOf(bridge.orders.place({ ...buy, clientOrderId: "k" }, { patienceMs: 0 }));
    const failure = await failureOf(bridge.orders.place({ ...buy, volume: 0.2, clientOrderId: "k" }));
    expect(failure.code).toBe(Code.AlreadyExists);
    expect(sent).toHaveLength(1);
    expect(await bridge.orders.kept()).toHaveLength(1);
  });

  it("is not tried again when its caller has gone", async () => {
    const stop = new AbortController();
    const { bridge, sent } = scripted({ answers: [broken, filled] }, { wait: async () => stop.abort() });
    await failureOf(bridge.orders.place(buy, { signal: stop.signal }));
    expect(sent).toHaveLength(1);
    expect(await bridge.orders.kept()).toHaveLength(1);
  });

  it("carries the caller's token", async () => {
    const { bridge, headers } = scripted({ answers: [filled, filled] }, { token: async () => "secret" });
    await bridge.orders.place(buy);
    expect(headers[0]?.get("authorization")).toBe("Bearer secret");
  });
});
