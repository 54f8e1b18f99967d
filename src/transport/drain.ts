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

export interface CallInFlight {
  readonly kind: CallKind;
  /** Ends it from outside. */
  cut(reason: BridgeError): void;
}

export interface InFlight {
  readonly unary: number;
  readonly streams: number;
}

export class Drain {
  readonly #clock: Clock;
  readonly #leaving = new AbortController();
  readonly #calls = new Set<CallInFlight>();
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
    return { unary: this.#calls.size - this.#streams, streams: this.#streams };
  }

  /** Lets a call in, until it leaves. */
  enter(call: CallInFlight): void {
    this.#calls.add(call);
    if (call.kind === "stream") this.#streams++;
  }

  leave(call: CallInFlight): void {
    if (!this.#calls.delete(call)) return;
    if (call.kind === "stream") this.#streams--;
    if (this.#calls.size === 0) this.#wake();
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
    if (this.#calls.size > 0) {
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
    for (const call of [...this.#calls]) call.cut(leavingFault());
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
