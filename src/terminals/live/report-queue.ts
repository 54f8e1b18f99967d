/**
 * What the terminal tells, on its way to its reader.
 *
 * Posting never waits: the link must be read whoever is slow. What is too much is dropped
 * and said: prices first; and when trades alone fill the queue they are dropped too, and the
 * reader is told anew that the link is up, which has it read the terminal's records.
 */
import type { TerminalReport } from "../../core/ports/terminal.ts";

type LinkReport = Extract<TerminalReport, { type: "link" }>;

/** What was dropped. */
export type Dropped = "ticks" | "trades";

export class ReportQueue {
  readonly #limit: number;
  readonly #dropped: (what: Dropped) => void;
  #queue: TerminalReport[] = [];
  /** How many at the front of the queue have been taken. */
  #taken = 0;
  #link: LinkReport | undefined;
  #change = Promise.withResolvers<void>();

  constructor(limit: number, dropped: (what: Dropped) => void) {
    this.#limit = limit;
    this.#dropped = dropped;
  }

  get length(): number {
    return this.#queue.length - this.#taken;
  }

  post(report: TerminalReport): void {
    if (report.type === "link") this.#link = report;
    if (this.length >= this.#limit) this.#makeRoom();
    this.#queue.push(report);
    if (this.length === 1) this.#changed();
  }

  /** Everything from where the last reader stopped, until `signal` aborts. One reader at a time. */
  async *reports(signal: AbortSignal): AsyncGenerator<TerminalReport, void> {
    const stop = () => this.#changed();
    signal.addEventListener("abort", stop, { once: true });
    try {
      while (!signal.aborted) {
        const report = this.#queue[this.#taken];
        if (report === undefined) await this.#change.promise;
        else yield this.#take(report);
      }
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  #take(report: TerminalReport): TerminalReport {
    this.#taken++;
    if (this.#taken === this.#queue.length || this.#taken >= 1024) {
      this.#queue = this.#queue.slice(this.#taken);
      this.#taken = 0;
    }
    return report;
  }

  #makeRoom(): void {
    const waiting = this.#queue.slice(this.#taken);
    const withoutTicks = waiting.filter(({ type }) => type !== "ticks");
    const keeps = withoutTicks.length < this.#limit;
    this.#dropped(keeps ? "ticks" : "trades");
    this.#queue = keeps ? withoutTicks : this.#link === undefined ? [] : [this.#link];
    this.#taken = 0;
  }

  #changed(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }
}
