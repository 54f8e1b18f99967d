import type { Commit, LogState } from "./journal-disk.ts";

/** What is, or will be, one transaction. */
export class Group {
  readonly created: LogState[] = [];
  /** Of everybody who waits for it: one promise, whatever number they are. */
  readonly settled = Promise.withResolvers<void>();
  events = 0;
  bytes = 0;
  /** When it was handed to the disk, by the machine's stopwatch; 0 until then. */
  began = 0;
  readonly #texts = new Map<number, { first: number; texts: string[] }>();

  constructor() {
    this.settled.promise.catch(() => {}); // that nobody waits must not end the process
  }

  get empty(): boolean {
    return this.events === 0 && this.created.length === 0;
  }

  /** So many events of a log, from `first` on, behind those of it that are there already. */
  add(log: number, first: number, events: number, text: string, bytes: number): void {
    this.events += events;
    this.bytes += bytes;
    const lines = this.#texts.get(log);
    if (lines === undefined) this.#texts.set(log, { first, texts: [text] });
    else lines.texts.push(text);
  }

  get commit(): Commit {
    const lines = [...this.#texts].map(([log, { first, texts }]) => ({ log, first, text: texts.join("\n") }));
    return { created: this.created, lines };
  }
}
