import { BridgeError } from "../core/errors.ts";
import type { Appended, Journal, JournalEntry } from "../core/ports/journal.ts";
import type { LogState, Page } from "./journal-disk.ts";
import { decodeEvent, encodeEvent } from "./journal-record.ts";

/** What a log needs of the store it is one of. */
export interface Writer {
  /** Throws when there is no room; then nothing was taken. */
  write(log: number, first: number, count: number, text: string): Omit<Appended, "sequence">;
  flushed(): Promise<void>;
  read(log: number, first: number, last: number): Promise<Page>;
}

/**
 * One named log: it numbers its events and turns them into lines and back.
 *
 * An event is encoded when it is appended; what the caller does with the object
 * afterwards does not reach the disk.
 */
export class Log<E> implements Journal<E> {
  readonly epoch: string;
  readonly #id: number;
  readonly #name: string;
  readonly #writer: Writer;
  readonly #damaged: BridgeError | undefined;
  #last: number;

  constructor(writer: Writer, { id, name, epoch, last, damage }: LogState) {
    this.#writer = writer;
    this.#id = id;
    this.#name = name;
    this.epoch = epoch;
    this.#last = last;
    this.#damaged = damage === undefined ? undefined : this.#damage(damage);
  }

  append(events: readonly E[]): Appended {
    if (this.#damaged !== undefined) throw this.#damaged;
    if (events.length === 0) return { sequence: this.#last, durable: this.flushed() };
    const text = events.length === 1 ? encodeEvent(events[0]) : events.map(encodeEvent).join("\n");
    const written = this.#writer.write(this.#id, this.#last + 1, events.length, text);
    this.#last += events.length;
    return { sequence: this.#last, ...written };
  }

  flushed(): Promise<void> {
    return this.#writer.flushed();
  }

  async *entries(): AsyncGenerator<JournalEntry<E>, void> {
    if (this.#damaged !== undefined) throw this.#damaged;
    const last = this.#last;
    await this.flushed();
    let sequence = 1;
    let next = last > 0 ? this.#page(sequence, last) : undefined;
    while (next !== undefined) {
      const { text, count } = await next;
      const after = sequence + count;
      next = after <= last ? this.#page(after, last) : undefined; // read while this one is worked through
      for (const line of text.split("\n")) {
        yield { sequence, event: this.#decoded(sequence, line) };
        sequence++;
      }
    }
  }

  #page(first: number, last: number): Promise<Page> {
    const page = this.#writer.read(this.#id, first, last).catch((error: unknown) => {
      throw this.#damage(error);
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

  #damage(error: unknown): BridgeError {
    const why = error instanceof Error ? error.message : String(error);
    return new BridgeError("journal_unavailable", `log "${this.#name}": ${why}${todo}`, { cause: error });
  }
}

const todo =
  '; what it said is not guessed: "npm run journal -- verify" tells what else is damaged, and the folder is best put back from a copy';
