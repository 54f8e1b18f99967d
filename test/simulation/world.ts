/**
 * The world that a run happens in: one thread, one queue of what is to happen, one time.
 *
 * Whatever waits, waits for the queue: there are no timers. Before the next thing happens,
 * everything that the last one has set off in memory has come to rest, so that a run is the
 * same every time.
 */
import type { Instant } from "../../src/core/model/ids.ts";
import type { Clock } from "../../src/core/ports/clock.ts";
import { Process } from "./process.ts";
import type { Trace } from "./trace.ts";

/** Something that is to happen. */
interface Planned {
  time: number;
  /** Of things at the same time, that which was planned first comes first. */
  readonly place: number;
  readonly whose: Process;
  readonly action: () => void;
  calledOff: boolean;
}

/** A Tuesday, 10:00 UTC. */
export const began = Date.UTC(2025, 0, 7, 10);

/** A run that goes on for longer than this has lost its way. */
const mostTurns = 60_000;

export class World {
  readonly trace: Trace;
  /** All that is not the bridge: it never dies. */
  readonly outside = new Process("outside");
  /** Milliseconds since the beginning. */
  now = 0;
  turns = 0;
  #place = 0;
  readonly #queue: Planned[] = [];

  constructor(trace: Trace) {
    this.trace = trace;
  }

  get instant(): Instant {
    return (began + this.now) as Instant;
  }

  note(what: string, number?: number, detail?: () => string): void {
    this.trace.note(this.now, what, number, detail);
  }

  /** After so many milliseconds, if the process still lives then and as soon as it runs. Returns a function that calls it off. */
  after(ms: number, whose: Process, action: () => void): () => void {
    const planned = { time: this.now + Math.ceil(ms), place: this.#place++, whose, action, calledOff: false };
    this.#put(planned);
    return () => {
      planned.calledOff = true;
    };
  }

  /** Lets things happen until `done`, or until nothing more does, or the time is over. */
  async run(done: () => boolean, until: number): Promise<void> {
    while (!done()) {
      const next = this.#take();
      if (next === undefined) return;
      if (next.time > until) {
        this.#put(next);
        this.now = until;
        return;
      }
      this.now = Math.max(this.now, next.time);
      if (next.calledOff || !next.whose.alive) continue;
      if (next.whose.frozenUntil > this.now) {
        next.time = next.whose.frozenUntil;
        this.#put(next);
        continue;
      }
      if (this.turns++ > mostTurns) throw new Error(`no end after ${mostTurns} turns`);
      next.action();
      await rest();
    }
  }

  /** The machine's clock, as a process sees it. */
  clockOf(process: Process): Clock {
    return {
      now: () => this.instant,
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          if (signal?.aborted) {
            resolve();
            return;
          }
          const wake = () => {
            signal?.removeEventListener("abort", early);
            resolve();
          };
          const callOff = this.after(Math.max(0, ms), process, wake);
          const early = () => {
            callOff();
            wake();
          };
          signal?.addEventListener("abort", early);
        }),
      after: (ms, call) => this.after(ms, process, call),
    };
  }

  #put(planned: Planned): void {
    const queue = this.#queue;
    let at = queue.length;
    queue.push(planned);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = queue[parent] as Planned;
      if (!isBefore(planned, above)) break;
      queue[at] = above;
      at = parent;
    }
    queue[at] = planned;
  }

  #take(): Planned | undefined {
    const queue = this.#queue;
    const first = queue[0];
    const last = queue.pop();
    if (first === undefined || last === undefined || queue.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= queue.length) break;
      if (child + 1 < queue.length && isBefore(queue[child + 1] as Planned, queue[child] as Planned)) child += 1;
      const below = queue[child] as Planned;
      if (!isBefore(below, last)) break;
      queue[at] = below;
      at = child;
    }
    queue[at] = last;
    return first;
  }
}

const isBefore = (a: Planned, b: Planned): boolean => a.time < b.time || (a.time === b.time && a.place < b.place);

/** Promises settle in microtasks, all of them before this resolves. */
const rest = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
