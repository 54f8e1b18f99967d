import { describe, expect, it } from "vitest";
import type { StrategyId, Ticket } from "../../../src/core/model/ids.ts";
import type { Order } from "../../../src/core/model/order.ts";
import { isFinal } from "../../../src/core/orders/lifecycle.ts";
import { type OrderStreamOptions, streamOrders } from "../../../src/core/orders/stream-orders.ts";
import type { Cursor } from "../../../src/core/streams/cursor.ts";
import { numbers } from "../../any-ticks.ts";
import { type Desk, key, limit, openDesk, quiet } from "../desk.ts";

function opened({ account }: Desk, more: Partial<OrderStreamOptions> = {}) {
  const leaving = new AbortController();
  const options = { strategyId: undefined, symbols: [], snapshot: true, after: undefined, heartbeat: 1000, ...more };
  const events = streamOrders(account, options, { signal: new AbortController().signal, leaving: leaving.signal });
  const next = async () => (await events.next()).value ?? undefined;
  return { events, next, leaving };
}
type Event = Awaited<ReturnType<ReturnType<typeof opened>["next"]>>;

/** All that a stream says until the bridge leaves. */
async function said(stream: ReturnType<typeof opened>): Promise<string[]> {
  stream.leaving.abort();
  const lines: string[] = [];
  for await (const event of stream.events) {
    const named = event.type === "order" || event.type === "snapshot";
    lines.push(named ? `${event.type} ${event.order.clientOrderId} ${event.order.stage}` : event.type);
  }
  return lines;
}

describe("a stream of orders", () => {
  it("begins with what is open, and its end", async () => {
    const desk = await openDesk();
    await desk.place(limit({ clientOrderId: key("open") }));
    await desk.place({ clientOrderId: key("filled") });
    expect(await said(opened(desk))).toEqual(["opened", "snapshot open working", "snapshot_end", "closing"]);
  });

  it("tells every change, with the order in full", async () => {
    const desk = await openDesk();
    const stream = opened(desk, { snapshot: false });
    await stream.next();
    await desk.place();
    expect(await said(stream)).toEqual(["order a received", "order a sent", "order a filled", "closing"]);
  });

  it("tells only what is durable, in the snapshot as well", async () => {
    const desk = await openDesk();
    await desk.place(limit());
    desk.journal.hold();
    desk.terminal.fill(1000n as Ticket);
    void desk.hear();
    const stream = opened(desk);
    const first = stream.next();
    await quiet();
    desk.journal.release();
    await first;
    await quiet();
    const lines = await said(stream);
    expect(lines.filter((line) => line === "order a filled").length).toBeLessThanOrEqual(1);
    expect(lines).not.toContain("snapshot a filled");
  });

  it("may be of one strategy, or of some symbols", async () => {
    const desk = await openDesk();
    const mine = opened(desk, { snapshot: false, strategyId: 8 as StrategyId });
    const none = opened(desk, { snapshot: false, symbols: ["GBPUSD"] });
    await Promise.all([mine.next(), none.next()]);
    await desk.place();
    await desk.place({ clientOrderId: key("b"), strategyId: 8 as StrategyId });
    expect(await said(mine)).toEqual(["order b received", "order b sent", "order b filled", "closing"]);
    expect(await said(none)).toEqual(["closing"]);
  });

  it("goes on behind its cursor, also after a restart of the bridge", async () => {
    const desk = await openDesk();
    const stream = opened(desk, { snapshot: false });
    await stream.next();
    await desk.place();
    const received = await stream.next();
    const after = received?.cursor;
    if (after === undefined) throw new Error("no cursor");
    const next = await desk.restart();
    expect(await said(opened(next, { snapshot: false, after }))).toEqual([
      "opened",
      "order a sent",
      "order a filled",
      "closing",
    ]);
  });

  it("of another journal begins anew, and says so", async () => {
    const desk = await openDesk();
    await desk.place(limit());
    const after = { epoch: "another", sequence: 1 };
    expect(await said(opened(desk, { snapshot: false, after }))).toEqual([
      "opened",
      "reset",
      "snapshot a working",
      "snapshot_end",
      "closing",
    ]);
  });
});

describe("order events, however a reader stalls and comes back,", () => {
  it("show each version of each order once and in order, from its snapshot on", async () => {
    for (let seed = 0; seed < 100; seed++) {
      const below = numbers(seed);
      const desk = await openDesk();
      const seen = new Map<string, Order>();
      let cursor: Cursor | undefined;
      let stream = opened(desk, { snapshot: true });
      const take = (event: Event) => {
        if (event?.cursor !== undefined && event.type !== "snapshot") cursor = event.cursor;
        if (event?.type !== "order" && event?.type !== "snapshot") return;
        const before = seen.get(event.order.id);
        const version = before === undefined ? event.order.version : before.version + 1;
        expect(event.order.version, `seed ${seed} ${event.order.id}`).toBe(version);
        seen.set(event.order.id, event.order);
      };
      const read = async () => {
        let over = false;
        const next = stream.next().then((event) => {
          take(event);
          over = true;
        });
        for (await quiet(); !over; await quiet()) desk.clock.advance(1000);
        await next;
      };
      await read();
      for (let turn = 0; turn < 30; turn++) {
        await quiet();
        if (below(3) === 0) desk.journal.hold();
        const placing = desk.place({ clientOrderId: key(`k${turn}`), ...(below(2) ? limit() : {}) });
        placing.catch(() => undefined);
        const [number] = [...desk.terminal.open.keys()].slice(below(4));
        if (number !== undefined) desk.terminal.fill(number);
        void desk.hear();
        if (below(2)) await quiet();
        desk.journal.release();
        for (let n = below(6); n > 0; n--) await read();
        if (below(5) === 0) {
          await stream.events.return();
          stream = opened(desk, { snapshot: false, after: cursor });
        }
      }
      await quiet();
      stream.leaving.abort();
      for await (const event of stream.events) take(event);
      for (const order of await desk.record.listOrders({}, Number.MAX_SAFE_INTEGER, 1000)) {
        expect(seen.get(order.id), `seed ${seed}`).toEqual(order);
        expect(isFinal(order.stage) || order.type === "limit", `seed ${seed}`).toBe(true);
      }
    }
  });
});
