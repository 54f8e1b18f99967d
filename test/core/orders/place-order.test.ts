import { describe, expect, it } from "vitest";
import { lots, type Price } from "../../../src/core/model/decimals.ts";
import type { StrategyId, Ticket } from "../../../src/core/model/ids.ts";
import { cancelOrder, shownOrder } from "../../../src/core/orders/change-order.ts";
import { nobody } from "../../../src/core/ports/witness.ts";
import { caller, draft, faultOf, key, later, limit, openDesk, quiet, tell } from "../desk.ts";

describe("a placed order", () => {
  it("is on disk before it is sent", async () => {
    const { place, journal, terminal } = await openDesk();
    journal.hold();
    const placing = place();
    await quiet();
    expect([journal.events.length, terminal.submitted.length]).toEqual([2, 0]);
    journal.release();
    expect((await placing).order.stage).toBe("filled");
    expect(terminal.submitted).toHaveLength(1);
  });

  it("comes back as it stands: filled, resting, refused", async () => {
    const { place, terminal } = await openDesk();
    expect(await place()).toMatchObject({
      replayed: false,
      order: { stage: "filled", filled: lots(0.1), ticket: 1000n, version: 3 },
    });
    expect((await place({ clientOrderId: key("b"), ...limit() })).order).toMatchObject({
      stage: "working",
      filling: "fok",
    });
    terminal.script = [10019, 10004];
    expect((await place({ clientOrderId: key("c") })).order).toMatchObject({
      stage: "rejected",
      cause: "broker",
      rejection: { reason: "NO_MONEY", retcode: 10019, retriable: false },
    });
    const requoted = await place({ clientOrderId: key("d") });
    expect(requoted.order.rejection).toMatchObject({ reason: "REQUOTE", retriable: true });
  });

  it("that never left the terminal was not refused by the broker", async () => {
    const { place, terminal } = await openDesk();
    terminal.script = [0];
    expect((await place()).order).toMatchObject({
      stage: "rejected",
      cause: "bridge",
      rejection: { reason: "NOT_SENT" },
    });
  });

  it("goes to the terminal with the name of its span, where its trace is recorded", async () => {
    const spanOf = () => ({ traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" });
    const { place, terminal } = await openDesk({ witness: { ...nobody, spanOf } });
    await place();
    expect(terminal.submitted[0]?.traceparent).toBe("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  });

  it("carries its number and its owner in its magic", async () => {
    const { place, terminal } = await openDesk();
    await place({ strategyId: 9 as StrategyId });
    expect(terminal.submitted[0]?.magic).toBe((9n << 32n) | 1n);
  });

  it("is told as it is on disk, although more is on its way there", async () => {
    const { place, order, terminal, journal, hear, desk } = await openDesk();
    const { order: placed } = await place(limit());
    await hear();
    journal.hold();
    place({ clientOrderId: key("b") }).catch(() => undefined);
    const calls = [
      place(limit()).then((answer) => answer.order),
      desk.record.settled().then(() => shownOrder(desk, { by: "order_id", value: placed.id })),
    ];
    await quiet();
    journal.release();
    journal.hold();
    terminal.fill(placed.ticket as Ticket);
    for (const report of terminal.unreported.splice(0)) void tell(desk, report);
    expect(order("a").stage).toBe("filled");
    expect((await Promise.all(calls)).map(({ stage }) => stage)).toEqual(["working", "working"]);
    journal.release();
    await quiet();
    expect((await place(limit())).order.stage).toBe("filled");
  });

  it("is not set back by an answer that comes after a newer report", async () => {
    const { place, order, terminal, hear } = await openDesk();
    terminal.script = ["late"];
    const placing = place(limit());
    await quiet();
    await terminal.modify(1000n as Ticket, { price: 108_700 as Price, timeInForce: "gtc" });
    await hear();
    terminal.answerLate();
    await placing;
    await quiet();
    expect(order("a").price).toBe(108_700);
  });

  it("is counted as on its way until the terminal has answered", async () => {
    const { place, terminal, desk } = await openDesk();
    terminal.script = ["late"];
    const placing = place();
    await quiet();
    expect(desk.inFlight).toBe(1);
    const idle = desk.idle();
    terminal.answerLate();
    await Promise.all([idle, placing]);
    expect(desk.inFlight).toBe(0);
  });

  it("is answered once its own outcome is on disk, whatever others have on the way there", async () => {
    const { place, terminal, journal } = await openDesk();
    terminal.script = ["late"];
    const first = place();
    await quiet();
    journal.hold();
    terminal.answerLate();
    await quiet();
    const second = place({ clientOrderId: key("b") });
    await quiet();
    let isAnswered = false;
    void first.then(() => {
      isAnswered = true;
    });
    await quiet();
    expect(isAnswered).toBe(false);
    journal.release(1);
    expect((await first).order.stage).toBe("filled");
    expect(terminal.submitted.length).toBe(1);
    journal.release();
    expect((await second).order.stage).toBe("filled");
  });

  it("is rejected by the bridge when the terminal could not send it", async () => {
    const { place, terminal } = await openDesk();
    terminal.script = ["offline"];
    expect((await place()).order).toMatchObject({
      stage: "rejected",
      cause: "bridge",
      rejection: { reason: "TERMINAL_OFFLINE", retriable: true },
    });
  });

  it.each([10011, 10012, 10031])("is in doubt when the terminal does not know either (%d)", async (retcode) => {
    const { place, terminal } = await openDesk();
    terminal.script = [retcode];
    expect((await place()).order.stage).toBe("in_doubt");
  });
});

describe("a client order id", () => {
  it("names one order, even when 64 callers race for it", async () => {
    const { place, terminal } = await openDesk();
    const placed = await Promise.all(Array.from({ length: 64 }, () => place()));
    expect(terminal.submitted).toHaveLength(1);
    expect(new Set(placed.map(({ order }) => order.id)).size).toBe(1);
    expect(placed.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(placed.every(({ order }) => order.stage === "filled")).toBe(true);
  });

  it("names the same order after a restart", async () => {
    const before = await openDesk();
    const { order } = await before.place();
    const { place, terminal } = await before.restart();
    expect(await place()).toEqual({ order, replayed: true });
    expect(terminal.submitted).toHaveLength(1);
  });

  it("is never free again for other content, whatever kind it is of", async () => {
    const { place, terminal, desk } = await openDesk();
    await place();
    for (const other of [{ volume: 0.2 }, { side: "sell" }, { stopLoss: 1.05 }, { comment: "x" }] as const) {
      expect((await faultOf(place(other))).fault).toBe("client_order_id_reused");
    }
    const cancel = cancelOrder(desk, key("a"), { by: "client_order_id", value: key("a") }, caller());
    expect((await faultOf(cancel)).fault).toBe("client_order_id_reused");
    expect(terminal.submitted).toHaveLength(1);
  });

  it("stays free when its order was refused before it was journalled", async () => {
    const { place, journal } = await openDesk();
    expect((await faultOf(place({ volume: 0.015 }))).fault).toBe("invalid_argument");
    expect((await faultOf(place({ symbol: "NOPE" }))).fault).toBe("unknown_symbol");
    expect(journal.events).toEqual([]);
    expect((await place()).replayed).toBe(false);
  });
});

describe("a caller", () => {
  it("waits as long as it has asked to", async () => {
    const { place, terminal } = await openDesk();
    terminal.script = ["late", "late", "late"];
    expect((await place({ clientOrderId: key("r") }, { waitFor: "received" })).order.stage).toBe("sent");
    expect((await place({ clientOrderId: key("s") }, { waitFor: "sent" })).order.stage).toBe("sent");
    const answered = place({ clientOrderId: key("t") });
    await quiet();
    terminal.answerLate();
    expect((await answered).order.stage).toBe("filled");
  });

  it("that waits for the end gets no half of it", async () => {
    const { place, terminal, hear, order } = await openDesk();
    let over = false;
    const waiting = place(limit(), { waitFor: "final" }).finally(() => {
      over = true;
    });
    await quiet();
    const number = order("a").ticket as Ticket;
    terminal.fill(number, lots(0.04));
    await hear();
    await quiet();
    expect([over, order("a").stage]).toEqual([false, "partially_filled"]);
    terminal.fill(number);
    await hear();
    expect((await waiting).order).toMatchObject({ stage: "filled", deals: [1001n, 1002n] });
  });

  it("does not take a filled order without its deal for one that still works", async () => {
    const { place, terminal, hear, order } = await openDesk();
    terminal.script = ["late"];
    const waiting = place();
    await quiet();
    const reports = terminal.unreported;
    const filled = reports.filter((report) => report.type === "order" && report.order.state === "filled");
    terminal.unreported = [...filled];
    await hear();
    expect([filled.length, order("a").stage]).toEqual([1, "sent"]);
    terminal.report(...reports.filter(({ type }) => type === "deal"));
    await hear();
    expect((await waiting).order.stage).toBe("filled");
  });

  it("does not take a market order's start for its answer", async () => {
    const { place, terminal, desk, hear } = await openDesk();
    terminal.script = ["late"];
    const waiting = place();
    await quiet();
    const [first] = terminal.unreported;
    if (first?.type !== "order") throw new Error("no order");
    terminal.unreported = [{ type: "order", order: { ...first.order, state: "started" } }];
    await hear();
    expect(desk.record.orders.byNumber(desk.record.orders.nextNumber)?.stage ?? "none").toBe("none");
    terminal.answerLate();
    expect((await waiting).order.stage).toBe("filled");
  });

  it("whose deadline passes gets the stage reached, and the order goes on", async () => {
    const { place, terminal, clock, order } = await openDesk();
    terminal.script = ["late"];
    const waiting = place({}, {}, { deadline: later(clock.now(), 1000) });
    await quiet();
    clock.advance(1000);
    expect((await waiting).order.stage).toBe("sent");
    terminal.answerLate();
    await quiet();
    expect(order("a").stage).toBe("filled");
    expect((await place()).order.stage).toBe("filled");
  });

  it("is answered a little before its deadline, so that the answer can still travel", async () => {
    const { place, terminal, clock } = await openDesk();
    terminal.script = ["late"];
    const waiting = place({}, {}, { deadline: later(clock.now(), 1000) });
    await quiet();
    clock.advance(950);
    expect((await waiting).order.stage).toBe("sent");
  });

  it("that has gone does not call its order back, and leaves nothing behind", async () => {
    const { place, terminal, clock, order } = await openDesk();
    terminal.script = ["late"];
    const gone = new AbortController();
    const waiting = place({}, {}, { signal: gone.signal, deadline: later(clock.now(), 60_000) });
    await quiet();
    const command = 1;
    expect(clock.sleeping).toBe(command + 1);
    gone.abort();
    await waiting;
    expect(clock.sleeping).toBe(command);
    terminal.answerLate();
    await quiet();
    expect([order("a").stage, clock.sleeping]).toEqual(["filled", 0]);
  });

  it("is woken though another, who waited for the same order, has just stopped", async () => {
    const { place, terminal, clock } = await openDesk();
    terminal.script = ["late"];
    const first = place({}, {}, { deadline: later(clock.now(), 100) });
    await quiet();
    clock.advance(100);
    const second = first.then(() => place());
    await quiet();
    terminal.answerLate();
    expect((await second).order.stage).toBe("filled");
  });
});

describe("not_after", () => {
  it("keeps a stale order back, and its key free", async () => {
    const { place, clock, terminal } = await openDesk();
    const notAfter = later(clock.now(), -1);
    expect((await faultOf(place({}, { notAfter }))).fault).toBe("too_late");
    expect(terminal.submitted).toEqual([]);
    expect((await place({}, { notAfter: clock.now() })).order.stage).toBe("filled");
  });

  it("holds while the journal is slow: what has become stale there is not sent", async () => {
    const { place, clock, terminal, journal } = await openDesk();
    journal.hold();
    const waiting = place({}, { notAfter: later(clock.now(), 10) });
    await quiet();
    clock.advance(11);
    journal.release();
    expect((await waiting).order).toMatchObject({
      stage: "rejected",
      cause: "bridge",
      rejection: { reason: "TOO_LATE" },
    });
    expect(terminal.submitted).toEqual([]);
  });
});

describe("what an account allows", () => {
  it("no new orders while the bridge drains or the link is down; nothing is journalled", async () => {
    const { desk, place, journal } = await openDesk();
    desk.linkUp = false;
    expect((await faultOf(place())).fault).toBe("terminal_offline");
    desk.draining = true;
    expect((await faultOf(place())).fault).toBe("draining");
    expect(journal.events).toEqual([]);
  });

  it("the answer to a known key all the same", async () => {
    const { desk, place } = await openDesk();
    await place(limit({ price: 1.09 }));
    desk.linkUp = false;
    desk.draining = true;
    const replay = await place(limit({ price: 1.09 }));
    expect([replay.replayed, replay.order.price]).toEqual([true, 109_000 as Price]);
    expect(draft().clientOrderId).toBe(replay.order.clientOrderId);
  });
});
