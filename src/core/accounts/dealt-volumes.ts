/**
 * What is open of each position by its deals.
 *
 * A deal and what it makes of its order are one event; the position's own report comes a moment later. Who has to know
 * at every moment how much can be open at most adds up the deals and what is left of the orders: between the two
 * nothing is missing and nothing is there twice.
 *
 * A position older than the history that the terminal keeps has no opening deal. Of such a one the last report counts,
 * and what was dealt since.
 */
import type { Deal } from "../model/deal.ts";
import { type StrategyId, strategyIdOf, type Ticket } from "../model/ids.ts";
import type { Position } from "../model/position.ts";
import { isUnnamed } from "../model/unnamed.ts";

/** Of one position. Volumes are in 1e-8 lots, above 0 when bought. */
export interface Dealt {
  /** Its identifier. */
  readonly position: Ticket;
  readonly symbol: string;
  readonly strategyId: StrategyId;
  /** Whether the deal that opened it is known. */
  readonly born: boolean;
  readonly all: number;
  /** Since it was reported last. */
  readonly since: number;
  /** Of these, what opened or added; what turned a position round counts in full. */
  readonly added: number;
  /** Reported as closed before the deal that opened it was known, which may still come: until then nothing is open. */
  readonly closed?: true;
  /** What each strategy has dealt of it; absent: all is of `strategyId`. */
  readonly shares?: readonly Share[];
}

type Share = readonly [strategyId: StrategyId, volume: number];

/** What is open of one position; `volume` is in 1e-8 lots, above 0 when it was bought. */
export interface Exposure {
  /** Its identifier. */
  readonly position: Ticket;
  readonly symbol: string;
  readonly strategyId: StrategyId;
  readonly volume: number;
  /** False: the deal that opened it, or its side, is not known: there may be less. It makes no room for anything. */
  readonly sure: boolean;
}

/** How many positions are remembered that add up to nothing: some of their deals may still be to come. */
const remembered = 10_000;
/** How many are forgotten at a time. */
const atOnce = 1000;

export class DealtVolumes {
  /** By the position's identifier. */
  readonly #dealt = new Map<Ticket, Dealt>();
  /** Those that add up to nothing, oldest first. */
  readonly #even = new Map<Ticket, Dealt>();

  /** All that is known, in an order in which it can be restored. */
  get entries(): Dealt[] {
    return [...this.#dealt.values(), ...this.#even.values()];
  }

  /** As a snapshot kept it: deals and reports came one after the other, and from two lists it cannot be told. */
  restore(dealt: Dealt): void {
    this.#put(dealt);
  }

  add({ position, order, symbol, magic, type, entry, volume }: Deal): void {
    if (position === undefined || (type !== "buy" && type !== "sell")) return;
    const before = this.#of(position);
    const signed = type === "buy" ? volume : -volume;
    const shares = sharesWith(before, strategyIdOf(magic), signed);
    this.#put({
      position,
      symbol,
      strategyId: before?.strategyId ?? strategyIdOf(magic),
      born: before?.born || (entry === "in" && order === position),
      all: (before?.all ?? 0) + signed,
      since: (before?.since ?? 0) + signed,
      added: (before?.added ?? 0) + (entry === "in" || entry === "inout" ? signed : 0),
      ...(before?.closed ? { closed: true } : {}),
      ...(shares === undefined ? {} : { shares }),
    });
  }

  reported({ identifier }: Position): void {
    const dealt = this.#of(identifier);
    if (dealt === undefined) return;
    const { closed: _, ...open } = dealt; // closed under another ticket, when it turned round
    this.#put({ ...open, since: 0, added: 0 });
  }

  closed({ identifier }: Position): void {
    const dealt = this.#dealt.get(identifier);
    if (dealt?.born === false) this.#put({ ...dealt, closed: true });
  }

  /** All that the terminal has is known: what is not reported and was never born is of a history that is cut off. */
  complete(reported: ReadonlySet<Ticket>): void {
    for (const [identifier, { born }] of this.#dealt) {
      if (!born && !reported.has(identifier)) this.#dealt.delete(identifier);
    }
  }

  /** What may be open of it: two answers where neither its deals nor its report tell the side. */
  of({ identifier, side, volume }: Position): readonly [number, ...number[]] {
    const dealt = this.#of(identifier);
    if (dealt?.born) return [dealt.all];
    const since = dealt?.since ?? 0;
    if (isUnnamed(side)) return [volume + since, since - volume];
    return [(side === "buy" ? volume : -volume) + since];
  }

  /**
   * Of what is open of it, by its reports and deals, the strategy's own part; and the part whose deals are not known,
   * which may be anyone's.
   */
  partOf(identifier: Ticket, open: number, strategyId: StrategyId): { readonly own: number; readonly anyones: number } {
    const dealt = this.#of(identifier);
    const shares = dealt === undefined ? [] : sharesOf(dealt);
    const own = shares.find(([whose]) => whose === strategyId)?.[1] ?? 0;
    return { own, anyones: shares.reduce((left, [, volume]) => left - volume, open) };
  }

  /** Those that are not among the reported. */
  *unreported(reported: ReadonlySet<Ticket>): Iterable<Exposure> {
    for (const [identifier, { symbol, strategyId, born, all, added }] of this.#dealt) {
      if (reported.has(identifier)) continue;
      const volumes = born || all === added ? [all] : all * added > 0 ? [larger(all, added)] : [all, added];
      for (const volume of volumes) yield { position: identifier, symbol, strategyId, volume, sure: born };
    }
  }

  #of(position: Ticket): Dealt | undefined {
    return this.#dealt.get(position) ?? this.#even.get(position);
  }

  #put(dealt: Dealt): void {
    const { position } = dealt;
    const isOver = dealt.closed || (dealt.born && dealt.all === 0);
    const [to, from] = isOver ? [this.#even, this.#dealt] : [this.#dealt, this.#even];
    from.delete(position);
    to.set(position, dealt);
    if (this.#even.size > remembered + atOnce) this.#forget();
  }

  /** Many at once: to find a map's first key costs as much as keys before it were deleted. */
  #forget(): void {
    let left = atOnce;
    for (const oldest of this.#even.keys()) {
      if (left-- === 0) break;
      this.#even.delete(oldest);
    }
  }
}

const larger = (a: number, b: number): number => (Math.abs(a) > Math.abs(b) ? a : b);

const sharesOf = ({ shares, strategyId, all }: Dealt): readonly Share[] => shares ?? [[strategyId, all]];

/** As they are after one more deal. Once nothing is open of a position nothing of it is anyone's. */
function sharesWith(before: Dealt | undefined, strategyId: StrategyId, signed: number): readonly Share[] | undefined {
  if (before === undefined || (before.born && before.all + signed === 0)) return undefined;
  if (before.shares === undefined && before.strategyId === strategyId) return undefined;
  const shares = new Map(sharesOf(before));
  shares.set(strategyId, (shares.get(strategyId) ?? 0) + signed);
  return [...shares];
}
