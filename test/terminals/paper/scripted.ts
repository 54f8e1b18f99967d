/** A market and a clock that do what the test says, when it says so. */
import type { Instant } from "../../../src/core/model/ids.ts";
import type { SourceTick } from "../../../src/core/model/tick.ts";
import { TickRows } from "../../../src/core/model/tick-rows.ts";
import type { Clock } from "../../../src/core/ports/clock.ts";
import type { Observer } from "../../../src/core/ports/observer.ts";
import type { Market } from "../../../src/terminals/paper/market.ts";

export class ScriptedClock implements Clock {
  #now: number;
  #sleepers = new Set<{ until: number; wake(): void }>();

  constructor(now: Instant) {
    this.#now = now;
  }

  now(): Instant {
    return this.#now as Instant;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const sleeper = { until: this.#now + ms, wake: resolve };
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", () => this.#wake(sleeper), { once: true });
    });
  }

  after(ms: number, call: () => void): () => void {
    const sleeper = { until: this.#now + ms, wake: call };
    this.#sleepers.add(sleeper);
    return () => this.#sleepers.delete(sleeper);
  }

  advance(ms: number): void {
    this.#now += ms;
    for (const sleeper of this.#sleepers) if (sleeper.until <= this.#now) this.#wake(sleeper);
  }

  get sleeping(): number {
    return this.#sleepers.size;
  }

  #wake(sleeper: { until: number; wake(): void }): void {
    this.#sleepers.delete(sleeper);
    sleeper.wake();
  }
}

export class ScriptedMarket implements Market {
  readonly patient: boolean;
  readonly #clock: Clock;
  #batches: TickRows[] = [];
  #over = false;
  #failure: Error | undefined;
  /** How many batches the terminal has asked for; it asks for one more when it is done with the last. */
  asked = 0;
  #change = Promise.withResolvers<void>();

  constructor(clock: Clock, patient = false) {
    this.#clock = clock;
    this.patient = patient;
  }

  now(): Instant {
    return this.#clock.now();
  }

  push(...ticks: readonly SourceTick[]): void {
    this.#batches.push(TickRows.of(ticks));
    this.#changed();
  }

  end(): void {
    this.#over = true;
    this.#changed();
  }

  fail(error: Error): void {
    this.#failure = error;
    this.#changed();
  }

  async *batches(signal: AbortSignal): AsyncGenerator<TickRows> {
    signal.addEventListener("abort", () => this.#changed(), { once: true });
    while (!signal.aborted) {
      const batch = this.#batches.shift();
      if (batch !== undefined) {
        this.asked++;
        yield batch;
      } else if (this.#failure !== undefined) throw this.#failure;
      else if (this.#over) return;
      else await this.#change.promise;
    }
  }

  #changed(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }
}

export class Notes implements Observer {
  readonly lines: string[] = [];

  note(severity: string, component: string, message: string): void {
    this.lines.push(`${severity} ${component}: ${message}`);
  }
}

/** Lets everything that can happen now happen: promises settle in microtasks, before this resolves. */
export const quiet = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
