/**
 * How far prices may still move before the account has to be valued again.
 *
 * Valuing every position with every tick is what a broker with many positions would
 * spend its time on. Most ticks cannot stop anybody out: the last exact valuation
 * left a cushion above the stop-out level, and what a tick can cost at most is known
 * without it. The bound counts every move as a loss on every lot of its symbol, never
 * as a gain, so it may ask for a valuation too early but never too late.
 */
import type { AccountInfo, Valuation } from "../../core/model/account.ts";
import { fine, type Price, type Volume } from "../../core/model/decimals.ts";
import type { Appraisal } from "./appraisal.ts";
import type { Books } from "./books.ts";
import type { Desk } from "./desk.ts";
import { profitOf } from "./profit.ts";

/** A symbol's prices when the account was last valued, and what a point of it can cost. */
interface Mark {
  readonly bid: Price;
  readonly ask: Price;
  readonly last: Price;
  readonly costPerPoint: number;
  /** What its moves since then are counted for. */
  spent: number;
}

/** Moves beyond this are not bounded but valued: the bounds are those of small moves, plus a tenth. */
const LARGEST_MOVE = 0.01;
const AND_A_TENTH = 1.1;
/** What rounding can hide, in minor units per position. */
const ROUNDING = 4;
const MANY_POINTS = 1000;

export class Cushion {
  readonly #account: AccountInfo;
  readonly #books: Books;
  readonly #appraisal: Appraisal;
  readonly #marks = new Map<Desk, Mark>();
  #version = -1;
  #complete = true;
  /** What may be lost until the level is reached. */
  #left = 0;
  /** What a change of all conversion rates by all of themselves would cost at most. */
  #stake = 0;

  constructor(account: AccountInfo, books: Books, appraisal: Appraisal) {
    this.#account = account;
    this.#books = books;
    this.#appraisal = appraisal;
  }

  /** Before the symbol takes a price. */
  mark(desk: Desk): void {
    if (this.#version !== this.#books.version || this.#marks.has(desk)) return;
    const { bid, ask, last } = desk;
    this.#marks.set(desk, { bid, ask, last, costPerPoint: this.#costPerPoint(desk), spent: 0 });
  }

  /** After it has taken one: whether the account could have come to the stop-out level. */
  isThin(desk: Desk): boolean {
    const mark = this.#marks.get(desk);
    if (this.#version !== this.#books.version || mark === undefined) return true;
    const wasQuoted = mark.bid > 0 && mark.ask > 0;
    if (!wasQuoted || !desk.quoted) return wasQuoted !== desk.quoted;
    if (!this.#complete) return false; // nobody is stopped out before every position has a price
    const { bid, ask, last } = desk;
    const moved = Math.max(Math.abs(bid - mark.bid), Math.abs(ask - mark.ask), Math.abs(last - mark.last));
    const spent = moved * mark.costPerPoint;
    this.#left += mark.spent - spent;
    mark.spent = spent;
    return !(this.#left > 0) || moved > LARGEST_MOVE * mark.bid;
  }

  /** After the account was valued. */
  renew(valuation: Valuation): void {
    const { equity, margin, positions } = valuation;
    const { stopOutMode, stopOutLevel, currencyDigits } = this.#account;
    const level = stopOutMode === "percent" ? (margin * stopOutLevel) / 100 : stopOutLevel * 10 ** currencyDigits;
    this.#marks.clear();
    this.#version = this.#books.version;
    this.#complete = this.#appraisal.complete;
    this.#left = equity - level - ROUNDING * positions.length;
    this.#stake = Math.max(0, this.#left);
    for (const { profit } of positions) this.#stake += Math.abs(profit);
  }

  /** Of the symbol's own positions, and of all others as far as the symbol may be what converts their profit. */
  #costPerPoint(desk: Desk): number {
    const converts = desk.spec.calcMode.startsWith("forex") ? this.#stake / desk.bid : 0;
    return AND_A_TENTH * (converts + this.#exposure(desk));
  }

  #exposure({ spec, bid, holdings }: Desk): number {
    const volume = holdings.legs.buy.volume + holdings.legs.sell.volume;
    if (volume === 0) return 0;
    const { conversion } = this.#appraisal;
    const winning = conversion.profitRate(spec, 1) ?? Number.POSITIVE_INFINITY;
    const losing = conversion.profitRate(spec, -1) ?? Number.POSITIVE_INFINITY;
    const raised = (bid + MANY_POINTS) as Price;
    const earned = profitOf(spec, "buy", volume as Volume, fine(bid), raised) / MANY_POINTS;
    return Math.abs(earned) * Math.max(winning, losing) * 10 ** this.#account.currencyDigits;
  }
}
