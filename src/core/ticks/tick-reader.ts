/**
 * One reader of ticks: which symbols it wants, and what it is still owed.
 */
import { BridgeError } from "../errors.ts";
import type { TickRows } from "../model/tick-rows.ts";
import { EveryItem, Mailbox } from "../streams/mailbox.ts";
import { countOf, type Frame, type RowFrame, Selection } from "./frame.ts";
import { NewestOfEach } from "./newest.ts";
import type { Subscription, SymbolResult, TickItem } from "./tick-item.ts";

/**
 * Ticks a lossless reader may be behind before its stream ends: half of what is kept of one
 * symbol, so that it can come back and go on where it was cut off. They are rows of 80
 * bytes, which all who are behind have in common: 10 MB, however many they are.
 */
const limit = 131_072;

export interface Wish {
  readonly symbols: readonly string[];
  /** False: the newest of each symbol will do. */
  readonly lossless: boolean;
  /** Who may change it while it runs; absent: nobody. */
  readonly owner?: string | undefined;
}

export class TickReader {
  readonly id: string;
  readonly lossless: boolean;
  readonly owner: string | undefined;
  readonly mailbox: Mailbox<TickItem>;
  readonly results: readonly SymbolResult[];
  readonly #isKnown: (symbol: string) => boolean;
  readonly #symbols = new Set<string>();
  #view = "";
  #wanted: { readonly symbols: TickRows["symbols"]; readonly bits: Uint8Array } | undefined;

  constructor(id: string, wish: Wish, isKnown: (symbol: string) => boolean) {
    this.id = id;
    this.lossless = wish.lossless;
    this.owner = wish.owner;
    this.#isKnown = isKnown;
    this.mailbox = new Mailbox(wish.lossless ? new EveryItem(limit, weight) : new NewestOfEach());
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
    this.#wanted = undefined;
    this.#view = JSON.stringify([this.lossless, ...[...this.#symbols].sort()]);
    return { symbols: this.symbols, results };
  }

  /** What this reader wants of the frame, which may be the frame itself or nothing. */
  only(frame: RowFrame): Frame | undefined {
    const wanted = this.#wantedOf(frame.rows.symbols);
    const count = countOf(frame.rows, wanted);
    if (count === frame.length) return frame;
    return count === 0 ? undefined : new Selection(frame, wanted, count);
  }

  /** By the number that a symbol has in a source's list, which is the same list from batch to batch. */
  #wantedOf(symbols: TickRows["symbols"]): Uint8Array {
    if (this.#wanted?.symbols !== symbols) {
      const bits = Uint8Array.from(symbols, ({ name }) => (this.#symbols.has(name) ? 1 : 0));
      this.#wanted = { symbols, bits };
    }
    return this.#wanted.bits;
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
