/**
 * Prices that move together, in bursts, and never leave their grid.
 *
 * Assets move with the dollar, with the appetite for risk, and on their own; a symbol is
 * what its two assets make it. How much they move is itself a walk with two speeds, and
 * now and then news: calm and storm cluster, and the spread widens with the storm.
 *
 * Always true of a quote: bid and ask on the symbol's grid, 0 < bid < ask, and something
 * changed since the quote before it. Depends on chance and the gaps, on no clock.
 */
import type { Price } from "../../core/model/decimals.ts";
import type { SymbolSpec } from "../../core/model/symbol.ts";
import type { Chance } from "../../core/ports/chance.ts";
import { normals } from "./seeded.ts";
import { type Asset, legsOf } from "./starting-prices.ts";

const YEAR = 252 * 86_400; // seconds in which markets move
const MOOD_STEP = 0.1;
/** Seconds until a mood is half forgotten (in logarithms), and how far moods go. */
const slow = { fades: 1200, spread: 0.4 };
const fast = { fades: 20, spread: 0.45 };
const NEWS_EVERY = 900;
const NEWS = 1.6;

/** How lively the market is, from a few seconds to hours. */
export class Mood {
  readonly #chance: Chance;
  readonly #normal: () => number;
  #slow = 0;
  #fast = 0;
  #since = 0;
  /** Times normal volatility. */
  volatility = 1;
  /** Times the normal number of ticks. */
  activity = 1;

  constructor(chance: Chance) {
    this.#chance = chance;
    this.#normal = normals(chance);
  }

  pass(seconds: number): void {
    this.#since += seconds;
    if (this.#since < MOOD_STEP) return;
    const step = this.#since;
    this.#since = 0;
    this.#slow = drawn(this.#slow, step, slow, this.#normal());
    this.#fast = drawn(this.#fast, step, fast, this.#normal());
    if (this.#chance.next() < step / NEWS_EVERY) this.#fast += NEWS;
    this.volatility = Math.min(12, Math.exp(this.#slow + this.#fast));
    this.activity = Math.min(5, Math.exp(0.6 * this.#fast));
  }
}

/** An Ornstein-Uhlenbeck step: back towards 0, and some of chance. */
function drawn(value: number, step: number, { fades, spread }: { fades: number; spread: number }, z: number): number {
  const kept = Math.exp(-step / fades);
  return value * kept + spread * Math.sqrt(1 - kept * kept) * z;
}

/** An asset's logarithmic value, moved only when somebody looks. */
interface Walker {
  readonly asset: Asset;
  readonly own: number;
  readonly scale: number;
  value: number;
  at: number;
  dollar: number;
  risk: number;
}

export class PriceWalk {
  readonly mood: Mood;
  readonly #normal: () => number;
  readonly #walkers = new Map<string, Walker>();
  /** The common walks, and the time they have been walked for (in seconds of normal volatility). */
  #dollar = 0;
  #risk = 0;
  #elapsed = 0;

  constructor(chance: Chance) {
    this.mood = new Mood(chance);
    this.#normal = normals(chance);
  }

  pass(seconds: number): void {
    this.mood.pass(seconds);
    const { volatility } = this.mood;
    const time = seconds * volatility * volatility;
    const reach = Math.sqrt(time);
    this.#dollar += reach * this.#normal();
    this.#risk += reach * this.#normal();
    this.#elapsed += time;
  }

  /** The logarithm of an asset's value now. */
  value(walker: Walker): number {
    const time = this.#elapsed - walker.at;
    if (time > 0 && walker.scale > 0) {
      const { asset, own, scale } = walker;
      const common = asset.dollar * (this.#dollar - walker.dollar) + asset.risk * (this.#risk - walker.risk);
      walker.value += scale * (common + own * Math.sqrt(time) * this.#normal());
      walker.at = this.#elapsed;
      walker.dollar = this.#dollar;
      walker.risk = this.#risk;
    }
    return walker.value;
  }

  walker(asset: Asset): Walker {
    let walker = this.#walkers.get(asset.name);
    if (walker === undefined) {
      const { dollar, risk, volatility } = asset;
      const own = Math.sqrt(Math.max(0.02, 1 - dollar * dollar - risk * risk));
      const scale = volatility / Math.sqrt(YEAR);
      walker = { asset, own, scale, value: Math.log(asset.value), at: 0, dollar: 0, risk: 0 };
      this.#walkers.set(asset.name, walker);
    }
    return walker;
  }
}

/** One symbol's bid and ask. */
export class Quote {
  readonly symbol: string;
  bid: Price;
  ask: Price;
  readonly #walk: PriceWalk;
  readonly #chance: Chance;
  readonly #base: Walker;
  readonly #quote: Walker | undefined;
  /** Points to one unit of price, and in one tick. */
  readonly #points: number;
  readonly #tick: number;
  /** The normal spread, as a part of the price. */
  readonly #spread: number;
  /** What a resumed price is above what its assets make it, in logarithms. */
  readonly #premium: number;

  constructor(spec: SymbolSpec, walk: PriceWalk, chance: Chance, last?: { readonly bid: Price; readonly ask: Price }) {
    const { base, quote } = legsOf(spec);
    this.symbol = spec.name;
    this.#walk = walk;
    this.#chance = chance;
    this.#base = walk.walker(base);
    this.#quote = quote === undefined ? undefined : walk.walker(quote);
    this.#points = 10 ** spec.digits;
    this.#tick = Math.max(1, spec.tickSize);
    this.#spread = base.spread + (quote?.spread ?? 0);
    const made = this.#made();
    this.#premium = last === undefined ? 0 : Math.log((last.bid + last.ask) / 2 / this.#points) - made;
    this.bid = (last?.bid ?? 0) as Price;
    this.ask = (last?.ask ?? 0) as Price;
  }

  /** Moves to the present; tells what changed: 1 the bid, 2 the ask, 3 both. */
  move(): number {
    const middle = Math.exp(this.#made() + this.#premium) * this.#points;
    const widened = 0.55 + 0.45 * this.#walk.mood.volatility + 0.25 * (this.#chance.next() - 0.5);
    const tick = this.#tick;
    const half = (middle * this.#spread * widened) / 2;
    let bid = Math.max(tick, Math.round((middle - half) / tick) * tick);
    let ask = Math.max(bid + tick, Math.round((middle + half) / tick) * tick);
    if (bid === this.bid && ask === this.ask) {
      // Quotes flicker: a maker steps back, or forward where there is room.
      const draw = this.#chance.next();
      const room = ask - bid > tick;
      if (draw < 0.5) ask += room && draw < 0.25 ? -tick : tick;
      else if (room && draw < 0.75) bid += tick;
      else if (bid > tick) bid -= tick;
      else ask += tick;
    }
    const changed = (bid !== this.bid ? 1 : 0) | (ask !== this.ask ? 2 : 0);
    this.bid = bid as Price;
    this.ask = ask as Price;
    return changed;
  }

  /** The logarithm of the price that the assets make. */
  #made(): number {
    const base = this.#walk.value(this.#base);
    return this.#quote === undefined ? base : base - this.#walk.value(this.#quote);
  }
}
