/**
 * What the terminal tells, on its way to its reader.
 *
 * Posting never waits: the link must be read whoever is slow. What is too much is dropped
 * and said: prices first; and when trades alone fill the queue they are dropped too, and the
 * reader is told anew that the link is up, which has it read the terminal's records.
 *
 * An answer that has its place among the reports (the records of one moment) waits for the
 * reader to come to that place, and what was told behind it waits for the answer to be taken.
 */
import type { TerminalReport } from "../../core/ports/terminal.ts";

type LinkReport = Extract<TerminalReport, { type: "link" }>;

/** A place in the queue, for whoever waits for the reader to come there. */
interface Place {
  readonly type: "place";
  readonly reached: () => void;
}

/** What was dropped. */
export type Dropped = "ticks" | "trades";

export interface ReportQueueParts {
  /** Reports that may wait. */
  readonly limit: number;
  /** Ticks that may wait in them. */
  readonly ticks: number;
  readonly dropped: (what: Dropped) => void;
  /** Gives everyone else a turn. */
  readonly turn: () => Promise<void>;
}

export class ReportQueue {
  readonly #parts: ReportQueueParts;
  #queue: (TerminalReport | Place)[] = [];
  /** How many at the front of the queue have been taken. */
  #taken = 0;
  /** Ticks in the reports that wait. */
  #ticks = 0;
  #readers = 0;
  #link: LinkReport | undefined;
  #change = Promise.withResolvers<void>();

  constructor(parts: ReportQueueParts) {
    this.#parts = parts;
  }

  get length(): number {
    return this.#queue.length - this.#taken;
  }

  post(report: TerminalReport): void {
    if (report.type === "link") this.#link = report;
    this.#ticks += ticksIn(report);
    if (this.length >= this.#parts.limit || this.#ticks > this.#parts.ticks) this.#makeRoom(ticksIn(report));
    this.#push(report);
  }

  /** Resolves when the reader has taken all that was posted so far; at once where nobody reads. */
  place(): Promise<void> {
    if (this.#readers === 0) return Promise.resolve();
    return new Promise((reached) => this.#push({ type: "place", reached }));
  }

  /** Everything from where the last reader stopped, until `signal` aborts. One reader at a time. */
  async *reports(signal: AbortSignal): AsyncGenerator<TerminalReport, void> {
    const stop = () => this.#changed();
    signal.addEventListener("abort", stop, { once: true });
    this.#readers++;
    try {
      while (!signal.aborted) {
        const next = this.#queue[this.#taken];
        if (next === undefined) await this.#change.promise;
        else if (this.#take(next).type !== "place") yield next as TerminalReport;
        else await this.#parts.turn();
      }
    } finally {
      this.#readers--;
      if (this.#readers === 0) this.#reachPlaces();
      signal.removeEventListener("abort", stop);
    }
  }

  #push(entry: TerminalReport | Place): void {
    this.#queue.push(entry);
    if (this.length === 1) this.#changed();
  }

  #take(entry: TerminalReport | Place): TerminalReport | Place {
    this.#taken++;
    this.#ticks -= ticksIn(entry);
    if (this.#taken === this.#queue.length || this.#taken >= 1024) {
      this.#queue = this.#queue.slice(this.#taken);
      this.#taken = 0;
    }
    if (entry.type === "place") entry.reached();
    return entry;
  }

  /** For a report that brings so many ticks. */
  #makeRoom(coming: number): void {
    const { limit, dropped } = this.#parts;
    this.#reachPlaces();
    const withoutTicks = this.#queue.filter(({ type }) => type !== "ticks");
    if (withoutTicks.length === this.#queue.length && withoutTicks.length < limit) return;
    const keeps = withoutTicks.length < limit;
    dropped(keeps ? "ticks" : "trades");
    this.#ticks = coming;
    this.#queue = keeps ? withoutTicks : this.#link === undefined ? [] : [this.#link];
  }

  /** Whoever waits for a place waits no longer. */
  #reachPlaces(): void {
    const waiting = this.#queue.slice(this.#taken);
    this.#taken = 0;
    this.#queue = waiting.filter(({ type }) => type !== "place");
    for (const entry of waiting) if (entry.type === "place") entry.reached();
  }

  #changed(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }
}

const ticksIn = (entry: TerminalReport | Place): number => (entry.type === "ticks" ? entry.ticks.length : 0);
