/** Every way in which the bridge can lose sight of an order, and how it finds out what became of it. */
import { describe, expect, it } from "vitest";
import { follow } from "../../../src/core/accounts/follow.ts";
import type { Deal } from "../../../src/core/model/deal.ts";
import { lots, type Price, type Volume } from "../../../src/core/model/decimals.ts";
import type { Instant, Ticket } from "../../../src/core/model/ids.ts";
import type { TerminalOrder } from "../../../src/core/model/order.ts";
import type { Position } from "../../../src/core/model/position.ts";
import type { TradeReport } from "../../../src/core/orders/apply-report.ts";
import { cancelOrder, modifyOrder, modifyPosition } from "../../../src/core/orders/change-order.ts";
import { closeBy } from "../../../src/core/orders/close-position.ts";
import { settleDoubts, watchDoubts } from "../../../src/core/orders/doubts.ts";
import type { ChangeDraft } from "../../../src/core/orders/draft.ts";
import { caller, type Desk, faultOf, key, limit, openDesk, quiet, silence, tell } from "../desk.ts";
import type { Behaviour } from "../scripted-terminal.ts";

const first = 1000n as Ticket;
const named = { by: "client_order_id", value: key("a") } as const;

/** An order whose command the terminal takes and never answers: the records cannot be read before the test says so. */
async function silent(behaviour: Behaviour, more: Parameters<Desk["place"]>[0] = {}): Promise<Desk> {
  const desk = await openDesk();
  desk.terminal.script = [behaviour];
  const placing = desk.place(more);
  await quiet();
  desk.terminal.script = ["offline"];
  desk.clock.advance(silence);
  await placing;
  await quiet();
  desk.terminal.unreported = [];
  return desk;
}

/** An order of which the terminal itself does not know what became; its history is not whole yet. */
async function unknown(): Promise<Desk> {
  const desk = await openDesk();
  desk.terminal.complete = false;
  desk.terminal.script = [10012];
  await desk.place();
  await quiet();
  return desk;
}

/** A resting order that the bridge knows of. */
async function resting(): Promise<Desk> {
  const desk = await openDesk();
  await desk.place(limit());
  await desk.hear();
  return desk;
}

/** The link comes up again; what was reported meanwhile is lost. */
async function reconnect(desk: Desk): Promise<void> {
  desk.terminal.unreported = [];
  await settleDoubts(desk.desk);
}

describe("the terminal's records", () => {
  it("are read again until they are whole, although nothing is in doubt: a deal may be missing", async () => {
    const desk = await resting();
    desk.terminal.fill(first);
    const [deal] = desk.terminal.deals.splice(0);
    const [order] = [...desk.terminal.past.values()];
    desk.terminal.past.clear();
    desk.terminal.complete = false;
    await reconnect(desk);
    expect(desk.order("a").stage).toBe("working");

    const over = new AbortController();
    void watchDoubts(desk.desk, over.signal);
    desk.terminal.deals.push(deal as Deal);
    desk.terminal.past.set(first, order as TerminalOrder);
    desk.terminal.complete = true;
    desk.clock.advance(1000);
    await quiet();
    expect(desk.order("a").stage).toBe("filled");
    const read = desk.terminal.snapshots;
    desk.clock.advance(60_000);
    await quiet();
    expect(desk.terminal.snapshots).toBe(read);
    over.abort();
  });

  it("are read again when they could not be read, though nothing is in doubt", async () => {
    const desk = await openDesk();
    const over = new AbortController();
    void watchDoubts(desk.desk, over.signal);
    const byHand = desk.terminal.foreign("buy", lots(0.3), "client");
    desk.terminal.unreported = []; // its report was lost, as when the journal could not be written
    desk.terminal.script = ["offline"];
    await settleDoubts(desk.desk);
    expect(desk.record.holdings.position(byHand)).toBeUndefined();
    desk.clock.advance(1000);
    await quiet();
    expect(desk.record.holdings.position(byHand)?.volume).toBe(lots(0.3));
    over.abort();
  });

  it.each(["before they were asked for", "while they were on their way"])(
    "are read again after a report that could not be kept, %s",
    async (when) => {
      const desk = await openDesk();
      const over = new AbortController();
      void follow(desk.account, () => undefined, over.signal);
      void watchDoubts(desk.desk, over.signal);
      let byHand = 0n as Ticket;
      const lost = () => {
        desk.terminal.onSnapshot = () => undefined;
        byHand = desk.terminal.foreign("buy", lots(0.3), "client");
        desk.journal.refusals.push(
          ...desk.terminal.unreported.map(() => new Error("an archived order cannot be read")),
        );
      };
      if (when === "before they were asked for") lost();
      else {
        desk.terminal.onSnapshot = () => {
          lost();
          return quiet();
        };
        await settleDoubts(desk.desk);
      }
      await quiet();
      expect(desk.record.holdings.position(byHand)).toBeUndefined();
      desk.clock.advance(1000);
      await quiet();
      expect(desk.record.holdings.position(byHand)?.volume).toBe(lots(0.3));
      over.abort();
    },
  );

  it("win over what was known, even where the broker's clock was set back", async () => {
    const desk = await openDesk();
    await desk.place();
    await desk.hear();
    const held = desk.terminal.positions.get(first) as Position;
    const later = { ...held, volume: lots(0.05), updateTime: (held.updateTime - 3_600_000) as Instant };
    desk.terminal.positions.set(first, later);
    await reconnect(desk);
    expect(desk.record.holdings.position(first)?.volume).toBe(lots(0.05));

    const earlier = { ...later, volume: lots(0.02), updateTime: (later.updateTime - 1000) as Instant };
    expect(await tell(desk.desk, { type: "position", position: earlier }), "asks for a reading").toBe(true);
    expect(desk.record.holdings.position(first)?.volume).toBe(lots(0.05));
  });
});

describe("a deal that the records show before an older one", () => {
  it("counts also when the position was reported as closed in between", async () => {
    const { desk, record, terminal } = await resting();
    terminal.fill(first);
    terminal.foreign("sell", lots(0.1), "stop_loss", 0n, first);
    const [opening, closing] = terminal.deals as [Deal, Deal];
    const changes = terminal.unreported.filter(({ type }) => type === "position" || type === "position_closed");
    const [opened, closed] = changes as [TradeReport, TradeReport];
    await tell(desk, opened);
    await tell(desk, { type: "deal", deal: closing });
    await tell(desk, closed);
    expect([...record.holdings.exposures()]).toEqual([]);
    await tell(desk, { type: "deal", deal: opening });
    expect([...record.holdings.exposures()]).toEqual([]);
  });

  it("is not forgotten until they are whole: both together leave nothing open", async () => {
    const desk = await resting();
    const { terminal, record } = desk;
    terminal.fill(first);
    terminal.foreign("sell", lots(0.1), "stop_loss", 0n, first);
    const deals = [...terminal.deals];
    terminal.complete = false;
    terminal.deals.shift();
    await reconnect(desk);
    expect(record.holdings.newestDeal?.entry).toBe("out");

    terminal.complete = true;
    terminal.deals.splice(0, 1, ...deals);
    await reconnect(desk);
    expect(record.holdings.newestDeal?.entry).toBe("in");
    expect([...record.holdings.exposures()]).toEqual([]);
  });
});

describe("an order in doubt", () => {
  it("says since when, why, and what settled it", async () => {
    const desk = await silent("late");
    const since = desk.clock.now();
    expect(desk.order("a")).toMatchObject({
      stage: "in_doubt",
      doubt: { since, why: "the terminal has not answered for 5000 ms" },
    });
    desk.clock.advance(1000);
    await reconnect(desk);
    expect(desk.order("a").doubt).toMatchObject({ since, settledAt: since + 1000, evidence: "records" });
    expect((await desk.reopen()).order("a").doubt).toEqual(desk.order("a").doubt);
  });

  it("blocks its key: it is not sent again, and a repetition says that it is in doubt", async () => {
    const desk = await silent("lost");
    expect(await desk.place()).toMatchObject({ replayed: true, order: { stage: "in_doubt" } });
    expect(desk.terminal.submitted).toHaveLength(1);
  });

  it("is what a time-out and a lost connection at the terminal lead to, whatever their words", async () => {
    for (const retcode of [10011, 10012, 10031]) {
      const desk = await openDesk();
      desk.terminal.complete = false;
      desk.terminal.script = [retcode];
      const { order } = await desk.place();
      expect([order.stage, order.doubt?.why], `${retcode}`).toEqual([
        "in_doubt",
        expect.stringContaining(String(retcode)),
      ]);
    }
  });

  it("is settled by whatever comes first: a late answer, a report, the records", async () => {
    const answered = await silent("late");
    answered.terminal.answerLate();
    await quiet();
    expect(answered.order("a")).toMatchObject({ stage: "filled", doubt: { evidence: "answer" } });

    const reported = await silent("late");
    reported.terminal.report({ type: "deal", deal: reported.terminal.deals[0] as never });
    await reported.hear();
    expect(reported.order("a")).toMatchObject({ stage: "filled", doubt: { evidence: "report" } });
  });

  it("is looked for again and again, ever less often, until it is settled", async () => {
    const desk = await unknown();
    const over = new AbortController();
    const watching = watchDoubts(desk.desk, over.signal);
    const before = desk.terminal.snapshots;
    const seconds: number[] = [];
    for (let second = 1; second <= 64; second++) {
      const read = desk.terminal.snapshots;
      desk.clock.advance(1000);
      await quiet();
      if (desk.terminal.snapshots > read) seconds.push(second);
    }
    expect(seconds).toEqual([1, 3, 7, 15, 31, 61]);
    desk.terminal.complete = true;
    desk.clock.advance(30_000);
    await quiet();
    expect(desk.order("a")).toMatchObject({ stage: "rejected", doubt: { evidence: "absence" } });
    desk.clock.advance(30_000);
    await quiet();
    desk.clock.advance(30_000);
    await quiet();
    expect(desk.terminal.snapshots).toBe(before + seconds.length + 1);
    over.abort();
    desk.clock.advance(1000);
    await watching;
  });

  it("is not looked for while the link is down", async () => {
    const desk = await unknown();
    desk.desk.linkUp = false;
    const over = new AbortController();
    void watchDoubts(desk.desk, over.signal);
    const before = desk.terminal.snapshots;
    desk.clock.advance(1000);
    await quiet();
    expect(desk.terminal.snapshots).toBe(before);
    over.abort();
  });

  it("shares one reading of the records with all that came into doubt meanwhile", async () => {
    const desk = await openDesk();
    desk.terminal.complete = false;
    desk.terminal.script = Array.from({ length: 20 }, () => 10012);
    await Promise.all(Array.from({ length: 20 }, (_, i) => desk.place({ clientOrderId: key(`k${i}`) })));
    await quiet();
    expect(desk.terminal.snapshots).toBeLessThanOrEqual(3);
  });
});

describe("what the records show after a silence", () => {
  it("a missed fill", async () => {
    const desk = await silent("late");
    await reconnect(desk);
    expect(desk.order("a")).toMatchObject({ stage: "filled", filled: lots(0.1), ticket: first });
  });

  it("several fills", async () => {
    const desk = await silent("late", limit());
    for (const part of [0.03, 0.03, 0.04]) desk.terminal.fill(first, lots(part));
    await reconnect(desk);
    const order = desk.order("a");
    expect([order.stage, order.filled, order.deals.length]).toEqual(["filled", lots(0.1), 3]);
  });

  it("a part of it filled, then canceled", async () => {
    const desk = await silent("late", limit());
    desk.terminal.fill(first, lots(0.04));
    desk.terminal.end(first, "canceled");
    await reconnect(desk);
    expect(desk.order("a")).toMatchObject({ stage: "canceled", cause: "broker", filled: lots(0.04) });
  });

  it("a filled order that its page of the history does not hold, by its deal's magic", async () => {
    const desk = await silent("late");
    desk.terminal.past.clear();
    await reconnect(desk);
    expect(desk.order("a")).toMatchObject({ stage: "filled", ticket: first });
  });

  it("nothing yet, because the history is not ready: the doubt stays, and is settled when it is", async () => {
    const desk = await unknown();
    const [submitted] = desk.terminal.submitted;
    if (submitted === undefined) throw new Error("nothing was submitted");
    desk.terminal.execute(submitted);
    const [deals, past] = [desk.terminal.deals.splice(0), new Map(desk.terminal.past)];
    const positions = new Map(desk.terminal.positions);
    desk.terminal.past.clear();
    desk.terminal.positions.clear();
    await reconnect(desk);
    expect(desk.order("a").stage).toBe("in_doubt");
    desk.terminal.deals.push(...deals);
    for (const [ticket, one] of past) desk.terminal.past.set(ticket, one);
    for (const [ticket, one] of positions) desk.terminal.positions.set(ticket, one);
    await reconnect(desk);
    expect(desk.order("a")).toMatchObject({ stage: "filled", doubt: { evidence: "records" } });
  });

  it("an expiry, a rejected activation", async () => {
    for (const state of ["expired", "rejected"] as const) {
      const desk = await silent("late", limit());
      desk.terminal.end(first, state);
      await reconnect(desk);
      expect(desk.order("a").stage).toBe(state);
    }
  });
});

describe("what happened to known orders and positions while nobody was looking", () => {
  it("a pending order has triggered", async () => {
    const desk = await resting();
    desk.terminal.fill(first);
    const next = await desk.restart();
    expect(next.order("a")).toMatchObject({ stage: "filled", filled: lots(0.1) });
    expect(next.record.holdings.position(first)?.volume).toBe(lots(0.1));
  });

  it("an order has expired", async () => {
    const desk = await resting();
    desk.terminal.end(first, "expired");
    expect((await desk.restart()).order("a")).toMatchObject({ stage: "expired", cause: "expiry" });
  });

  it("a stop loss, a take profit and a stop-out have closed positions, as what they are", async () => {
    for (const reason of ["stop_loss", "take_profit", "stop_out"] as const) {
      const desk = await openDesk();
      const { order } = await desk.place();
      await desk.hear();
      const closing = desk.terminal.foreign("sell", lots(0.1), reason, order.magic, order.ticket);
      const next = await desk.restart();
      expect(next.record.orders.byTicket(closing)).toMatchObject({ stage: "filled", cause: reason });
      expect(next.record.orders.byTicket(closing)?.clientOrderId).toBeUndefined();
      expect([...next.record.holdings.positions]).toEqual([]);
      expect(next.order("a")).toMatchObject({ stage: "filled", deals: order.deals });
    }
  });

  it("somebody has traded by hand: an order, and a close of ours", async () => {
    const desk = await openDesk();
    const { order } = await desk.place();
    await desk.hear();
    const manual = desk.terminal.foreign("buy", lots(0.2), "mobile");
    const closing = desk.terminal.foreign("sell", lots(0.1), "client", 0n, order.ticket);
    const next = await desk.restart();
    expect(next.record.orders.byTicket(manual)).toMatchObject({ stage: "filled", cause: "broker", strategyId: 0 });
    expect(next.record.orders.byTicket(closing)).toMatchObject({ stage: "filled", cause: "broker" });
    expect([...next.record.holdings.positions].map(({ ticket }) => ticket)).toEqual([manual]);
  });

  it("a position is larger, smaller or on the other side", async () => {
    for (const change of [{ volume: lots(0.3) }, { volume: lots(0.05) }, { side: "sell" as const }]) {
      const desk = await openDesk();
      await desk.place();
      await desk.hear();
      const held = desk.terminal.positions.get(first);
      if (held !== undefined) desk.terminal.positions.set(first, { ...held, ...change });
      const next = await desk.restart();
      expect(next.record.holdings.position(first)).toMatchObject(change);
    }
  });

  it("money was paid in", async () => {
    const desk = await resting();
    const [model] = (await silent("late")).terminal.deals;
    if (model === undefined) throw new Error("no deal");
    const { order: _order, position: _position, ...rest } = model;
    desk.terminal.deals.push({
      ...rest,
      ticket: 77n as Ticket,
      type: "balance",
      volume: 0 as Volume,
      price: 0 as Price,
    });
    const next = await desk.restart();
    expect(next.record.holdings.knows(77n as Ticket)).toBe(true);
    const { length } = next.journal.events;
    await settleDoubts(next.desk);
    expect(next.journal.events).toHaveLength(length);
  });

  it("reports that come late, twice and out of order after the records change nothing", async () => {
    const desk = await resting();
    desk.terminal.fill(first, lots(0.04));
    desk.terminal.fill(first);
    const reports = desk.terminal.unreported.filter(({ type }) => type === "order" || type === "deal");
    await reconnect(desk);
    const { length } = desk.journal.events;
    desk.terminal.report(...reports.toReversed(), ...reports);
    await desk.hear();
    expect(desk.order("a")).toMatchObject({ stage: "filled", filled: lots(0.1) });
    expect(desk.journal.events.length).toBe(length);
  });
});

describe("a report of a position", () => {
  it("that is older than what the records have shown is none", async () => {
    const desk = await openDesk();
    await desk.place();
    await desk.hear();
    const old = desk.terminal.positions.get(first);
    if (old === undefined) throw new Error("no position");
    desk.terminal.positions.set(first, { ...old, volume: lots(0.04), updateTime: 5 as Instant });
    await reconnect(desk);
    await tell(desk.desk, { type: "position", position: old });
    expect(desk.record.holdings.position(first)?.volume).toBe(lots(0.04));
  });
});

describe("a change without an answer", () => {
  const changed: ChangeDraft = {
    ...{ price: 1.08, stopLimitPrice: undefined, stopLoss: undefined, takeProfit: undefined },
    ...{ timeInForce: undefined, expireTime: undefined },
  };
  const asks = {
    cancel: (desk: Desk) => cancelOrder(desk.desk, key("c"), named, caller()),
    modify: (desk: Desk) => modifyOrder(desk.desk, key("c"), named, changed, caller()),
  };

  /** The change is asked for, and the terminal stays silent over it. */
  async function doubted(kind: keyof typeof asks, behaviour: Behaviour): Promise<Desk> {
    const desk = await resting();
    desk.terminal.script = [behaviour];
    const asking = faultOf(asks[kind](desk));
    await quiet();
    desk.terminal.script = ["offline"];
    desk.clock.advance(silence);
    expect((await asking).fault).toBe("terminal_silent");
    await quiet();
    return desk;
  }

  it("was made when the records show what it leads to, also after a restart", async () => {
    for (const kind of ["cancel", "modify"] as const) {
      const after = { cancel: { stage: "canceled", cause: "client" }, modify: { stage: "working", price: 108_000 } };
      const next = await (await doubted(kind, "late")).restart();
      expect(await asks[kind](next)).toMatchObject({ replayed: true, order: after[kind] });
      expect(next.terminal.asked).toHaveLength(1);
    }
  });

  it("never arrived when complete records do not show it, and its key says so for ever", async () => {
    for (const kind of ["cancel", "modify"] as const) {
      const next = await (await doubted(kind, "lost")).restart();
      expect((await faultOf(asks[kind](next))).fault).toBe("never_arrived");
      expect((await faultOf(asks[kind](await next.restart()))).fault).toBe("never_arrived");
      expect([next.order("a").stage, next.terminal.asked.length]).toEqual(["working", 1]);
    }
  });

  it("stays in doubt while the records are not whole, or the command has not ended", async () => {
    const early = await doubted("cancel", "lost");
    await reconnect(early); // the terminal may still be at it
    expect((await faultOf(asks.cancel(early))).fault).toBe("terminal_silent");
    early.terminal.complete = false;
    expect((await faultOf(asks.cancel(await early.restart()))).fault).toBe("terminal_silent");
  });

  it("came too late when the order had ended otherwise", async () => {
    const desk = await doubted("cancel", "lost");
    desk.terminal.fill(first);
    const next = await desk.restart();
    expect(await faultOf(asks.cancel(next))).toMatchObject({
      fault: "order_not_working",
      metadata: { stage: "filled" },
    });
  });

  it("was made when what it leads to was seen, though the order was changed again since", async () => {
    const desk = await doubted("modify", "late");
    await desk.terminal.modify(first, { price: 107_000 as Price, timeInForce: "gtc" });
    await desk.hear();
    expect(desk.order("a").price).toBe(107_000);
    const next = await desk.restart();
    expect(await asks.modify(next)).toMatchObject({ replayed: true, order: { price: 107_000 } });
  });

  it("is not denied when the order was changed otherwise, and what came first was not seen", async () => {
    const desk = await doubted("modify", "late");
    desk.terminal.unreported = [];
    await desk.terminal.modify(first, { price: 107_000 as Price, timeInForce: "gtc" });
    const next = await desk.restart();
    expect(await faultOf(asks.modify(next))).toMatchObject({
      fault: "terminal_silent",
      message: "something else may have changed it since, and whether this did first nobody can tell",
    });
  });

  it("is not denied when another one may have undone it: the order stands where it stood", async () => {
    const desk = await doubted("modify", "late");
    const back = { ...changed, price: 1.09 };
    desk.terminal.script = ["late"];
    modifyOrder(desk.desk, key("back"), named, back, caller()).catch(() => undefined);
    await quiet();
    desk.terminal.unreported = [];
    const next = await desk.restart();
    expect(next.order("a").price).toBe(109_000);
    expect(await modifyOrder(next.desk, key("back"), named, back, caller())).toMatchObject({ replayed: true });
    expect((await faultOf(asks.modify(next))).fault).toBe("terminal_silent");
  });

  it("is answered by a late answer, once", async () => {
    const desk = await doubted("cancel", "late");
    desk.terminal.answerLate();
    await quiet();
    await reconnect(desk);
    expect(await asks.cancel(desk)).toMatchObject({ replayed: true, order: { stage: "canceled", cause: "client" } });
    expect(desk.journal.events.filter((event) => event.type === "answered")).toHaveLength(1);
  });

  it("of stops is found in the position, or not", async () => {
    for (const [behaviour, fault] of [
      ["late", undefined],
      ["lost", "never_arrived"],
    ] as const) {
      const desk = await openDesk();
      await desk.place();
      await desk.hear();
      desk.terminal.script = [behaviour];
      const ask = (to: Desk) =>
        modifyPosition(to.desk, key("s"), first, { stopLoss: 1.05, takeProfit: undefined }, caller());
      const asking = faultOf(ask(desk));
      await quiet();
      desk.terminal.script = ["offline"];
      desk.clock.advance(silence);
      await asking;
      const next = await desk.restart();
      if (fault === undefined) expect(await ask(next)).toMatchObject({ position: { stopLoss: 105_000 } });
      else expect((await faultOf(ask(next))).fault).toBe(fault);
    }
  });
});

describe("a close by an opposite position", () => {
  it("that was not answered is found like any other order", async () => {
    const desk = await openDesk();
    await desk.place();
    await desk.place({ clientOrderId: key("b"), side: "sell" });
    await desk.hear();
    const [long, short] = [...desk.record.holdings.positions];
    if (long === undefined || short === undefined) throw new Error("no positions");
    const draft = { clientOrderId: key("x"), strategyId: undefined, position: long.ticket, opposite: short.ticket };
    desk.terminal.script = ["late"];
    void closeBy(desk.desk, { ...draft, comment: "" }, { waitFor: "answered", notAfter: undefined }, caller());
    await quiet();
    const next = await desk.restart();
    expect(next.order("x")).toMatchObject({ type: "close_by", stage: "filled", doubt: { evidence: "records" } });
  });
});
