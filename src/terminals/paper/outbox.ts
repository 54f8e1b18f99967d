/**
 * What the terminal has to tell, in order.
 *
 * Posting never waits, so a request is never held up by a reader; who produces
 * without being asked (the market) waits for `room` before it goes on.
 */
import type { TerminalReport } from "../../core/ports/terminal.ts";

/** What rests on the ledger; prices and the link do not. */
const trades: ReadonlySet<TerminalReport["type"]> = new Set([
  "order",
  "deal",
  "position",
  "position_closed",
  "valuation",
]);

export class Outbox {
  readonly #limit: number;
  #queue: TerminalReport[] = [];
  /** How many at the front of the queue have been taken. */
  #taken = 0;
  #change = Promise.withResolvers<void>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get length(): number {
    return this.#queue.length - this.#taken;
  }

  post(report: TerminalReport): void {
    this.#queue.push(report);
    if (this.length === 1) this.#changed();
  }

  /** Resolves when there is room again, or when `signal` aborts. */
  async room(signal: AbortSignal): Promise<void> {
    while (this.length >= this.#limit && !signal.aborted) await this.#changeOr(signal);
  }

  /** Everything from where the last reader stopped, until `signal` aborts. One reader at a time. */
  async *reports(signal: AbortSignal): AsyncGenerator<TerminalReport, void> {
    while (!signal.aborted) {
      const report = this.#queue[this.#taken];
      if (report === undefined) {
        await this.#changeOr(signal);
      } else {
        this.#take();
        yield report;
      }
    }
  }

  /** Drops what is waiting of orders, deals, positions and the account's worth. */
  forgetTrades(): void {
    const full = this.length >= this.#limit;
    this.#queue = this.#queue.slice(this.#taken).filter((report) => !trades.has(report.type));
    this.#taken = 0;
    if (full) this.#changed();
  }

  #take(): void {
    const full = this.length >= this.#limit;
    this.#taken++;
    if (this.#taken === this.#queue.length || this.#taken >= 1024) {
      this.#queue = this.#queue.slice(this.#taken);
      this.#taken = 0;
    }
    if (full) this.#changed();
  }

  #changed(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  #changeOr(signal: AbortSignal): Promise<void> {
    return unlessAborted(this.#change.promise, signal);
  }
}

/** Resolves with the promise or when `signal` aborts, whichever is first. */
export function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) {
    promise.catch(() => undefined); // whoever made it knows already
    return Promise.resolve();
  }
  return new Promise((resolve, reject) => {
    const stop = () => resolve();
    signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
