/** What the kill switch keeps back: alone, and whatever else happens at the same time. */
import { describe, expect, it } from "vitest";
import type { AccountEvent } from "../../../src/core/accounts/account-event.ts";
import type { ControlEvent } from "../../../src/core/control/control-record.ts";
import { lots } from "../../../src/core/model/decimals.ts";
import type { StrategyId, Ticket } from "../../../src/core/model/ids.ts";
import { cancelOrder, modifyOrder, modifyPosition } from "../../../src/core/orders/change-order.ts";
import { checkOrder } from "../../../src/core/orders/check-order.ts";
import { closeBy, closePosition } from "../../../src/core/orders/close-position.ts";
import { raiseDoubts, settleDoubts } from "../../../src/core/orders/doubts.ts";
import { type ModeScope, strictness, type TradingMode } from "../../../src/core/orders/trading-mode.ts";
import { numbers } from "../../any-ticks.ts";
import { MemoryJournal } from "../../memory-journal.ts";
import { demo } from "../../terminals/paper/builders.ts";
import { caller, type Desk, draft, faultOf, key, limit, openDesk, quiet, silence, tell } from "../desk.ts";
import { nettingTerminal } from "../scripted-terminal.ts";

const because = { reason: "runaway", by: "operator" };
const timing = { waitFor: "answered", notAfter: undefined } as const;
const noChange = { price: undefined, stopLimitPrice: undefined, stopLoss: undefined, takeProfit: undefined };

const close = ({ desk }: Desk, name: string, position: Ticket) =>
  closePosition(
    desk,
    {
      ...{ clientOrderId: key(name), strategyId: undefined, position, volume: undefined, price: undefined },
      ...{ filling: "auto", deviation: 0, comment: "" },
    },
    timing,
    caller(),
  );
const cancel = ({ desk }: Desk, name: string, order: string) =>
  cancelOrder(desk, key(name), { by: "client_order_id", value: key(order) }, caller());
const modify = ({ desk }: Desk, name: string, order: string) => {
  const change = { ...noChange, price: 1.08, timeInForce: undefined, expireTime: undefined };
  return modifyOrder(desk, key(name), { by: "client_order_id", value: key(order) }, change, caller());
};
const stops = ({ desk }: Desk, name: string, position: Ticket, stopLoss: number) =>
  modifyPosition(desk, key(name), position, { stopLoss, takeProfit: undefined }, caller());

/** One long position (1000), one short one, and one order that rests. */
async function trading(): Promise<Desk & { long: Ticket; short: Ticket }> {
  const desk = await openDesk();
  await desk.place({ clientOrderId: key("long") });
  await desk.place({ clientOrderId: key("short"), side: "sell" });
  await desk.place(limit({ clientOrderId: key("rest") }));
  await desk.hear();
  const [long, short] = [...desk.record.holdings.positions].map((position) => position.ticket);
  if (long === undefined || short === undefined) throw new Error("no positions");
  await stops(desk, "first", long, 1.05);
  await desk.hear();
  desk.terminal.asked.length = 0;
  desk.terminal.submitted.length = 0;
  return { ...desk, long, short };
}

describe("HALTED", () => {
  it("sends nothing: orders are rejected by risk, with their key taken, and all else is refused", async () => {
    const desk = await trading();
    await desk.control.setMode({}, "halted", because);
    const { order } = await desk.place({ clientOrderId: key("new") });
    expect(order).toMatchObject({ stage: "rejected", cause: "risk", version: 2 });
    expect(order.rejection).toMatchObject({ reason: "TRADING_HALTED", rule: "trading_mode", limit: "HALTED" });
    expect(order.rejection?.message).toContain("operator: runaway");
    expect((await close(desk, "close", desk.long)).order.rejection?.reason).toBe("TRADING_HALTED");
    for (const call of [
      () => cancel(desk, "c", "rest"),
      () => modify(desk, "m", "rest"),
      () => stops(desk, "s", desk.long, 1.06),
    ]) {
      expect(await faultOf(call())).toMatchObject({
        fault: "risk_refused",
        metadata: { rule: "trading_mode", limit: "HALTED", risk_reason: "TRADING_HALTED" },
      });
    }
    expect([desk.terminal.submitted, desk.terminal.asked]).toEqual([[], []]);
    await desk.control.setMode({}, "active", because);
    expect((await desk.place({ clientOrderId: key("new") })).order.stage).toBe("rejected");
    expect((await cancel(desk, "c", "rest")).order.stage).toBe("canceled");
  });

  it("holds for its account and symbol only", async () => {
    const desk = await trading();
    await desk.control.setMode({ symbol: "GBPUSD" }, "halted", because);
    expect((await desk.place({ clientOrderId: key("a") })).order.stage).toBe("filled");
    await desk.control.setMode({ account: demo.alias, symbol: "EURUSD" }, "halted", because);
    expect((await desk.place({ clientOrderId: key("b") })).order.stage).toBe("rejected");
  });
});

describe("REDUCE_ONLY", () => {
  it("lets through what can only reduce: cancels, closes, stops that are set or come closer", async () => {
    const desk = await trading();
    await desk.control.setMode({}, "reduce_only", because);
    await stops(desk, "closer", desk.long, 1.06);
    await stops(desk, "set", desk.short, 1.2);
    expect((await cancel(desk, "c", "rest")).order.stage).toBe("canceled");
    const by = {
      clientOrderId: key("by"),
      strategyId: undefined,
      position: desk.long,
      opposite: desk.short,
      comment: "",
    };
    await closeBy(desk.desk, by, timing, caller());
    expect(desk.terminal.submitted).toHaveLength(1);
    expect((await close(desk, "close", desk.short)).order.stage).toBe("filled");
  });

  it("keeps back what may add: orders of any type, changes of orders, stops that are removed or go away", async () => {
    const desk = await trading();
    await desk.control.setMode({}, "reduce_only", because);
    for (const [name, more] of Object.entries({ market: {}, limit: limit(), sell: { side: "sell" } as const })) {
      const { order } = await desk.place({ ...more, clientOrderId: key(name) });
      expect(order, name).toMatchObject({ stage: "rejected", cause: "risk", rejection: { reason: "REDUCE_ONLY" } });
    }
    for (const call of [
      () => modify(desk, "m", "rest"),
      () => stops(desk, "farther", desk.long, 1.04),
      () => stops(desk, "removed", desk.long, 0),
    ]) {
      expect((await faultOf(call())).fault).toBe("risk_refused");
    }
    expect([desk.terminal.submitted, desk.terminal.asked]).toEqual([[], []]);
  });

  it("takes no order for a close that names a position of the same side, or none that is open", async () => {
    const desk = await trading();
    await desk.control.setMode({}, "reduce_only", because);
    for (const position of [desk.long, 99n as Ticket]) {
      const { order } = await desk.place({ clientOrderId: key(`x${position}`), position });
      expect(order.rejection?.reason).toBe("REDUCE_ONLY");
    }
  });
});

describe("an order on its way when the switch is thrown", () => {
  it("is kept back, though it was allowed when its key was taken", async () => {
    const desk = await openDesk();
    desk.journal.hold();
    const placing = desk.place();
    await quiet();
    await desk.control.setMode({}, "reduce_only", because);
    desk.journal.release();
    expect((await placing).order).toMatchObject({
      stage: "rejected",
      cause: "risk",
      rejection: { reason: "REDUCE_ONLY" },
    });
    expect(desk.terminal.submitted).toEqual([]);
  });

  it("is kept back also when it is a change", async () => {
    const desk = await trading();
    desk.journal.hold();
    const changing = faultOf(modify(desk, "m", "rest"));
    await quiet();
    await desk.control.setMode({}, "reduce_only", because);
    desk.journal.release();
    expect((await changing).fault).toBe("risk_refused");
    expect(desk.terminal.asked).toEqual([]);
    expect((await faultOf(modify(desk, "m", "rest"))).fault).toBe("risk_refused");
  });

  it("is not sent by a restart either", async () => {
    const desk = await openDesk();
    desk.journal.hold();
    void desk.place().catch(() => undefined);
    await quiet();
    await desk.control.setMode({}, "halted", because);
    const next = await desk.restart(desk.journal.events);
    expect([next.terminal.submitted, next.order("a").stage]).toEqual([[], "rejected"]);
  });
});

describe("a dry run", () => {
  it("says that the mode would refuse the order", async () => {
    const { desk, control } = await openDesk();
    expect((await checkOrder(desk, draft())).rejection).toBeUndefined();
    await control.setMode({}, "reduce_only", because);
    expect((await checkOrder(desk, draft())).rejection).toMatchObject({ reason: "REDUCE_ONLY", rule: "trading_mode" });
  });
});

/** Knows how much of it a power cut would leave. */
class WatchedJournal<E> extends MemoryJournal<E> {
  durable = this.events.length;

  override append(events: readonly E[]) {
    const appended = super.append(events);
    appended.durable.then(
      () => {
        this.durable = appended.sequence;
      },
      () => undefined,
    );
    return appended;
  }
}

const scopes: readonly ModeScope[] = [{}, { account: demo.alias }, { symbol: "EURUSD" }, { symbol: "GBPUSD" }];
const modes: readonly TradingMode[] = ["active", "reduce_only", "halted"];

/** Anything, in any order, and what was acknowledged of the switch. */
class Storm {
  readonly below: (limit: number) => number;
  readonly wrong: string[] = [];
  desk!: Desk;
  #journal = new WatchedJournal<AccountEvent>();
  #control = new WatchedJournal<ControlEvent>();
  /** The least that holds in each scope: what was acknowledged, or asked for since if that is less. */
  readonly #floor = scopes.map(() => 0);
  /** The newest that was asked for in each scope. */
  readonly #last = scopes.map(() => 0);
  #asked = 0;
  #keys = 0;
  /** What a killed process would still say reaches nobody. */
  #life = 0;
  refused = 0;

  constructor(seed: number) {
    this.below = numbers(seed);
  }

  async open(): Promise<void> {
    const parts = this.desk === undefined ? {} : { terminal: this.desk.terminal, clock: this.desk.clock };
    this.desk = await openDesk({ ...parts, journal: this.#journal, controlJournal: this.#control });
    this.desk.terminal.onCommand = (order, what) => {
      const floor = Math.max(...this.#floor.slice(0, 3)); // EURUSD is what is traded
      const closes = order?.request.position !== undefined && order.request.type === "market";
      const reduces = what === "cancel" || what === "stops" || (what === "submit" && closes);
      if (floor === strictness.halted || (floor === strictness.reduce_only && !reduces)) this.wrong.push(what);
    };
  }

  throwSwitch(): void {
    const [scope, mode] = [this.below(scopes.length), modes[this.below(3)] ?? "active"];
    const life = this.#life;
    this.#floor[scope] = Math.min(this.#floor[scope] ?? 0, strictness[mode]);
    const asked = ++this.#asked;
    this.#last[scope] = asked;
    this.desk.control.setMode(scopes[scope] ?? {}, mode, because).then(
      () => {
        // An earlier acknowledgement says nothing once another mode has been asked for.
        if (this.#life === life && this.#last[scope] === asked) this.#floor[scope] = strictness[mode];
      },
      () => undefined,
    );
  }
  async step(): Promise<void> {
    const { desk, below } = this;
    const ignore = () => undefined;
    const name = `k${this.#keys++}`;
    const { terminal } = desk;
    const positions = [...desk.record.holdings.positions];
    const position = positions[below(positions.length || 1)];
    const resting = [...desk.record.orders.open].filter((order) => order.type === "limit" && order.clientOrderId);
    const rest = resting[below(resting.length || 1)]?.clientOrderId;
    switch (below(14)) {
      case 0:
      case 1:
      case 2:
      case 3: {
        if (below(4) === 0) terminal.script.push((["late", "lost", "offline", 10004] as const)[below(4)] ?? "done");
        const more = {
          clientOrderId: key(name),
          side: below(2) ? "buy" : "sell",
          ...(below(2) ? limit() : {}),
        } as const;
        desk.place(more).then(({ order }) => {
          if (order.cause === "risk") this.refused += 1;
        }, ignore);
        break;
      }
      case 4:
      case 5:
        if (position) close(desk, name, position.ticket).catch(ignore);
        break;
      case 6:
        if (rest) cancel(desk, name, rest).catch(ignore);
        break;
      case 7:
        if (rest) modify(desk, name, rest).catch(ignore);
        break;
      case 8:
        if (position) stops(desk, name, position.ticket, position.side === "buy" ? 1.05 : 1.2).catch(ignore);
        break;
      case 9:
        for (const journal of [this.#journal, this.#control]) below(2) ? journal.hold() : journal.release();
        break;
      case 10:
        await this.restart();
        break;
      case 11:
        terminal.answerLate();
        desk.clock.advance(below(2) ? silence : 1);
        break;
      case 12:
        this.throwSwitch();
        break;
      default:
        for (const report of terminal.unreported.splice(0, below(5))) tell(desk.desk, report).catch(ignore);
    }
    if (below(3)) await quiet();
  }

  /** Killed: of each journal what was durable is kept, and perhaps a beginning of the rest. */
  async restart(): Promise<void> {
    this.#life += 1;
    const cut = <E>({ events, durable, epoch }: WatchedJournal<E>) =>
      new WatchedJournal(events.slice(0, durable + this.below(events.length - durable + 1)), epoch);
    const [journal, control] = [cut(this.#journal), cut(this.#control)];
    const { terminal } = this.desk;
    terminal.onCommand = () => {
      throw new Error("dead");
    };
    this.#journal.break();
    this.#control.break();
    terminal.script = [];
    terminal.answerLate();
    await quiet();
    terminal.unreported = [];
    // What was asked for and not acknowledged may be on disk or not.
    for (const [i, event] of control.events.entries()) {
      if (i < this.#control.durable || event.type !== "mode_set") continue;
      const scope = scopes.findIndex(
        ({ account, symbol }) => account === event.entry.account && symbol === event.entry.symbol,
      );
      this.#floor[scope] = Math.min(this.#floor[scope] ?? 0, strictness[event.entry.mode]);
    }
    [this.#journal, this.#control] = [journal, control];
    await this.open();
    await raiseDoubts(this.desk.desk);
    await settleDoubts(this.desk.desk);
  }
}

describe("after the acknowledgement of the switch", () => {
  it("nothing that adds risk is sent, whatever races with it, and through every restart", async () => {
    let refused = 0;
    let sent = 0;
    for (let seed = 0; seed < 400; seed++) {
      const storm = new Storm(seed);
      await storm.open();
      for (let n = 0; n < 60; n++) await storm.step();
      expect(storm.wrong, `seed ${seed}`).toEqual([]);
      refused += storm.refused;
      sent += storm.desk.terminal.submitted.length;
    }
    expect(Math.min(refused, sent)).toBeGreaterThan(400); // it has happened, both ways
  });
});

describe("a netting account's order", () => {
  const netting = async () => {
    const desk = await openDesk({ terminal: nettingTerminal() });
    await desk.place({ clientOrderId: key("long"), volume: 0.3 });
    await desk.hear();
    await desk.control.setMode({}, "reduce_only", because);
    const place = async (name: string, more: Parameters<Desk["place"]>[0]) =>
      (await desk.place({ ...more, clientOrderId: key(name), strategyId: 7 as StrategyId })).order.stage;
    return { ...desk, place };
  };

  it("reduces as far as it goes: what is more, rests, or goes the same way is kept back", async () => {
    const { place } = await netting();
    expect(await place("more", { side: "sell", volume: 0.31 })).toBe("rejected");
    expect(await place("same", { side: "buy", volume: 0.1 })).toBe("rejected");
    expect(await place("rests", { side: "sell", ...limit({ price: 1.2 }), volume: 0.1 })).toBe("rejected");
    expect(await place("all", { side: "sell", volume: 0.3 })).toBe("filled");
  });

  it("counts what is on its way, and what was dealt and not reported yet", async () => {
    const { place, terminal, record, hear } = await netting();
    terminal.script = ["late"];
    const first = place("first", { side: "sell", volume: 0.2 });
    await quiet();
    expect(await place("second", { side: "sell", volume: 0.2 })).toBe("rejected");
    terminal.answerLate();
    expect(await first).toBe("filled");
    const [position] = record.holdings.positions;
    expect(position?.volume).toBe(lots(0.3)); // its report has not come
    expect(await place("third", { side: "sell", volume: 0.2 })).toBe("rejected");
    expect(await place("fourth", { side: "sell", volume: 0.1 })).toBe("filled");
    await hear();
    expect([...record.holdings.positions, ...record.holdings.exposures()]).toEqual([]);
  });
});
