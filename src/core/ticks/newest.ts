/**
 * What a reader is owed for whom the newest price of each symbol will do: never a stale
 * queue. What was folded away is counted, to the tick.
 *
 * Its memory is a row for each symbol, however long the reader takes nothing.
 */
import type { Tick } from "../model/tick.ts";
import { column, ROW, TickRows } from "../model/tick-rows.ts";
import type { Backlog } from "../streams/mailbox.ts";
import { type Frame, RowFrame } from "./frame.ts";
import type { TickItem } from "./tick-item.ts";

/** Changes of the subscription that may wait among the prices. */
const mostChanges = 1024;

export class NewestOfEach implements Backlog<TickItem> {
  #symbols: TickRows["symbols"] = [];
  /** A row for each symbol, and how many ticks were folded into it; below 0: there is none. */
  #rows = new Float64Array(0);
  #folded: number[] = [];
  #count = 0;
  #sequence = 0;
  /** Which row each symbol of the source's list has. */
  #known: { readonly symbols: TickRows["symbols"]; readonly rowOf: readonly number[] } = { symbols: [], rowOf: [] };
  /** In order, before the rows. */
  readonly #before: TickItem[] = [];

  get size(): number {
    return this.#count + this.#before.length;
  }

  add(item: TickItem): boolean {
    if (item.type === "frame") {
      this.#fold(item.frame);
      return true;
    }
    if (this.#before.length >= mostChanges) return false;
    if (this.#count > 0) this.#before.push(this.#newest()); // prices of before a change of the subscription stay before it
    this.#before.push(item);
    return true;
  }

  take(): TickItem | undefined {
    return this.#before.shift() ?? (this.#count === 0 ? undefined : this.#newest());
  }

  #fold({ rows, sequence }: Frame): void {
    const { numbers } = rows;
    const rowOf = this.#rowsFor(rows.symbols);
    for (let at = 0; at < numbers.length; at += ROW) {
      const row = rowOf[numbers[at] as number] as number;
      const folded = (this.#folded[row] as number) + 1;
      if (folded === 0) this.#count += 1;
      this.#folded[row] = folded;
      const to = row * ROW;
      for (let i = 1; i < ROW; i++) this.#rows[to + i] = numbers[at + i] as number;
    }
    this.#sequence = sequence;
  }

  #newest(): TickItem {
    const present = this.#folded.flatMap((folded, row) => (folded < 0 ? [] : [row]));
    const placeOf = (row: number) => this.#rows[row * ROW + column.place] as number;
    present.sort((a, b) => placeOf(a) - placeOf(b)); // a part ends where its cursor says
    const numbers = new Float64Array(present.length * ROW);
    const skips = present.map((row, i) => {
      numbers.set(this.#rows.subarray(row * ROW, (row + 1) * ROW), i * ROW);
      numbers[i * ROW] = row;
      return this.#folded[row] as number;
    });
    this.#folded.fill(-1);
    this.#count = 0;
    return { type: "frame", frame: new RowFrame(new TickRows<Tick>(this.#symbols, numbers), this.#sequence, skips) };
  }

  #rowsFor(symbols: TickRows["symbols"]): readonly number[] {
    if (this.#known.symbols === symbols) return this.#known.rowOf;
    const names = new Set([...this.#symbols, ...symbols].map(({ name }) => name));
    if (names.size > this.#symbols.length) {
      this.#symbols = [...names].map((name) => ({ name })); // a list that went out with a frame does not change
      const rows = new Float64Array(names.size * ROW);
      rows.set(this.#rows);
      this.#rows = rows;
      while (this.#folded.length < names.size) this.#folded.push(-1);
    }
    const order = [...names];
    this.#known = { symbols, rowOf: symbols.map(({ name }) => order.indexOf(name)) };
    return this.#known.rowOf;
  }
}
