/**
 * Numbers and acknowledgements: how either side of a link keeps what the other may not have.
 *
 * Always true:
 *   - What is kept has the numbers from `oldest` up to the one before `next`, without a hole.
 *   - A number is taken once, and in order; one that was left out is never taken in silence.
 */

/** What may wait for an acknowledgement. */
export interface Room {
  readonly count: number;
  readonly bytes: number;
}

interface Kept<T> {
  readonly item: T;
  readonly bytes: number;
}

/** Numbers that can no longer be sent again: the first and the last. */
export interface Missing {
  readonly from: number;
  readonly through: number;
}

/** What was numbered here, until it is acknowledged. */
export class Outbox<T> {
  readonly #room: Room;
  readonly #kept = new Map<number, Kept<T>>();
  #next: number;
  #bytes = 0;

  /** `next`: the first number that it gives. */
  constructor(room: Room, next = 1) {
    this.#room = room;
    this.#next = next;
  }

  /** The number of the next item. */
  get next(): number {
    return this.#next;
  }

  /** The number of the oldest item that is kept; of the next one when none is. */
  get oldest(): number {
    return this.#next - this.#kept.size;
  }

  get length(): number {
    return this.#kept.size;
  }

  /** Whether an item of that size may be added. An empty outbox takes one of any size. */
  fits(bytes: number): boolean {
    const { count, bytes: most } = this.#room;
    return this.#kept.size === 0 || (this.#kept.size < count && this.#bytes + bytes <= most);
  }

  /** Keeps the item and gives its number; undefined when it does not fit. */
  add(item: T, bytes: number): number | undefined {
    if (!this.fits(bytes)) return undefined;
    this.#kept.set(this.#next, { item, bytes });
    this.#bytes += bytes;
    return this.#next++;
  }

  /** Drops the oldest until an item of that size fits; what was dropped, oldest first. */
  forgetFor(bytes: number): T[] {
    const forgotten: T[] = [];
    while (!this.fits(bytes)) forgotten.push(this.#drop(this.oldest));
    return forgotten;
  }

  /** The other side has taken everything up to `sequence`. False when that was never given. */
  acknowledge(sequence: number): boolean {
    if (sequence >= this.#next) return false;
    while (this.oldest <= sequence) this.#drop(this.oldest);
    return true;
  }

  /** What the other side has not seen, if it has seen everything up to `sequence`: in order, and what is missing before it. */
  after(sequence: number): {
    readonly missing: Missing | undefined;
    readonly items: readonly (readonly [number: number, item: T])[];
  } {
    const through = this.oldest - 1;
    const missing = sequence < through ? { from: sequence + 1, through } : undefined;
    const items = [...this.#kept]
      .filter(([number]) => number > sequence)
      .map(([number, { item }]) => [number, item] as const);
    return { missing, items };
  }

  #drop(number: number): T {
    const { item, bytes } = this.#kept.get(number) as Kept<T>;
    this.#kept.delete(number);
    this.#bytes -= bytes;
    return item;
  }
}

/** What to do with a number that came: take it, drop it and acknowledge it again, or end the connection. */
export type Arrival = "next" | "repeated" | "left_out";

/** What was taken of the other side's numbers. */
export class Intake {
  #taken: number;
  #acknowledged: number;

  /** `taken`: the last number that was taken in an earlier life. */
  constructor(taken = 0) {
    this.#taken = taken;
    this.#acknowledged = taken;
  }

  /** The last number without a gap before it. */
  get taken(): number {
    return this.#taken;
  }

  /** How many were taken that the other side has not been told of. */
  get untold(): number {
    return this.#taken - this.#acknowledged;
  }

  take(sequence: number): Arrival {
    return this.skip({ from: sequence, through: sequence });
  }

  /** The other side will never send these again. */
  skip({ from, through }: Missing): Arrival {
    if (through <= this.#taken) return "repeated";
    if (from > this.#taken + 1) return "left_out";
    this.#taken = through;
    return "next";
  }

  /** The number to acknowledge; everything up to it counts as told. */
  acknowledge(): number {
    this.#acknowledged = this.#taken;
    return this.#taken;
  }
}
