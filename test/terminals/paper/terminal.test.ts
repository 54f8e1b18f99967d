import { describe, expect, it } from "vitest";
import { toBrokerTime } from "../../../src/core/model/broker-clock.ts";
import { lots } from "../../../src/core/model/decimals.ts";
import type { Instant } from "../../../src/core/model/ids.ts";
import type { TerminalReport } from "../../../src/core/ports/terminal.ts";
import type { LedgerEvent } from "../../../src/terminals/paper/books.ts";
import { PaperTerminal, type PaperTerminalParts } from "../../../src/terminals/paper/terminal.ts";
import { approved } from "../../core/standing.ts";
import { MemoryJournal } from "../../memory-journal.ts";
import { terminalSuite } from "../../suites/terminal.ts";
import {
  type Asking,
  asks,
  cents,
  draws,
  eurusd,
  HOUR,
  noon,
  points,
  settingsWith,
  t,
  type Variations,
} from "./builders.ts";
import { Notes, quiet, ScriptedClock, ScriptedMarket } from "./scripted.ts";

const never = new AbortController().signal;

/** A running paper terminal, all that it has told, and the strings it hangs on. */
async function running(
  variations: Variations = {},
  { ledger = new MemoryJournal<LedgerEvent>(), ...parts }: Partial<PaperTerminalParts> & Held = {},
) {
  const clock = new ScriptedClock(noon);
  const market = new ScriptedMarket(clock);
  const notes = new Notes();
  const terminal = await PaperTerminal.open({
    settings: settingsWith(variations),
    latencyMs: 0,
    market,
    ledger,
    clock,
    chance: draws(0.5),
    observer: notes,
    start: Promise.resolve(),
    ...parts,
  });
  const told: TerminalReport[] = [];
  const reading = (async () => {
    for await (const report of terminal.reports(never)) told.push(report);
  })();
  reading.catch(() => undefined);
  const tick = (bid: number, ask: number) => {
    const time = clock.now();
    const prices = { bid: points(bid), ask: points(ask), last: points(0) };
    return { symbol: "EURUSD", time, brokerTime: toBrokerTime(time), ...prices, volume: lots(0), flags: 6 };
  };
  const quote = async (bid: number, ask: number) => {
    market.push(tick(bid, ask));
    await quiet();
  };
  const buy = (asking?: Asking) => terminal.submit(approved(asks("buy", asking)), never);
  await quiet();
  return { terminal, clock, market, ledger, notes, told, quote, tick, buy };
}

interface Held {
  readonly ledger?: MemoryJournal<LedgerEvent>;
}

const types = (reports: readonly TerminalReport[]) =>
  reports.map((report) => (report.type === "order" ? `order ${report.order.state}` : report.type));

const faultOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "none",
    (error: { fault: string }) => error.fault,
  );

terminalSuite("the paper terminal as a terminal", async () => {
  const clock = new ScriptedClock(noon);
  const market = new ScriptedMarket(clock);
  const terminal = await PaperTerminal.open({
    settings: settingsWith(),
    latencyMs: 0,
    market,
    ledger: new MemoryJournal(),
    clock,
    chance: draws(0),
    observer: new Notes(),
    start: Promise.resolve(),
  });
  const quote = async (bid: number, ask: number) => {
    const time = clock.now();
    const prices = { bid: points(bid), ask: points(ask), last: points(0), volume: lots(0), flags: 6 };
    market.push({ symbol: "EURUSD", time, brokerTime: toBrokerTime(time), ...prices });
    await quiet();
  };
  await quote(1.1, 1.1001);
  return { terminal, symbol: "EURUSD", quote, close: () => terminal.close() };
});

describe("a paper terminal", () => {
  it("opens an empty account with its deposit", async () => {
    const { told, terminal } = await running();
    expect(types(told)).toEqual(["deal", "link", "market"]);
    expect(told[0]).toMatchObject({ deal: { ticket: 500n, type: "balance", profit: cents(10_000) } });
    expect((await terminal.snapshot(0 as Instant, never)).valuation.balance).toBe(cents(10_000));
  });

  it("stands after a restart where it stood before, and books no second deposit", async () => {
    const first = await running();
    await first.quote(1.1, 1.1001);
    await first.buy({ sl: 1.09 });
    await first.buy({ type: "limit", at: 1.08 });
    const before = await first.terminal.snapshot(0 as Instant, never);
    await first.terminal.close();

    const second = await running({}, { ledger: new MemoryJournal(first.ledger.events) });
    expect(types(second.told)).toEqual(["link", "market"]);
    await second.quote(1.1, 1.1001);
    expect(await second.terminal.snapshot(0 as Instant, never)).toEqual(before);
    expect(await second.buy()).toMatchObject({ orders: [{ ticket: 1003n }], deals: [{ ticket: 502n }] });
  });

  it("waits with its market until it is told to start, and answers meanwhile that there are no prices", async () => {
    const start = Promise.withResolvers<void>();
    const { told, quote, buy } = await running({}, { start: start.promise });
    await quote(1.1, 1.1001);
    expect(types(told)).toEqual(["deal"]);
    expect(await buy()).toMatchObject({ kind: "refused", retcode: 10021 });
    start.resolve();
    await quiet();
    expect(types(told)).toEqual(["deal", "link", "market", "ticks", "valuation"]);
  });

  it("tells prices, what they set off, and once per batch what the account is worth", async () => {
    const { told, market, tick, buy, quote } = await running();
    await quote(1.1, 1.1001);
    await buy({ sl: 1.09 });
    await quiet();
    told.length = 0;
    market.push(tick(1.0999, 1.1), tick(1.0899, 1.09), tick(1.0898, 1.0899), tick(1.0897, 1.0898));
    await quiet();
    expect(types(told)).toEqual([
      "ticks",
      "order started",
      "deal",
      "order filled",
      "position_closed",
      "ticks",
      "valuation",
    ]);
    expect(told.flatMap((report) => (report.type === "ticks" ? report.ticks.length : []))).toEqual([2, 2]);
  });

  it("says nothing of the account's worth while nothing is open and nothing has moved", async () => {
    const { told, quote } = await running();
    await quote(1.1, 1.1001);
    await quote(1.1001, 1.1002);
    expect(types(told)).toEqual(["deal", "link", "market", "ticks", "valuation", "ticks"]);
  });

  it("has everything in its ledger before it answers or reports it: what follows from it is durable after it", async () => {
    const { quote, buy, ledger, told } = await running();
    await quote(1.1, 1.1001);
    ledger.hold();
    told.length = 0;
    const before = ledger.events.length;
    expect(await buy()).toMatchObject({ retcode: 10009 });
    expect(ledger.events.slice(before).map(({ type }) => type)).toEqual(["deal", "order", "position"]);
    await quiet();
    expect(types(told)).toEqual(["order started", "deal", "order filled", "position", "valuation"]);
    ledger.release();
  });

  it("is silent about the request that its ledger refuses, and offline from then on", async () => {
    const { told, quote, buy, ledger, terminal, notes } = await running();
    await quote(1.1, 1.1001);
    told.length = 0;
    ledger.append = () => {
      throw new Error("the queue is full");
    };
    expect(await faultOf(buy())).toBe("terminal_silent");
    expect(await faultOf(buy())).toBe("terminal_offline");
    expect(await faultOf(terminal.snapshot(0 as Instant, never))).toBe("terminal_offline");
    await quiet();
    const why = "the ledger cannot be written: the queue is full";
    expect(told[0]).toEqual({ type: "link", up: false, why });
    expect(notes.lines[0]).toEqual(`error paper terminal: ${why}`);
  });

  it("is offline as soon as its ledger fails, though nobody asked for anything", async () => {
    const { told, ledger } = await running();
    told.length = 0;
    ledger.break();
    await quiet();
    expect(told).toMatchObject([{ type: "link", up: false }]);
  });

  it("passes prices on while its ledger is shut, and lets them set nothing off", async () => {
    const { told, quote, buy, ledger } = await running();
    await quote(1.1, 1.1001);
    await buy({ sl: 1.09 });
    ledger.break();
    await quiet();
    told.length = 0;
    await quote(1.08, 1.0801);
    expect(types(told)).toEqual(["ticks"]);
  });

  it("is back when its ledger can be written again, with the books that are on disk", async () => {
    const { told, quote, buy, ledger, terminal } = await running();
    await quote(1.1, 1.1001);
    await buy({ sl: 1.09 });
    const before = await terminal.snapshot(0 as Instant, never);
    ledger.hold();
    await buy();
    await quiet();
    ledger.break();
    await quiet();
    told.length = 0;
    ledger.mend();
    await quiet();
    expect(told).toEqual([{ type: "link", up: true, why: "the ledger can be written again" }]);
    const { positions, deals, pastOrders } = await terminal.snapshot(0 as Instant, never);
    expect({ positions, deals, pastOrders }).toEqual({
      ...{ positions: before.positions, deals: before.deals, pastOrders: before.pastOrders },
    });
    told.length = 0;
    await quote(1.08, 1.0801); // the stop that prices passed by meanwhile, at the first price after it
    expect(types(told)).toEqual(["ticks", "order started", "deal", "order filled", "position_closed", "valuation"]);
  });

  it("keeps what the ledger has kept, though it was told that it failed", async () => {
    const { quote, buy, ledger, terminal } = await running();
    await quote(1.1, 1.1001);
    ledger.hold();
    await buy();
    ledger.break(1000); // all of it: the sync failed late
    await quiet();
    ledger.mend();
    await quiet();
    const { positions, deals } = await terminal.snapshot(0 as Instant, never);
    expect([positions.length, deals.length]).toEqual([1, 2]);
  });

  it("lets a market that can wait do so until the ledger can be written", async () => {
    const clock = new ScriptedClock(noon);
    const market = new ScriptedMarket(clock, true);
    const { told, tick, ledger } = await running({}, { clock, market });
    market.push(tick(1.1, 1.1001));
    await quiet();
    ledger.break();
    told.length = 0;
    market.push(tick(1.2, 1.2001));
    await quiet();
    expect(types(told)).toEqual(["link"]);
    ledger.mend();
    await quiet();
    expect(types(told).slice(0, 3)).toEqual(["link", "link", "ticks"]);
  });

  it("goes offline, and says why, when its market fails", async () => {
    const { told, market, buy } = await running();
    market.fail(new Error("line 7: not a price"));
    await quiet();
    expect(told.at(-1)).toEqual({ type: "link", up: false, why: "the market has failed" });
    expect(await faultOf(buy())).toBe("terminal_offline");
  });

  it("goes offline, and says why, when the broker itself fails over a price", async () => {
    const dice = { next: () => 0 };
    const { told, quote, buy, notes } = await running({ settings: { slippage: 5 } }, { chance: dice });
    await quote(1.1, 1.1001);
    await buy({ sl: 1.09 });
    dice.next = () => {
      throw new Error("the dice are gone");
    };
    await quote(1.08, 1.0801);
    expect(told.at(-1)).toEqual({ type: "link", up: false, why: "the broker has failed" });
    expect(notes.lines).toEqual(["error paper terminal: the broker has failed"]);
    expect(await faultOf(buy())).toBe("terminal_offline");
  });

  it("is silent about the request over which the broker failed", async () => {
    const dice = { next: () => 0 };
    const { quote, buy } = await running({ settings: { slippage: 5 } }, { chance: dice });
    await quote(1.1, 1.1001);
    dice.next = () => {
      throw new Error("the dice are gone");
    };
    expect(await faultOf(buy())).toBe("terminal_silent");
    expect(await faultOf(buy())).toBe("terminal_offline");
  });

  it("says which positions it can no longer look after when a symbol was taken away", async () => {
    const first = await running();
    await first.quote(1.1, 1.1001);
    await first.buy();
    await first.terminal.close();
    const symbol = { name: "EURUSD.x" };
    const { notes } = await running({ symbol }, { ledger: new MemoryJournal(first.ledger.events) });
    expect(notes.lines).toEqual([
      "warn paper terminal: 1001 is open on EURUSD, which is not among the symbols: it stays as it is",
    ]);
  });

  it("keeps answering when the market has ended, but trades no more", async () => {
    const { told, market, quote, buy, terminal } = await running();
    await quote(1.1, 1.1001);
    await buy();
    market.end();
    await quiet();
    expect(told.at(-1)).toEqual({ type: "market", open: false });
    expect(await buy()).toMatchObject({ kind: "refused", retcode: 10018 });
    expect((await terminal.snapshot(0 as Instant, never)).positions).toHaveLength(1);
  });

  it("lets the market wait when nobody reads", async () => {
    const clock = new ScriptedClock(noon);
    const market = new ScriptedMarket(clock, true);
    const parts = { settings: settingsWith(), latencyMs: 0, market, ledger: new MemoryJournal<LedgerEvent>() };
    const ends = { clock, chance: draws(0), observer: new Notes(), start: Promise.resolve(), outboxLimit: 6 };
    const terminal = await PaperTerminal.open({ ...parts, ...ends });
    const prices = { bid: points(1.1), ask: points(1.1001), last: points(0), volume: lots(0), flags: 6 };
    const tick = { symbol: "EURUSD", time: noon, brokerTime: toBrokerTime(noon), ...prices };
    for (let i = 0; i < 20; i++) market.push(tick);
    await quiet();
    expect(market.asked).toBeLessThan(6);
    let ticks = 0;
    for await (const report of terminal.reports(never)) {
      if (report.type === "ticks") ticks += 1;
      if (ticks === 20) break;
    }
    expect(market.asked).toBe(20);
  });

  it("takes its time: a request arrives after the latency, and not at all when it is given up before", async () => {
    const { clock, quote, terminal } = await running({}, { latencyMs: 40 });
    await quote(1.1, 1.1001);
    const submit = (signal: AbortSignal) => terminal.submit(approved(asks("buy")), signal);
    let answered = false;
    void submit(never).then(() => {
      answered = true;
    });
    const giveUp = new AbortController();
    const given = faultOf(submit(giveUp.signal));
    giveUp.abort();
    expect(await given).toBe("canceled");
    clock.advance(39);
    await quiet();
    expect(answered).toBe(false);
    clock.advance(1);
    await quiet();
    expect(answered).toBe(true);
    expect((await terminal.snapshot(0 as Instant, never)).positions).toHaveLength(1);
  });

  it("tells when the market closes and opens, without waiting for a tick", async () => {
    const day = [{ from: 0, to: 13 * 3600 }];
    const quoteSessions = [day, day, day, day, day, day, day] as const;
    const { told, clock } = await running({ settings: { sessions: true }, symbol: { ...eurusd, quoteSessions } });
    const market = () => told.flatMap((report) => (report.type === "market" ? report.open : []));
    expect(market()).toEqual([true]);
    clock.advance(HOUR);
    await quiet();
    expect(market()).toEqual([true, false]);
    clock.advance(11 * HOUR);
    await quiet();
    expect(market()).toEqual([true, false, true]);
  });

  it("tells of a night between two prices, too, when its market is a recording", async () => {
    const day = [{ from: 0, to: 13 * 3600 }];
    const quoteSessions = [day, day, day, day, day, day, day] as const;
    const clock = new ScriptedClock(noon);
    const market = new ScriptedMarket(clock, true);
    const variations = { settings: { sessions: true }, symbol: { ...eurusd, quoteSessions } };
    const { told, tick } = await running(variations, { clock, market });
    market.push(tick(1.1, 1.1001));
    await quiet();
    clock.advance(24 * HOUR);
    market.push({ ...tick(1.1, 1.1001), time: clock.now(), brokerTime: toBrokerTime(clock.now()) });
    await quiet();
    expect(types(told).slice(2)).toEqual(["market", "ticks", "valuation", "market", "market", "ticks"]);
    expect(told.flatMap((report) => (report.type === "market" ? report.open : []))).toEqual([true, false, true]);
  });

  it("closes an opposite pair through the same door", async () => {
    const { quote, buy, terminal } = await running();
    await quote(1.1, 1.1001);
    await buy();
    await terminal.submit(approved(asks("sell")), never);
    expect(await buy({ position: t(1001), positionBy: t(1002) })).toMatchObject({ retcode: 10009 });
    expect((await terminal.snapshot(0 as Instant, never)).positions).toEqual([]);
  });

  it("refuses everything once it is closed", async () => {
    const { terminal, buy } = await running();
    await terminal.close();
    expect(await faultOf(buy())).toBe("terminal_offline");
  });
});
