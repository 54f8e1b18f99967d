/**
 * A market that never was: prices drawn from chance, at the machine's own time.
 *
 * The sequence of gaps, symbols and prices depends on the seed, the symbols and the rate
 * alone (and, with `sessions`, on when symbols open); the clock only says when it begins.
 * A tick's time is the moment it was due, so ticks that leave in one turn of the event
 * loop still lie apart as they were drawn.
 *
 * A market that was held up sends what is due in batches of at most a thousand; held up
 * for more than five seconds, or when the clock is set back, it goes on from now.
 */
import type { Instant } from "../../core/model/ids.ts";
import type { SymbolSpec } from "../../core/model/symbol.ts";
import type { SourceTick } from "../../core/model/tick.ts";
import { RowWriter, type TickRows } from "../../core/model/tick-rows.ts";
import type { Clock } from "../../core/ports/clock.ts";
import { Arrivals } from "./arrivals.ts";
import type { Market } from "./market.ts";
import { anyQuoted, nextBoundary } from "./opening-hours.ts";
import { PriceWalk, Quote } from "./price-walk.ts";
import { seeded } from "./seeded.ts";
import { sidesChanged } from "./sides-changed.ts";
import { brokerTimes } from "./time-zone.ts";

const BATCH = 1000;
const MOST_BEHIND = 5000;
const LONGEST_SLEEP = 60_000;
const MOST_A_SECOND = 100_000;
const A_SYMBOL = 3;

export interface GeneratedSettings {
  readonly seed: number | string;
  /** Ticks a second, of all symbols together; by default three for each. */
  readonly rate?: number;
  /** Quote only within each symbol's quote sessions; otherwise the market never closes. */
  readonly sessions?: boolean;
  /** The last ticks of a market to go on from; of the others, a symbol's usual price. */
  readonly resume?: readonly SourceTick[];
}

export class GeneratedMarket implements Market {
  readonly patient = false;
  readonly #symbols: readonly SymbolSpec[];
  readonly #settings: GeneratedSettings;
  readonly #rate: number;
  readonly #clock: Clock;

  constructor(settings: GeneratedSettings, symbols: readonly SymbolSpec[], clock: Clock) {
    const { rate = A_SYMBOL * symbols.length } = settings;
    if (symbols.length === 0) throw new Error("a generated market needs at least one symbol");
    if (!(rate > 0 && rate <= MOST_A_SECOND)) {
      throw new Error(`a generated market's rate is above 0 and at most ${MOST_A_SECOND} ticks a second, not ${rate}`);
    }
    this.#symbols = symbols;
    this.#settings = settings;
    this.#rate = rate;
    this.#clock = clock;
  }

  now(): Instant {
    return this.#clock.now();
  }

  async *batches(signal: AbortSignal): AsyncGenerator<TickRows, void> {
    const source = new Source(this.#settings, this.#symbols, this.#rate);
    let start: number = this.#clock.now();
    let reached = start;
    const batch = new RowWriter(this.#symbols, Math.max(BATCH, this.#symbols.length));
    source.open(start as Instant, batch);
    if (batch.length > 0) yield batch.take();
    while (!signal.aborted) {
      const now: number = this.#clock.now();
      if (now < reached - MOST_BEHIND || now - (start + source.due) > MOST_BEHIND) start = now - source.due;
      reached = now;
      while (!batch.full && start + source.due <= now) {
        if (!source.take(start, batch) && source.allClosed(now)) break;
      }
      const { full } = batch;
      if (batch.length > 0) yield batch.take();
      if (full) {
        await this.#clock.sleep(0, signal); // who catches up must not keep everything else waiting
        continue;
      }
      const opens = this.#settings.sessions === true ? source.opens(now as Instant) : now;
      const next = Math.max(start + source.due, opens);
      if (opens > start + source.due) start = opens - source.due; // the closed hours are not made up for
      await this.#clock.sleep(Math.min(LONGEST_SLEEP, Math.max(1, Math.ceil(next - this.#clock.now()))), signal);
    }
  }
}

/** Whether a symbol is quoted, and until when that holds: not worked out anew for every tick. */
interface SessionState {
  readonly open: boolean;
  readonly until: number;
}

/** The endless sequence, without a clock: what comes next, and how long after the start. */
class Source {
  /** Milliseconds from the start to the next tick. */
  due = 0;
  readonly #walk: PriceWalk;
  readonly #arrivals: Arrivals;
  readonly #chance: ReturnType<typeof seeded>;
  readonly #quotes: readonly Quote[];
  readonly #specs: readonly SymbolSpec[];
  readonly #states: SessionState[] | undefined;
  readonly #toBroker = brokerTimes();
  #last = 0;
  #burst = 0;
  #time = Number.NEGATIVE_INFINITY;

  constructor(settings: GeneratedSettings, symbols: readonly SymbolSpec[], rate: number) {
    const { seed, resume = [], sessions = false } = settings;
    const last = new Map(resume.filter(({ bid, ask }) => bid > 0 && ask > bid).map((tick) => [tick.symbol, tick]));
    this.#chance = seeded(`${seed}/order`);
    this.#walk = new PriceWalk(seeded(`${seed}/prices`));
    this.#arrivals = new Arrivals(seeded(`${seed}/gaps`), rate);
    const spread = seeded(`${seed}/spreads`);
    this.#specs = symbols;
    this.#quotes = symbols.map((spec) => new Quote(spec, this.#walk, spread, last.get(spec.name)));
    this.#states = sessions ? symbols.map(() => ({ open: false, until: Number.NEGATIVE_INFINITY })) : undefined;
    this.#draw();
  }

  /** A price of every open symbol, so that all can be traded from the start. */
  open(start: Instant, into: RowWriter): void {
    this.#time = start;
    for (let index = 0; index < this.#quotes.length; index++) this.#tick(index, start, into);
  }

  /** The tick that is due; false where its symbol is closed. */
  take(start: number, into: RowWriter): boolean {
    const at = Math.floor(start + this.due);
    const index = this.#pick();
    this.#time = Math.max(this.#time, at);
    this.#draw();
    return this.#tick(index, this.#time as Instant, into);
  }

  #tick(index: number, time: Instant, into: RowWriter): boolean {
    if (!this.#isOpen(index, time)) return false;
    const quote = this.#quotes[index] as Quote;
    const changed = quote.move();
    const flags = sidesChanged((changed & 1) !== 0, (changed & 2) !== 0);
    into.add(index, time, this.#toBroker(time), quote.bid, quote.ask, 0, 0, flags);
    return true;
  }

  /** When the first symbol opens: `now` if one is open. */
  opens(now: Instant): number {
    if (anyQuoted(this.#specs, now)) return now;
    return nextBoundary(this.#specs, now) ?? now + LONGEST_SLEEP;
  }

  allClosed(now: number): boolean {
    return this.#states?.every(({ open, until }) => !open && until > now) ?? false;
  }

  #isOpen(index: number, time: Instant): boolean {
    if (this.#states === undefined) return true;
    let state = this.#states[index] as SessionState;
    if (time >= state.until) {
      const symbol = [this.#specs[index] as SymbolSpec];
      state = { open: anyQuoted(symbol, time), until: nextBoundary(symbol, time) ?? Number.POSITIVE_INFINITY };
      this.#states[index] = state;
    }
    return state.open;
  }

  #draw(): void {
    const gap = this.#arrivals.next(this.#walk.mood.activity);
    this.#walk.pass(gap);
    this.due += gap * 1000;
  }

  /** Symbols take turns at random; one that has just moved is likely to move again. */
  #pick(): number {
    if (this.#burst > 0) this.#burst--;
    else {
      this.#last = Math.floor(this.#chance.next() * this.#quotes.length);
      if (this.#chance.next() < 0.2) this.#burst = 1 + Math.floor(this.#chance.next() * 4);
    }
    return this.#last;
  }
}
