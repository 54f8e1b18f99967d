/**
 * What is in flight, on every transport, and how it comes to an end.
 *
 * Leaving happens in this order: streams are told (`leaving` aborts, they say `closing` and end), new calls are
 * refused, unary calls run to their end, and what has not ended within the grace is cut off with `draining`.
 *
 * Always true: a call that was let in leaves exactly once, so that "nothing in flight" can be trusted.
 */
import { BridgeError } from "../core/errors.ts";
import type { Clock } from "../core/ports/clock.ts";

export type CallKind = "unary" | "stream";

/** A call in flight. */
interface Passage {
  readonly kind: CallKind;
  readonly cut: (reason: BridgeError) => void;
}

export interface InFlight {
  readonly unary: number;
  readonly streams: number;
}

export class Drain {
  readonly #clock: Clock;
  readonly #leaving = new AbortController();
  readonly #passages = new Set<Passage>();
  #streams = 0;
  #wakeWaiting: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Aborts when the bridge is about to go. */
  get leaving(): AbortSignal {
    return this.#leaving.signal;
  }

  get inFlight(): InFlight {
    return { unary: this.#passages.size - this.#streams, streams: this.#streams };
  }

  /** Lets a call in; it calls the returned function once when it has ended. `cut` ends it from outside. */
  enter(kind: CallKind, cut: (reason: BridgeError) => void): () => void {
    const passage: Passage = { kind, cut };
    this.#passages.add(passage);
    if (kind === "stream") this.#streams++;
    return () => {
      if (!this.#passages.delete(passage)) return;
      if (kind === "stream") this.#streams--;
      if (this.#passages.size === 0) this.#wake();
    };
  }

  /** Throws once the bridge is leaving. */
  refuseWhenLeaving(): void {
    if (this.#leaving.signal.aborted) throw leavingFault();
  }

  /** Tells the streams and refuses new calls. */
  begin(): void {
    this.#leaving.abort(leavingFault());
  }

  /** Begins, and resolves when all calls have ended or after `graceMs`, with what was still in flight then. */
  async settle(graceMs: number): Promise<InFlight> {
    this.begin();
    if (this.#passages.size > 0) {
      const settled = new AbortController();
      const empty = new Promise<void>((resolve) => {
        this.#wakeWaiting.push(resolve);
      });
      await Promise.race([empty, this.#clock.sleep(graceMs, settled.signal)]);
      settled.abort();
    }
    return this.inFlight;
  }

  /** Ends whatever has not ended by itself. */
  cutOff(): void {
    for (const { cut } of [...this.#passages]) cut(leavingFault());
  }

  #wake(): void {
    const waiting = this.#wakeWaiting;
    this.#wakeWaiting = [];
    for (const wake of waiting) wake();
  }
}

function leavingFault(): BridgeError {
  return new BridgeError("draining", "The bridge is shutting down; connect again in a moment.", {
    retryAfterMs: 1_000,
  });
}
