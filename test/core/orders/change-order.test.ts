import { describe, expect, it } from "vitest";
import { lots, type Price } from "../../../src/core/model/decimals.ts";
import type { Ticket } from "../../../src/core/model/ids.ts";
import type { Position } from "../../../src/core/model/position.ts";
import { cancelOrder, modifyOrder, modifyPosition } from "../../../src/core/orders/change-order.ts";
import { settleDoubts } from "../../../src/core/orders/doubts.ts";
import type { ChangeDraft } from "../../../src/core/orders/draft.ts";
import type { OrderName } from "../../../src/core/orders/order-book.ts";
import { caller, type Desk, faultOf, key, later, limit, openDesk, quiet, silence, tell } from "../desk.ts";

const named = (name: string): OrderName => ({ by: "client_order_id", value: key(name) });
const change = (more: Partial<ChangeDraft> = {}): ChangeDraft => ({
  ...{ price: undefined, stopLimitPrice: undefined, stopLoss: undefined, takeProfit: undefined },
  ...{ timeInForce: undefined, expireTime: undefined },
  ...more,
});
const cancel = ({ desk }: Desk, name = "cancel", order = "a", who = {}) =>
  cancelOrder(desk, key(name), named(order), caller(who));
const modify = ({ desk }: Desk, name: string, more: Partial<ChangeDraft>) =>
  modifyOrder(desk, key(name), named("a"), change(more), caller());

async function resting(): Promise<Desk> {
  const desk = await openDesk();
  await desk.place(limit({ stopLoss: 1.08, takeProfit: 1.1 }));
  await desk.hear();
  return desk;
}

describe("a cancellation", () => {
  it("ends the order, as the client's doing", async () => {
    const desk = await resting();
    expect(await cancel(desk)).toMatchObject({ replayed: false, order: { stage: "canceled", cause: "client" } });
  });

  it("is on disk before it is sent", async () => {
    const desk = await resting();
    desk.journal.hold();
    const canceling = cancel(desk);
    await quiet();
    expect(desk.terminal.asked).toEqual([]);
    desk.journal.release();
    await canceling;
    expect(desk.terminal.asked).toEqual(["cancel 1000"]);
  });

  it("acts once, however many callers use its key at the same moment", async () => {
    const desk = await resting();
    const all = await Promise.all(Array.from({ length: 64 }, () => cancel(desk)));
    expect(desk.terminal.asked).toEqual(["cancel 1000"]);
    expect(all.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(all.every(({ order }) => order.stage === "canceled")).toBe(true);
  });

  it("acts once, also when its key comes while another write is under way", async () => {
    const desk = await resting();
    desk.journal.hold();
    const placing = desk.place({ clientOrderId: key("b") });
    const all = [cancel(desk), cancel(desk)];
    await quiet();
    desk.journal.release();
    await Promise.all([placing, ...all]);
    expect(desk.terminal.asked).toEqual(["cancel 1000"]);
  });

  it("is answered with the same refusal, for ever", async () => {
    const desk = await resting();
    desk.terminal.script = [10029];
    const first = await faultOf(cancel(desk));
    expect(first).toMatchObject({ fault: "refused_by_broker", metadata: { retcode: "10029", retcode_name: "FROZEN" } });
    const again = await faultOf(cancel(desk));
    expect([again.fault, again.message, again.metadata]).toEqual([first.fault, first.message, first.metadata]);
    const { fault, message } = await faultOf(cancel(await desk.restart()));
    expect([fault, message]).toEqual([first.fault, first.message]);
    expect(desk.terminal.asked).toEqual(["cancel 1000"]);
  });

  it("is the broker's doing when the client's was refused", async () => {
    const desk = await resting();
    desk.terminal.script = [10029];
    await faultOf(cancel(desk));
    desk.terminal.end(1000n as Ticket, "canceled");
    await desk.hear();
    expect(desk.order("a")).toMatchObject({ stage: "canceled", cause: "broker" });
  });

  it("is the broker's doing when the client's could not be sent", async () => {
    const desk = await resting();
    desk.terminal.script = ["offline"];
    expect((await faultOf(cancel(desk))).fault).toBe("never_arrived");
    desk.terminal.end(1000n as Ticket, "canceled");
    await desk.hear();
    expect(desk.order("a").cause).toBe("broker");
  });

  it("that is not answered says so, and its order's end still counts as the client's", async () => {
    const desk = await resting();
    desk.terminal.script = ["late"];
    const canceling = faultOf(cancel(desk));
    await quiet();
    desk.clock.advance(silence);
    expect((await canceling).fault).toBe("terminal_silent");
    await desk.hear();
    expect(desk.order("a")).toMatchObject({ stage: "canceled", cause: "client" });
    await settleDoubts(desk.desk);
    expect(await cancel(desk)).toMatchObject({ replayed: true, order: { stage: "canceled" } });
  });

  it("goes on when its caller's deadline passes; the key brings the answer", async () => {
    const desk = await resting();
    desk.terminal.script = ["late"];
    const canceling = faultOf(cancel(desk, "cancel", "a", { deadline: later(desk.clock.now(), 100) }));
    await quiet();
    desk.clock.advance(100);
    expect((await canceling).fault).toBe("terminal_silent");
    desk.terminal.answerLate();
    expect(await cancel(desk)).toMatchObject({ replayed: true, order: { stage: "canceled" } });
  });

  it("that a crash has left unanswered is not sent again; the records answer it", async () => {
    const desk = await resting();
    desk.terminal.script = ["late"];
    void cancel(desk);
    await quiet();
    const next = await desk.restart();
    expect(next.order("a").stage).toBe("canceled");
    expect(await cancel(next)).toMatchObject({ replayed: true, order: { stage: "canceled", cause: "client" } });
    expect(desk.terminal.asked).toEqual(["cancel 1000"]);
  });

  it("needs a working order, and says why else", async () => {
    const desk = await resting();
    expect((await faultOf(cancel(desk, "c1", "nobody"))).fault).toBe("unknown_order");
    await cancel(desk, "c2");
    expect(await faultOf(cancel(desk, "c3"))).toMatchObject({
      fault: "order_not_working",
      metadata: { stage: "canceled" },
    });
    desk.terminal.script = [10012];
    await desk.place({ clientOrderId: key("d") });
    expect((await faultOf(cancel(desk, "c4", "d"))).fault).toBe("order_in_doubt");
    desk.desk.linkUp = false;
    expect((await faultOf(cancel(desk, "c5"))).fault).toBe("terminal_offline");
  });

  it("cannot use the key of an order, nor of another cancellation", async () => {
    const desk = await resting();
    await desk.place(limit({ clientOrderId: key("b") }));
    expect((await faultOf(cancel(desk, "a"))).fault).toBe("client_order_id_reused");
    await cancel(desk, "cancel", "a");
    expect((await faultOf(cancel(desk, "cancel", "b"))).fault).toBe("client_order_id_reused");
    expect((await faultOf(desk.place({ clientOrderId: key("cancel") }))).fault).toBe("client_order_id_reused");
  });

  it("is allowed while the bridge drains", async () => {
    const desk = await resting();
    desk.desk.draining = true;
    expect((await cancel(desk)).order.stage).toBe("canceled");
  });
});

describe("a change of an order", () => {
  it("changes what it names, and leaves the rest", async () => {
    const desk = await resting();
    const { order } = await modify(desk, "m", { price: 1.085 });
    expect(order).toMatchObject({ price: 108_500, stopLoss: 108_000, takeProfit: 110_000 });
    expect(desk.terminal.open.get(1000n as Ticket)).toMatchObject({ price: 108_500, stopLoss: 108_000 });
  });

  it("removes a stop with 0", async () => {
    const desk = await resting();
    expect((await modify(desk, "m", { stopLoss: 0 })).order).not.toHaveProperty("stopLoss");
  });

  it("is heard once: its report is no second change", async () => {
    const desk = await resting();
    const { order } = await modify(desk, "m", { stopLoss: 0 });
    await desk.hear();
    expect(desk.order("a").version).toBe(order.version);
  });

  it("is not undone by an answer that comes after a newer report", async () => {
    const desk = await resting();
    desk.terminal.script = ["late"];
    void modify(desk, "m", { price: 1.085 });
    await quiet();
    await desk.terminal.modify(1000n as Ticket, { price: 108_700 as Price, timeInForce: "gtc" });
    await desk.hear();
    desk.terminal.answerLate();
    await quiet();
    expect(desk.order("a").price).toBe(108_700);
    expect(await modify(desk, "m", { price: 1.085 })).toMatchObject({ replayed: true, order: { price: 108_700 } });
  });

  it("that is wrong in itself takes no key and is not sent", async () => {
    const desk = await resting();
    expect((await faultOf(modify(desk, "m", { stopLoss: 1.2 }))).violations[0]?.field).toBe("stop_loss");
    expect(desk.terminal.asked).toEqual([]);
    expect((await modify(desk, "m", { stopLoss: 1.07 })).replayed).toBe(false);
  });
});

describe("a change of a position's stops", () => {
  const stops = (stopLoss?: number, takeProfit?: number) => ({ stopLoss, takeProfit });
  const held = async () => {
    const desk = await openDesk();
    await desk.place({ volume: 0.2 });
    await desk.hear();
    return desk;
  };

  it("is seen in the answer at once, once, and again after a restart", async () => {
    const desk = await held();
    const ask = (on: Desk) => modifyPosition(on.desk, key("m"), 1000n as Ticket, stops(1.05, 1.2), caller());
    expect(await ask(desk)).toMatchObject({ replayed: false, position: { stopLoss: 105_000, takeProfit: 120_000 } });
    expect(await ask(await desk.restart())).toMatchObject({ replayed: true, position: { stopLoss: 105_000 as Price } });
    expect(desk.terminal.asked).toEqual(["modify position 1000"]);
  });

  it("keeps what is not named and removes what is 0", async () => {
    const desk = await held();
    await modifyPosition(desk.desk, key("m"), 1000n as Ticket, stops(1.05, 1.2), caller());
    const { position } = await modifyPosition(desk.desk, key("n"), 1000n as Ticket, stops(undefined, 0), caller());
    expect(position).toMatchObject({ stopLoss: 105_000, volume: lots(0.2) });
    expect(position).not.toHaveProperty("takeProfit");
  });

  it("tells of the position as it is on disk, although more is on its way there", async () => {
    const { desk, journal } = await held();
    const ask = () => modifyPosition(desk, key("m"), 1000n as Ticket, stops(1.05), caller());
    await ask();
    journal.hold();
    const position = desk.record.holdings.position(1000n as Ticket) as Position;
    const moved = tell(desk, { type: "position", position: { ...position, stopLoss: 104_000 as Price } });
    const again = ask();
    await quiet();
    journal.release();
    journal.hold();
    const gone = tell(desk, { type: "position_closed", position });
    expect(desk.record.holdings.position(1000n as Ticket)).toBeUndefined();
    expect(await again).toMatchObject({ replayed: true, position: { stopLoss: 104_000 } });
    journal.release();
    await Promise.all([moved, gone]);
    expect(await ask()).toEqual({ replayed: true, position: undefined });
  });

  it("needs an open position", async () => {
    const { desk } = await openDesk();
    const asking = modifyPosition(desk, key("m"), 5n as Ticket, stops(1.05), caller());
    expect((await faultOf(asking)).fault).toBe("unknown_position");
  });
});

describe("a change in doubt", () => {
  it("is not answered with what is on its way to the disk", async () => {
    const desk = await resting();
    desk.terminal.complete = false;
    desk.terminal.script = ["lost"];
    const first = faultOf(cancel(desk));
    await quiet();
    desk.clock.advance(silence);
    expect((await first).fault).toBe("terminal_silent");
    desk.journal.hold();
    desk.place({ clientOrderId: key("b") }).catch(() => undefined);
    const again = faultOf(cancel(desk));
    await quiet();
    desk.journal.release();
    desk.journal.hold();
    const answered = desk.record.write([{ type: "answered", key: key("cancel"), answer: { kind: "done" } }]);
    expect((await again).fault).toBe("terminal_silent");
    desk.journal.release();
    await answered;
    expect((await cancel(desk)).replayed).toBe(true);
  });
});

describe("a change, when the journal cannot be written,", () => {
  it("is not sent, and says so", async () => {
    const desk = await resting();
    desk.journal.break();
    expect((await faultOf(cancel(desk))).fault).toBe("journal_unavailable");
    expect(desk.terminal.asked).toEqual([]);
  });

  it("does not claim that nothing was sent once it has left", async () => {
    const desk = await resting();
    desk.terminal.script = ["late"];
    const canceling = faultOf(cancel(desk));
    await quiet();
    desk.journal.break();
    desk.terminal.answerLate();
    expect((await canceling).fault).toBe("terminal_silent");
    expect((await faultOf(cancel(desk))).fault).toBe("terminal_silent");
  });
});
