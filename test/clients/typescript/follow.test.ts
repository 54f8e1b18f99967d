import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import type { OrderEvent } from "../../../clients/typescript/src/bridge.ts";
import { BridgeError } from "../../../clients/typescript/src/failure.ts";
import type { StreamState } from "../../../clients/typescript/src/follow.ts";
import { ClosingReason, ResetReason } from "../../../gen/ts/mt5bridge/v1/types_pb.ts";
import { at, changed, fault, opened, scripted, snapshot, snapshotEnd } from "./scripted.ts";

const broken = new ConnectError("the connection broke", Code.Unavailable);

async function take(events: AsyncIterable<OrderEvent>, count: number): Promise<string[]> {
  const seen: string[] = [];
  for await (const { order } of events) {
    seen.push(order.clientOrderId);
    if (seen.length === count) break;
  }
  return seen;
}

describe("a stream", () => {
  it("goes on behind the last event when its connection breaks", async () => {
    const { bridge, asked } = scripted({
      connections: [
        [opened, snapshot("a"), snapshotEnd(3), changed(4, { clientOrderId: "b" }), broken],
        [opened, changed(5, { clientOrderId: "c" })],
        [opened, changed(6, { clientOrderId: "d" }), undefined],
      ],
    });
    expect(await take(bridge.orderEvents({ symbols: ["EURUSD"] }), 4)).toEqual(["a", "b", "c", "d"]);
    expect(asked.map(({ resumeAfter }) => resumeAfter?.sequence)).toEqual([undefined, 4n, 5n]);
    expect(asked.map(({ symbols }) => symbols)).toEqual([["EURUSD"], ["EURUSD"], ["EURUSD"]]);
  });

  it("asks for a snapshot again when it broke off in the middle of one", async () => {
    const { bridge, asked } = scripted({
      connections: [
        [opened, snapshot("a"), broken],
        [opened, snapshot("a"), snapshot("b"), undefined],
      ],
    });
    expect(await take(bridge.orderEvents(), 3)).toEqual(["a", "a", "b"]);
    expect(asked[1]?.resumeAfter).toBeUndefined();
  });

  it("misses nothing from its opening on when no snapshot is wanted", async () => {
    const { bridge, asked } = scripted({
      connections: [
        [opened, broken],
        [opened, changed(1, { clientOrderId: "a" })],
      ],
    });
    expect(await take(bridge.orderEvents({ snapshot: false }), 1)).toEqual(["a"]);
    expect(asked.map(({ resumeAfter, snapshot }) => [snapshot, resumeAfter?.sequence])).toEqual([
      [false, undefined],
      [false, 0n],
    ]);
  });

  it("goes on where an earlier run of the strategy had come to", async () => {
    const { bridge, asked } = scripted({ connections: [[opened, changed(8, { clientOrderId: "a" }), undefined]] });
    await take(bridge.orderEvents({ resumeAfter: { ...at(7), $typeName: "mt5bridge.v1.Cursor" } }), 1);
    expect(asked[0]?.resumeAfter?.sequence).toBe(7n);
  });

  it("says what could not be had, and begins afresh", async () => {
    const states: StreamState[] = [];
    const reset = {
      case: "reset",
      value: { reason: ResetReason.EPOCH_CHANGED, message: "anew", cursor: at(2, "f") },
    } as const;
    const { bridge, asked } = scripted({
      connections: [
        [opened, snapshotEnd(3), broken],
        [opened, { event: reset }, snapshot("a"), broken],
        [opened, { event: reset }, snapshot("a"), snapshotEnd(2, "f"), broken],
        [opened, changed(3, { clientOrderId: "b" }), undefined],
      ],
    });
    expect(await take(bridge.orderEvents({ onState: (state) => states.push(state) }), 3)).toEqual(["a", "a", "b"]);
    expect(asked.map(({ resumeAfter }) => resumeAfter?.epoch)).toEqual([undefined, "e", "e", "f"]);
    expect(states.filter(({ kind }) => kind === "reset")).toHaveLength(2);
  });

  it("asks for what it missed once more, although a snapshot was already ahead of it", async () => {
    const { bridge, asked } = scripted({
      connections: [
        [opened, snapshot("a"), snapshotEnd(9), changed(4, { clientOrderId: "b" }), broken],
        [opened, changed(5, { clientOrderId: "c" }), undefined],
      ],
    });
    const resumeAfter = { ...at(3), $typeName: "mt5bridge.v1.Cursor" } as const;
    expect(await take(bridge.orderEvents({ snapshot: true, resumeAfter }), 3)).toEqual(["a", "b", "c"]);
    expect(asked.map((request) => [request.snapshot, request.resumeAfter?.sequence])).toEqual([
      [true, 3n],
      [undefined, 4n],
    ]);
  });

  it("counts nothing that was said before its snapshot was whole", async () => {
    const beat = { case: "heartbeat", value: { cursor: at(7) } } as const;
    const { bridge, asked } = scripted({
      connections: [
        [opened, snapshot("a"), { event: beat }, broken],
        [opened, snapshot("a"), snapshotEnd(7), changed(8, { clientOrderId: "b" })],
      ],
    });
    expect(await take(bridge.orderEvents(), 3)).toEqual(["a", "a", "b"]);
    expect(asked[1]?.resumeAfter).toBeUndefined();
  });

  it("comes back when the bridge said it may, and no sooner", async () => {
    const closing = {
      case: "closing",
      value: { reason: ClosingReason.SHUTDOWN, cursor: at(9), retryAfter: { seconds: 7n } },
    } as const;
    const { bridge, asked, pauses } = scripted({
      connections: [
        [opened, snapshotEnd(3), { event: closing }],
        [opened, changed(10, { clientOrderId: "a" })],
      ],
    });
    await take(bridge.orderEvents(), 1);
    expect(asked[1]?.resumeAfter?.sequence).toBe(9n);
    expect(pauses).toHaveLength(1);
    expect(pauses[0]).toBeGreaterThan(7_000); // many clients are not to return as one
  });

  it("waits longer after every failure, until it succeeds", async () => {
    const { bridge, pauses } = scripted({
      connections: [[broken], [broken], [broken], [opened, broken], [opened, changed(1, { clientOrderId: "a" })]],
    });
    await take(bridge.orderEvents(), 1);
    const [first = 0, second = 0, third = 0, afterSuccess = 0] = pauses;
    expect(first).toBeLessThanOrEqual(second);
    expect(second).toBeLessThanOrEqual(third);
    expect(afterSuccess).toBeLessThanOrEqual(100);
  });

  it("gives up on what no second try would change", async () => {
    const unknown = fault(Code.NotFound, "UNKNOWN_ACCOUNT", { retry: "never", order_may_exist: "false" });
    const { bridge, asked } = scripted({ connections: [[unknown]] });
    const failure = await take(bridge.orderEvents(), 1).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(BridgeError);
    expect(failure).toMatchObject({ reason: "UNKNOWN_ACCOUNT", retry: "never" });
    expect(asked).toHaveLength(1);
  });

  it("leaves a peer that has fallen silent", async () => {
    const { bridge, gone } = scripted({
      connections: [
        [opened, undefined],
        [opened, changed(1, { clientOrderId: "a" }), undefined],
      ],
    });
    expect(await take(bridge.orderEvents(), 1)).toEqual(["a"]);
    await gone[0];
  });

  it("ends its call when the loop is left", async () => {
    const { bridge, gone } = scripted({ connections: [[opened, changed(1, { clientOrderId: "a" }), undefined]] });
    await take(bridge.orderEvents(), 1);
    expect(gone).toHaveLength(1);
    await gone[0];
  });

  it("ends quietly when the bridge is closed, and does not connect again", async () => {
    const { bridge, gone, asked } = scripted({
      connections: [[opened, changed(1, { clientOrderId: "a" }), undefined]],
    });
    for await (const _ of bridge.orderEvents()) bridge.close();
    await gone[0];
    expect(asked).toHaveLength(1);
  });

  it("ends quietly when its signal aborts", async () => {
    const stop = new AbortController();
    const { bridge, gone } = scripted({ connections: [[opened, changed(1, { clientOrderId: "a" }), undefined]] });
    for await (const _ of bridge.orderEvents({ signal: stop.signal })) stop.abort();
    await gone[0];
  });
});
