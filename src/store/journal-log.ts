import { BridgeError } from "../core/errors.ts";
import type { Appended, Journal, JournalEntry, Shelf } from "../core/ports/journal.ts";
import { DiskFailure, type DiskShelf, type LogState, type Page } from "./journal-disk.ts";
import { decodeEvent, encodeEvent } from "./journal-record.ts";

/** A log as it was found at one opening of the disk; it says nothing of the next. */
export interface Hold {
  readonly id: number;
  readonly opening: number;
}

/** What a log needs of the store it is one of. */
export interface Writer {
  /** How often the disk was opened. */
  readonly opening: number;
  /** Throws when there is no room; then nothing was taken. */
  write(log: Hold, first: number, count: number, text: string): Omit<Appended, "sequence">;
  flushed(log: Hold): Promise<void>;
  read(log: Hold, first: number, last: number): Promise<Page>;
  /** The disk's shelf while it is the one of this hold; throws when it is not. */
  shelfOf(log: Hold): DiskShelf | undefined;
  /** Resolves when the disk can be written. */
  reopened(): Promise<void>;
  /** The log as it was found when the disk was last opened; made when it is not there. */
  found(log: Omit<LogState, "last">): LogState;
}

/**
 * One named log: it numbers its events and turns them into lines and back.
 *
 * An event is encoded when it is appended; what the caller does with the object
 * afterwards does not reach the disk.
 */
export class Log<E> implements Journal<E> {
  readonly #writer: Writer;
  #state: LogState;
  #hold: Hold;
  #last: number;
  readonly #told: ((why: unknown) => void)[] = [];

  constructor(writer: Writer, state: LogState) {
    this.#writer = writer;
    this.#state = state;
    this.#hold = { id: state.id, opening: writer.opening };
    this.#last = state.last;
  }

  get epoch(): string {
    return this.#state.epoch;
  }

  get cut(): string | undefined {
    return this.#state.cut;
  }

  append(events: readonly E[]): Appended {
    this.#mustBeSound();
    if (events.length === 0) return { sequence: this.#last, durable: this.flushed() };
    const text = events.length === 1 ? encodeEvent(events[0]) : events.map(encodeEvent).join("\n");
    const written = this.#writer.write(this.#hold, this.#last + 1, events.length, text);
    this.#last += events.length;
    return { sequence: this.#last, ...written };
  }

  flushed(): Promise<void> {
    return this.#writer.flushed(this.#hold);
  }

  onFailure(failed: (why: unknown) => void): void {
    this.#told.push(failed);
  }

  failed(why: unknown): void {
    for (const told of this.#told) told(why);
  }

  async reopened(): Promise<void> {
    await this.#writer.reopened();
    const { opening } = this.#writer;
    if (this.#hold.opening === opening) return; // nothing has failed
    this.#state = this.#writer.found(this.#state);
    this.#hold = { id: this.#state.id, opening };
    this.#last = this.#state.last;
  }

  /** On a disk without one, nothing is ever there. */
  readonly shelf: Shelf = {
    get: async (names) => {
      const texts = (await this.#writer.shelfOf(this.#hold)?.get(this.#hold.id, names)) ?? [];
      return names.map((_, i) => (texts[i] === undefined ? undefined : decodeEvent(texts[i])));
    },
    put: async (values, drop) => {
      const texts = values.map(([name, value]) => [name, encodeEvent(value)] as const);
      const shelf = this.#writer.shelfOf(this.#hold);
      if (shelf === undefined) throw new Error("the disk has no shelf");
      await shelf.put(this.#hold.id, texts, drop);
    },
    names: async () => (await this.#writer.shelfOf(this.#hold)?.names(this.#hold.id)) ?? [],
  };

  async *pages(after = 0): AsyncGenerator<Iterable<JournalEntry<E>>, void> {
    this.#mustBeSound();
    const last = this.#last;
    await this.flushed();
    let sequence = after + 1;
    let next = last > after ? this.#page(sequence, last) : undefined;
    while (next !== undefined) {
      const { text, count } = await next;
      const following = sequence + count;
      next = following <= last ? this.#page(following, last) : undefined; // read while this one is worked through
      yield this.#entries(sequence, text);
      sequence = following;
    }
  }

  *#entries(first: number, text: string): Generator<JournalEntry<E>, void> {
    let sequence = first;
    for (const line of text.split("\n")) {
      yield { sequence, event: this.#decoded(sequence, line) };
      sequence++;
    }
  }

  #page(first: number, last: number): Promise<Page> {
    const page = this.#writer.read(this.#hold, first, last).catch((error: unknown) => {
      throw error instanceof BridgeError || error instanceof DiskFailure ? error : this.#damage(error);
    });
    page.catch(() => {}); // the reader may leave before it comes
    return page;
  }

  #decoded(sequence: number, line: string): E {
    try {
      return decodeEvent(line) as E;
    } catch (error) {
      throw this.#damage(new Error(`event ${sequence} cannot be decoded`, { cause: error }));
    }
  }

  #mustBeSound(): void {
    if (this.#state.damage !== undefined) throw this.#damage(this.#state.damage);
  }

  #damage(error: unknown): BridgeError {
    const why = error instanceof Error ? error.message : String(error);
    return new BridgeError("journal_unavailable", `log "${this.#state.name}": ${why}${todo}`, { cause: error });
  }
}

const todo =
  '; what it said is not guessed: "npm run journal -- verify" tells what else is damaged, and the folder is best put back from a copy';
