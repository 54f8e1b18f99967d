/**
 * One reader of ticks: which symbols it wants, and what it is still owed.
 */
import { BridgeError } from "../errors.ts";
import type { Tick } from "../model/tick.ts";
import type { Beat } from "../streams/heartbeat.ts";
import { type Backlog, everyItem, Mailbox } from "../streams/mailbox.ts";
import type { Frame } from "./frame.ts";

/**
 * Ticks a lossless reader may be behind before its stream ends: half of what the hub
 * keeps, so that it can come back and go on where it was cut off.
 */
const limit = 65_536;

export interface Wish {
  readonly symbols: readonly string[];
  /** False: the newest of each symbol will do. */
  readonly lossless: boolean;
  /** Who may change it while it runs; absent: nobody. */
  readonly owner?: string | undefined;
}

/** What became of one symbol of a wish. */
export interface SymbolResult {
  readonly symbol: string;
  readonly accepted: boolean;
  readonly reason: string;
  readonly message: string;
}

export interface Subscription {
  readonly symbols: readonly string[];
  readonly results: readonly SymbolResult[];
}

export type TickItem =
  | { readonly type: "frame"; readonly frame: Frame }
  | ({ readonly type: "subscription" } & Subscription)
  /** What the reader held back is due. */
  | { readonly type: "due" }
  | Beat;

export class TickReader {
  readonly id: string;
  readonly lossless: boolean;
  readonly owner: string | undefined;
  readonly mailbox: Mailbox<TickItem>;
  readonly results: readonly SymbolResult[];
  readonly #isKnown: (symbol: string) => boolean;
  readonly #symbols = new Set<string>();
  #view = "";

  constructor(id: string, wish: Wish, isKnown: (symbol: string) => boolean) {
    this.id = id;
    this.lossless = wish.lossless;
    this.owner = wish.owner;
    this.#isKnown = isKnown;
    this.mailbox = new Mailbox(wish.lossless ? everyItem(limit, weight) : newestOfEach());
    this.results = this.change(wish.symbols, []).results;
  }

  /** Readers of the same view want the same frames. */
  get view(): string {
    return this.#view;
  }

  get symbols(): string[] {
    return [...this.#symbols];
  }

  change(add: readonly string[], remove: readonly string[]): Subscription {
    const results = [...add.map((symbol) => this.#add(symbol)), ...remove.map((symbol) => this.#remove(symbol))];
    this.#view = JSON.stringify([this.lossless, ...[...this.#symbols].sort()]);
    return { symbols: this.symbols, results };
  }

  /** The frame's ticks behind `place` that this reader wants; the frame itself when it wants them all. */
  only(frame: Frame, place: number): Frame {
    const wanted = (tick: Tick) => tick.place > place && this.#symbols.has(tick.symbol);
    if (frame.ticks.every(wanted)) return frame;
    const ticks = frame.ticks.filter(wanted);
    return { length: ticks.length, ticks, sequence: frame.sequence, skips: undefined };
  }

  fallBehind(): void {
    this.mailbox.end(new BridgeError("slow_consumer", "the reader fell too far behind"));
  }

  #add(symbol: string): SymbolResult {
    if (!this.#isKnown(symbol)) {
      const message = `${JSON.stringify(symbol)} is not known to the terminal; ListSymbols names what is`;
      return { symbol, accepted: false, reason: "UNKNOWN_SYMBOL", message };
    }
    this.#symbols.add(symbol);
    return { symbol, accepted: true, reason: "", message: "" };
  }

  #remove(symbol: string): SymbolResult {
    if (this.#symbols.delete(symbol)) return { symbol, accepted: true, reason: "", message: "" };
    const message = `${JSON.stringify(symbol)} was not subscribed`;
    return { symbol, accepted: false, reason: "NOT_SUBSCRIBED", message };
  }
}

const weight = (item: TickItem): number => (item.type === "frame" ? item.frame.length : 1);

/** A slow reader gets the newest price of each symbol, never a stale queue; what was folded away is counted. */
function newestOfEach(): Backlog<TickItem> {
  const newest = new Map<string, { tick: Tick; skipped: number }>();
  const before: TickItem[] = [];
  let sequence = 0;
  const folded = (): TickItem => {
    const entries = [...newest.values()].sort((a, b) => a.tick.place - b.tick.place); // a part ends where its cursor says
    newest.clear();
    const ticks = entries.map((one) => one.tick);
    const frame = { length: ticks.length, ticks, sequence, skips: entries.map((one) => one.skipped) };
    return { type: "frame", frame };
  };
  return {
    get size() {
      return newest.size + before.length;
    },
    add(item) {
      if (item.type === "frame") {
        for (const tick of item.frame.ticks) {
          const older = newest.get(tick.symbol);
          newest.set(tick.symbol, { tick, skipped: older === undefined ? 0 : older.skipped + 1 });
        }
        sequence = item.frame.sequence;
        return true;
      }
      if (before.length >= 1024) return false;
      if (newest.size > 0) before.push(folded()); // prices of before a change of the subscription stay before it
      before.push(item);
      return true;
    },
    take() {
      return before.shift() ?? (newest.size === 0 ? undefined : folded());
    },
  };
}
