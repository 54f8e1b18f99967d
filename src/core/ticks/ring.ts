/**
 * The ticks that have passed, for readers that come back.
 *
 * Of each symbol at least the last 262,144 ticks and those of the last minute are kept, in
 * all up to 64 MiB: a packed tick takes 5 to 8 bytes, so that this holds for some forty
 * symbols that tick at once, and longer where fewer do.
 *
 * Always true: what is given out for a symbol behind its `forgotten` is complete.
 */
import { BridgeError } from "../errors.ts";
import type { Tick } from "../model/tick.ts";
import { column, ROW, TickRows } from "../model/tick-rows.ts";
import { RowFrame } from "./frame.ts";
import { bytesOf, type Packed, packed, unpack } from "./packed.ts";

const keptOfEach = 262_144;
/** Milliseconds. */
const keptFor = 60_000;
const mostBytes = 64 * 1024 * 1024;
/** Ticks of one block. */
const blockTicks = 8192;

/** Ticks that followed each other, each symbol's on their own. */
interface Block {
  /** The places of its first and last tick. */
  readonly from: number;
  readonly to: number;
  /** Of its last tick. */
  readonly time: number;
  readonly parts: Map<string, Packed>;
}

/** What is kept of a symbol, packed. */
interface Kept {
  ticks: number;
  /** Blocks that have a part of it, oldest first, from `first` on. */
  blocks: Block[];
  first: number;
  forgotten: number;
}

export class Ring {
  #blocks: Block[] = [];
  #bytes = 0;
  readonly #kept = new Map<string, Kept>();
  /** Not packed yet: up to two blocks. */
  #fresh: RowFrame[] = [];
  #freshTicks = 0;
  /** Nothing up to here is kept of any symbol. */
  #forgotten = 0;

  get newest(): Tick | undefined {
    return this.#fresh.at(-1)?.rows.at(-1);
  }

  /** Packed; what is fresh comes to 1.3 MB at most. */
  get bytes(): number {
    return this.#bytes;
  }

  push(frame: RowFrame): void {
    this.#fresh.push(frame);
    this.#freshTicks += frame.length;
    if (this.#freshTicks >= 2 * blockTicks) this.#pack();
  }

  /** Nothing up to `place` is to be had any more. */
  forget(place: number): void {
    this.#blocks = [];
    this.#bytes = 0;
    this.#kept.clear();
    this.#fresh = [];
    this.#freshTicks = 0;
    this.#forgotten = place;
  }

  /** Up to where ticks of one of these symbols are no longer kept. */
  forgotten(symbols: Iterable<string>): number {
    let place = this.#forgotten;
    for (const symbol of symbols) place = Math.max(place, this.#kept.get(symbol)?.forgotten ?? 0);
    return place;
  }

  /**
   * What has passed behind `place` up to now: of these symbols what is packed, each block unpacked when it is asked for,
   * and then what is fresh, of all symbols. Who asks so late that a block was dropped meanwhile is a slow consumer.
   */
  since(
    place: number,
    symbols: ReadonlySet<string>,
  ): { readonly packed: Iterable<RowFrame>; readonly fresh: readonly RowFrame[] } {
    const blocks = this.#blocks.filter(({ to }) => to > place);
    const fresh = this.#fresh.filter(({ sequence }) => sequence > place);
    return { packed: this.#unpacked(blocks, place, symbols), fresh: fresh.map((frame) => behind(frame, place)) };
  }

  *#unpacked(blocks: readonly Block[], place: number, symbols: ReadonlySet<string>): Generator<RowFrame, void> {
    for (const block of blocks) {
      if (this.forgotten(symbols) >= block.from) {
        throw new BridgeError("slow_consumer", "the reader took so long that what it had missed is gone");
      }
      const frame = unpacked(block, symbols);
      if (frame !== undefined) yield behind(frame, place);
    }
  }

  #pack(): void {
    const frames: RowFrame[] = [];
    let ticks = 0;
    while (ticks < blockTicks) {
      const frame = this.#fresh[frames.length] as RowFrame;
      frames.push(frame);
      ticks += frame.length;
    }
    this.#fresh = this.#fresh.slice(frames.length);
    this.#freshTicks -= ticks;
    // A source changes its list of symbols when it begins anew, if ever.
    for (let i = 0; i < frames.length; ) {
      const { symbols } = (frames[i] as RowFrame).rows;
      const alike = frames.slice(i).findIndex(({ rows }) => rows.symbols !== symbols);
      const end = alike < 0 ? frames.length : i + alike;
      this.#add(frames.slice(i, end).map(({ rows }) => rows));
      i = end;
    }
    this.#drop();
  }

  #add(pieces: readonly TickRows<Tick>[]): void {
    const [first, last] = [pieces[0], pieces.at(-1)] as [TickRows<Tick>, TickRows<Tick>];
    const [from, to] = [first.placeAt(0), last.placeAt(last.length - 1)];
    const parts = packed(pieces);
    const block = { from, to, time: last.timeAt(last.length - 1), parts };
    for (const [name, part] of parts) {
      this.#bytes += bytesOf(part);
      const kept = this.#kept.get(name) ?? { ticks: 0, blocks: [], first: 0, forgotten: this.#forgotten };
      kept.ticks += part.count;
      kept.blocks.push(block);
      this.#kept.set(name, kept);
    }
    this.#blocks.push(block);
  }

  #drop(): void {
    const now = this.#blocks.at(-1)?.time ?? 0;
    for (const [symbol, kept] of this.#kept) {
      for (;;) {
        const oldest = kept.blocks[kept.first];
        const count = oldest?.parts.get(symbol)?.count ?? 0;
        if (oldest === undefined || kept.ticks - count < keptOfEach || now - oldest.time <= keptFor) break;
        this.#dropPart(oldest, symbol, kept);
      }
    }
    for (let i = 0; this.#bytes > mostBytes; i++) {
      const block = this.#blocks[i] as Block;
      for (const symbol of [...block.parts.keys()]) this.#dropPart(block, symbol, this.#kept.get(symbol) as Kept);
    }
    this.#blocks = this.#blocks.filter(({ parts }) => parts.size > 0);
  }

  /** It is the oldest that is kept of the symbol. */
  #dropPart(block: Block, symbol: string, kept: Kept): void {
    const part = block.parts.get(symbol) as Packed;
    block.parts.delete(symbol);
    this.#bytes -= bytesOf(part);
    kept.ticks -= part.count;
    kept.forgotten = block.to;
    kept.first += 1;
    if (kept.first < 1024) return;
    kept.blocks = kept.blocks.slice(kept.first);
    kept.first = 0;
  }
}

/** The wanted symbols of a block in their order, if it has any. */
function unpacked({ from, to, parts }: Block, wanted: ReadonlySet<string>): RowFrame | undefined {
  const found = [...parts].filter(([symbol]) => wanted.has(symbol));
  if (found.length === 0) return undefined;
  const rowAt = new Int32Array(to - from + 1).fill(-1);
  const pieces = found.map(([, part], symbol) => unpack(part, symbol));
  for (const [i, piece] of pieces.entries()) {
    for (let at = 0; at < piece.length; at += ROW) {
      rowAt[(piece[at + column.place] as number) - from] = i;
    }
  }
  const numbers = new Float64Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  const ends = pieces.map(() => 0);
  let end = 0;
  for (const i of rowAt) {
    if (i < 0) continue;
    const at = ends[i] as number;
    numbers.set((pieces[i] as Float64Array).subarray(at, at + ROW), end);
    ends[i] = at + ROW;
    end += ROW;
  }
  const symbols = found.map(([name]) => ({ name }));
  return new RowFrame(new TickRows<Tick>(symbols, numbers), to);
}

function behind(frame: RowFrame, place: number): RowFrame {
  const { rows } = frame;
  let seen = 0;
  while (seen < rows.length && rows.placeAt(seen) <= place) seen++;
  return seen === 0 ? frame : new RowFrame(rows.slice(seen), frame.sequence);
}
