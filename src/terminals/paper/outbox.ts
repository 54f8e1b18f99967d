/**
 * What the terminal has to tell, in order, each thing only once it is durable.
 *
 * Posting never waits, so a request is never held up by a reader; who produces
 * without being asked (the market) waits for `room` before it goes on. What turned
 * out not to be durable is dropped: it has not happened.
 */
import type { TerminalReport } from "../../core/ports/terminal.ts";

interface Parcel {
  readonly report: TerminalReport;
  /** Absent where nothing had to be written down. */
  readonly durable?: Promise<void>;
}

export class Outbox {
  readonly #limit: number;
  #queue: Parcel[] = [];
  /** How many at the front of the queue have been taken. */
  #taken = 0;
  #change = Promise.withResolvers<void>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get length(): number {
    return this.#queue.length - this.#taken;
  }

  post(report: TerminalReport, durable?: Promise<void>): void {
    this.#queue.push(durable === undefined ? { report } : { report, durable });
    if (this.length === 1) this.#changed();
  }

  /** Resolves when there is room again, or when `signal` aborts. */
  async room(signal: AbortSignal): Promise<void> {
    while (this.length >= this.#limit && !signal.aborted) await this.#changeOr(signal);
  }

  /** Everything from where the last reader stopped, until `signal` aborts. One reader at a time. */
  async *reports(signal: AbortSignal): AsyncGenerator<TerminalReport, void> {
    while (!signal.aborted) {
      const parcel = this.#queue[this.#taken];
      if (parcel === undefined) {
        await this.#changeOr(signal);
      } else if (await isDurable(parcel, signal)) {
        this.#take();
        yield parcel.report;
      } else if (!signal.aborted) {
        this.#take();
      }
    }
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

/** False when it never will be, or when `signal` aborted first. */
async function isDurable({ durable }: Parcel, signal: AbortSignal): Promise<boolean> {
  if (durable === undefined) return true;
  let held = false;
  const known = durable.then(
    () => {
      held = true;
    },
    () => undefined,
  );
  await unlessAborted(known, signal);
  return held;
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
