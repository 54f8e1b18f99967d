/**
 * The paper terminal: a broker, its market and its ledger behind the terminal port.
 *
 * Always true:
 *   - The ledger is in the store of the bridge's own journal, which makes appends durable
 *     in their order, of all logs. So nothing waits here for the disk: what the bridge
 *     writes down of an answer or a report is durable no sooner than what it rests on.
 *   - Reports come in the broker's own order: a price before what it set off, and
 *     that before the next price.
 *   - Once the ledger has failed, the terminal is offline: what it knows and what is on
 *     disk may differ. When the ledger can be written again the broker is made anew from
 *     it, and the link is up again. Prices go on meanwhile, but a market that can wait waits.
 *   - Once the broker itself or the market has failed, the terminal is offline for good.
 */

import { BridgeError } from "../../core/errors.ts";
import type { AccountInfo } from "../../core/model/account.ts";
import { toBrokerTime } from "../../core/model/broker-clock.ts";
import type { BrokerTime, Instant, Ticket } from "../../core/model/ids.ts";
import type { NumberedOrder, OrderChange, OrderRequest, Stops } from "../../core/model/order.ts";
import type { SymbolSpec } from "../../core/model/symbol.ts";
import type { TickRows } from "../../core/model/tick-rows.ts";
import type { Approved } from "../../core/orders/risk.ts";
import type { Chance } from "../../core/ports/chance.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Journal } from "../../core/ports/journal.ts";
import type { Observer } from "../../core/ports/observer.ts";
import type { AccountSnapshot, CheckResult, Outcome, TerminalPort, TerminalReport } from "../../core/ports/terminal.ts";
import { type LedgerEvent, lasting } from "./books.ts";
import { type Answer, PaperBroker } from "./broker.ts";
import type { Market } from "./market.ts";
import { MarketHours } from "./market-hours.ts";
import { Outbox, unlessAborted } from "./outbox.ts";
import type { BrokerSettings } from "./settings.ts";

export interface PaperTerminalParts {
  readonly settings: BrokerSettings;
  /** Requests take between 0 and twice as long to reach the broker. */
  readonly latencyMs: number;
  /** How many reports may wait for their reader before the market has to wait too. */
  readonly outboxLimit?: number;
  readonly market: Market;
  readonly ledger: Journal<LedgerEvent>;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly observer: Observer;
  /** Milliseconds of the machine's stopwatch; given, answers tell where the time went. */
  readonly stopwatch?: () => number;
  /** The market starts once this resolves: when the bridge has its readers in place. */
  readonly start: Promise<void>;
}

const COMPONENT = "paper terminal";
/** Before the ledger is read again when that has failed. */
const RETRY_MS = 5000;

/** A broker with the books that the ledger tells of. */
async function restored({ settings, chance, ledger }: PaperTerminalParts): Promise<PaperBroker> {
  const broker = new PaperBroker(settings, chance);
  for await (const page of ledger.pages()) for (const { event } of page) broker.restore(event);
  return broker;
}

export class PaperTerminal implements TerminalPort {
  readonly account: AccountInfo;
  readonly symbols: readonly SymbolSpec[];
  readonly #parts: PaperTerminalParts;
  #broker: PaperBroker;
  readonly #outbox: Outbox;
  readonly #hours: MarketHours;
  readonly #life = new AbortController();
  #running: Promise<void> = Promise.resolve();
  /** Why the terminal is offline; undefined while it is not. */
  #down: string | undefined;
  /** Resolves when the ledger can be written; a new one with each failure. */
  #recovering: Promise<void> = Promise.resolve();
  /** There will be no more prices. */
  #ended = false;
  #valued = { balance: Number.NaN, open: false };

  /** Brings the books back from the ledger, or opens the account with its first deposit; then runs until `close`. */
  static async open(parts: PaperTerminalParts): Promise<PaperTerminal> {
    const terminal = new PaperTerminal(parts, await restored(parts));
    terminal.#begin();
    await parts.ledger.flushed();
    parts.ledger.onFailure((why) => terminal.#failLedger(why));
    terminal.#running = terminal.#run();
    return terminal;
  }

  private constructor(parts: PaperTerminalParts, broker: PaperBroker) {
    this.account = parts.settings.account;
    this.symbols = parts.settings.symbols;
    this.#parts = parts;
    this.#broker = broker;
    this.#outbox = new Outbox(parts.outboxLimit ?? 1024);
    this.#hours = new MarketHours(parts.settings);
  }

  brokerTime(at: Instant): BrokerTime {
    return toBrokerTime(at);
  }

  submit(order: Approved<NumberedOrder>, signal: AbortSignal): Promise<Outcome> {
    return this.#request(signal, (now) => this.#broker.submit(order, now));
  }

  modify(order: Ticket, change: OrderChange, signal: AbortSignal): Promise<Outcome> {
    return this.#request(signal, (now) => this.#broker.modify(order, change, now));
  }

  cancel(order: Ticket, signal: AbortSignal): Promise<Outcome> {
    return this.#request(signal, (now) => this.#broker.cancel(order, now));
  }

  modifyPosition(position: Ticket, stops: Stops, signal: AbortSignal): Promise<Outcome> {
    return this.#request(signal, (now) => this.#broker.modifyPosition(position, stops, now));
  }

  check(order: OrderRequest, _signal: AbortSignal): Promise<CheckResult> {
    return this.#look((now) => this.#broker.check(order, now));
  }

  snapshot(since: Instant, _signal: AbortSignal): Promise<AccountSnapshot> {
    const asked = this.#parts.clock.now();
    return this.#look((now) => this.#broker.snapshot(since, now, asked));
  }

  reports(signal: AbortSignal): AsyncIterable<TerminalReport> {
    return this.#outbox.reports(signal);
  }

  /** Stops the market and resolves when everything is on disk. Requests are refused from now on. */
  async close(): Promise<void> {
    this.#down ??= "the terminal is closed";
    this.#life.abort();
    await this.#running;
    await this.#parts.ledger.flushed().catch(() => undefined);
  }

  /** With the books as the ledger has them, or with the first deposit. */
  #begin(): void {
    this.#noteStrangers();
    if (this.#ended) this.#broker.end();
    const { settings, market } = this.#parts;
    if (this.#broker.books.deals.length === 0)
      this.#record(this.#broker.deposit(settings.initialBalance, market.now()));
  }

  /** What is open on a symbol that is no longer traded here can be neither priced nor closed. */
  #noteStrangers(): void {
    const known = new Set(this.symbols.map((spec) => spec.name));
    const { orders, positions } = this.#broker.books;
    for (const { ticket, symbol } of [...orders.values(), ...positions.values()]) {
      if (known.has(symbol)) continue;
      const message = `${ticket} is open on ${symbol}, which is not among the symbols: it stays as it is`;
      this.#parts.observer.note("warn", COMPONENT, message, { ticket, symbol });
    }
  }

  async #run(): Promise<void> {
    const { market, start } = this.#parts;
    const { signal } = this.#life;
    try {
      await unlessAborted(start, signal);
      if (this.#down !== undefined) return;
      this.#outbox.post({ type: "link", up: true, why: "the paper terminal has started" });
      this.#follow(market.now());
      const watch = this.#watch().catch((error: unknown) => this.#fail("the clock has failed", error));
      for await (const batch of market.batches(signal)) {
        if (market.patient) await unlessAborted(this.#recovering, signal);
        if (signal.aborted) return;
        this.#ticks(batch);
        await this.#outbox.room(signal);
      }
      if (signal.aborted) return;
      this.#ended = true;
      this.#broker.end();
      this.#hours.end();
      this.#follow(market.now());
      await watch;
    } catch (error) {
      this.#fail("the market has failed", error);
    }
  }

  #ticks(batch: TickRows): void {
    if (batch.length === 0 || this.#life.signal.aborted) return;
    const { patient } = this.#parts.market;
    try {
      const newest = batch.timeAt(batch.length - 1);
      this.#follow(newest);
      if (this.#down !== undefined) {
        this.#outbox.post({ type: "ticks", ticks: batch, patient });
        return;
      }
      for (const { ticks, events } of this.#broker.ticks(batch)) {
        this.#outbox.post({ type: "ticks", ticks, patient });
        this.#record(events);
      }
      this.#value(newest);
    } catch (error) {
      this.#fail("the broker has failed", error);
    }
  }

  /** Says whether the market is open when that has changed. */
  #follow(now: Instant): void {
    for (const open of this.#hours.changes(now)) this.#outbox.post({ type: "market", open });
  }

  /** Closing times pass without a tick: on the machine's clock somebody has to look up. */
  async #watch(): Promise<void> {
    const { market, clock } = this.#parts;
    const { signal } = this.#life;
    if (market.patient) return;
    for (let now = market.now(); !signal.aborted; ) {
      const next = this.#hours.next;
      if (next === undefined) return;
      await clock.sleep(Math.max(1, next - now), signal);
      const later = market.now();
      if (later <= now) return; // a market that stands still: its next tick will tell
      now = later;
      if (this.#down === undefined) this.#follow(now);
    }
  }

  /** Into the ledger and to the reader. */
  #record(events: readonly LedgerEvent[]): void {
    if (events.length === 0) return;
    try {
      const { durable } = this.#parts.ledger.append(lasting(events));
      durable.catch((error: unknown) => this.#failLedger(error));
    } catch (error) {
      this.#failLedger(error); // it is shut, or its queue is full
      return;
    }
    for (const event of events) {
      if (event.type === "day") continue;
      const report = event.type === "position" ? { type: event.type, position: event.position } : event;
      this.#outbox.post(report);
    }
  }

  /** What the account is worth, while that moves and once after it has moved. */
  #value(now: Instant): void {
    const { balance, positions } = this.#broker.books;
    const open = positions.size > 0;
    if (!open && !this.#valued.open && balance === this.#valued.balance) return;
    this.#valued = { balance, open };
    this.#outbox.post({ type: "valuation", valuation: this.#broker.valuation(now) });
  }

  /** A request on its way to the broker, and the answer. */
  async #request(signal: AbortSignal, act: (now: Instant) => Answer): Promise<Outcome> {
    this.#mustBeUp();
    const asked = this.#parts.stopwatch?.() ?? 0;
    await this.#travel(signal);
    if (signal.aborted) throw new BridgeError("canceled", "given up before it reached the broker; nothing was sent");
    this.#mustBeUp();
    const arrived = this.#parts.stopwatch?.() ?? 0;
    const now = this.#parts.market.now();
    try {
      const { outcome, events } = act(now);
      this.#record(events);
      if (outcome.kind === "done" && outcome.deals.length > 0) this.#value(now);
      if (this.#down === undefined) return this.#withWork(outcome, asked, arrived);
    } catch (error) {
      if (error instanceof BridgeError) throw error;
      this.#fail("the broker has failed", error);
      throw new BridgeError("terminal_silent", "the paper terminal has failed over the request", { cause: error });
    }
    throw new BridgeError("terminal_silent", "the paper terminal's ledger could not be written");
  }

  #withWork(outcome: Outcome, asked: number, arrived: number): Outcome {
    const { stopwatch } = this.#parts;
    if (stopwatch === undefined) return outcome;
    const work = [
      { step: "travel", start: asked, end: arrived },
      { step: "execute", start: arrived, end: stopwatch() },
    ];
    return { ...outcome, work };
  }

  /** A question: no latency worth playing. */
  async #look<T>(ask: (now: Instant) => T): Promise<T> {
    this.#mustBeUp();
    return ask(this.#parts.market.now());
  }

  async #travel(signal: AbortSignal): Promise<void> {
    const { latencyMs, chance, clock } = this.#parts;
    if (latencyMs > 0) await clock.sleep(chance.next() * 2 * latencyMs, signal);
  }

  #mustBeUp(): void {
    if (this.#down !== undefined) throw new BridgeError("terminal_offline", `the paper terminal: ${this.#down}`);
  }

  /** For good. */
  #fail(why: string, cause: unknown): void {
    if (this.#life.signal.aborted) return;
    this.#life.abort();
    this.#goDown(why, cause);
  }

  #failLedger(cause: unknown): void {
    if (this.#down !== undefined) return;
    const why = cause instanceof Error ? cause.message : String(cause);
    this.#goDown(cause instanceof BridgeError ? why : `the ledger cannot be written: ${why}`, cause);
    this.#recovering = this.#recover();
  }

  #goDown(why: string, cause: unknown): void {
    this.#down = why;
    this.#parts.observer.note("error", COMPONENT, why, { error: cause });
    this.#outbox.forgetTrades(); // whether they have happened is for the ledger to say
    this.#outbox.post({ type: "link", up: false, why });
  }

  /** What the broker did that is not on disk has not happened. Never throws. */
  async #recover(): Promise<void> {
    const { ledger, clock, observer } = this.#parts;
    const { signal } = this.#life;
    while (!signal.aborted) {
      try {
        await ledger.reopened();
        const broker = await restored(this.#parts);
        if (signal.aborted) return;
        this.#broker = broker;
        this.#valued = { balance: Number.NaN, open: false };
        this.#down = undefined;
        this.#begin();
        this.#outbox.post({ type: "link", up: true, why: "the ledger can be written again" });
        return;
      } catch (error) {
        if (signal.aborted) return;
        observer.note("error", COMPONENT, "the ledger could not be taken up again; tried again later", { error });
        await clock.sleep(RETRY_MS, signal);
      }
    }
  }
}
