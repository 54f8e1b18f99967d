/**
 * A conversation between two threads: questions with an answer, questions with a stream of answers, and remarks.
 *
 * Always true:
 *   - A question is settled once: by its answer, by a fault, or by the end of the line.
 *   - Of a stream's answers at most `window` are under way; the rest wait where they are made.
 *   - Who stops listening is heard: the other side's signal aborts with the reason.
 */
import { BridgeError, type Fault, type Violation } from "../core/errors.ts";

/** What a `MessagePort` or a `Worker` does for a line. */
export interface Wire {
  postMessage(message: Said): void;
  on(event: "message", listener: (message: Said) => void): unknown;
}

/** A BridgeError as it travels. */
interface FaultText {
  readonly fault: Fault;
  readonly message: string;
  readonly violations: readonly Violation[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly retryAfterMs: number | undefined;
  readonly cause: unknown;
}

type Said =
  | { readonly kind: "ask" | "follow"; readonly id: number; readonly what: string; readonly value: unknown }
  | { readonly kind: "tell"; readonly what: string; readonly value: unknown }
  /** The asking side: no longer wanted, or so many more were taken. */
  | { readonly kind: "cancel"; readonly id: number; readonly fault: FaultText }
  | { readonly kind: "took"; readonly id: number }
  /** The answering side. */
  | { readonly kind: "answer"; readonly id: number; readonly value: unknown }
  | { readonly kind: "next"; readonly id: number; readonly value: unknown }
  | { readonly kind: "end"; readonly id: number }
  | { readonly kind: "fault"; readonly id: number; readonly fault: FaultText };

type Answer = (value: never, signal: AbortSignal) => unknown;
type Answers = (value: never, signal: AbortSignal) => AsyncIterable<unknown>;
type Hear = (value: never) => void;

/** Answers of one stream that may be under way. */
const window = 64;

/** One that waits for what comes under its number. */
interface Waiting {
  answer(value: unknown): void;
  end(): void;
  fail(error: BridgeError): void;
}

/** One that is being answered. */
interface Working {
  readonly gone: AbortController;
  /** Answers that have left and were not taken yet. */
  owed: number;
  room: (() => void) | undefined;
}

export class Line {
  readonly #wire: Wire;
  readonly #asked = new Map<number, Waiting>();
  readonly #working = new Map<number, Working>();
  readonly #answer = new Map<string, Answer>();
  readonly #answers = new Map<string, Answers>();
  readonly #hear = new Map<string, Hear>();
  #last = 0;
  #over: BridgeError | undefined;

  constructor(wire: Wire) {
    this.#wire = wire;
    wire.on("message", (said) => this.#take(said));
  }

  answers<V>(what: string, answer: (value: V, signal: AbortSignal) => unknown): void {
    this.#answer.set(what, answer);
  }

  streams<V>(what: string, answers: (value: V, signal: AbortSignal) => AsyncIterable<unknown>): void {
    this.#answers.set(what, answers);
  }

  hears<V>(what: string, hear: (value: V) => void): void {
    this.#hear.set(what, hear);
  }

  tell(what: string, value: unknown): void {
    if (this.#over === undefined) this.#wire.postMessage({ kind: "tell", what, value });
  }

  ask<A>(what: string, value: unknown, signal?: AbortSignal): Promise<A> {
    return new Promise((resolve, reject) => {
      const stop = () => cancel(reject);
      const done = <T>(settle: (value: T) => void) => {
        return (value: T) => {
          signal?.removeEventListener("abort", stop);
          settle(value);
        };
      };
      const fail = done(reject);
      const id = this.#begin("ask", what, value, {
        answer: done((answer) => resolve(answer as A)),
        end: () => fail(gone()),
        fail,
      });
      const cancel = (then: (error: BridgeError) => void) => {
        const reason = errorOf(signal?.reason);
        this.#leave(id, reason);
        then(reason);
      };
      if (signal?.aborted) stop();
      else signal?.addEventListener("abort", stop, { once: true });
    });
  }

  /** Ends without an error when the signal aborts: whoever aborted knows why. */
  async *follow<A>(what: string, value: unknown, signal: AbortSignal): AsyncGenerator<A, void> {
    let came: A[] = [];
    let ended: { readonly error: BridgeError | undefined } | undefined;
    let wake: (() => void) | undefined;
    const rouse = () => wake?.();
    const id = this.#begin("follow", what, value, {
      answer(next) {
        came.push(next as A);
        rouse();
      },
      end() {
        ended = { error: undefined };
        rouse();
      },
      fail(error) {
        ended = { error };
        rouse();
      },
    });
    signal.addEventListener("abort", rouse);
    try {
      while (!signal.aborted) {
        const batch = came;
        came = [];
        for (const next of batch) {
          yield next;
          this.#post({ kind: "took", id });
        }
        if (batch.length > 0) continue;
        if (ended?.error !== undefined) throw ended.error;
        if (ended !== undefined) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      signal.removeEventListener("abort", rouse);
      this.#leave(id, errorOf(signal.reason));
    }
  }

  /** The other side is no more: what is open fails with this. */
  end(why: BridgeError): void {
    this.#over ??= why;
    for (const waiting of this.#asked.values()) waiting.fail(why);
    this.#asked.clear();
    for (const { gone, room } of this.#working.values()) {
      gone.abort(why);
      room?.();
    }
    this.#working.clear();
  }

  #begin(kind: "ask" | "follow", what: string, value: unknown, waiting: Waiting): number {
    const id = ++this.#last;
    if (this.#over !== undefined) waiting.fail(this.#over);
    else {
      this.#asked.set(id, waiting);
      this.#wire.postMessage({ kind, id, what, value });
    }
    return id;
  }

  #leave(id: number, why: BridgeError): void {
    if (this.#asked.delete(id)) this.#post({ kind: "cancel", id, fault: textOf(why) });
  }

  #post(said: Said): void {
    if (this.#over === undefined) this.#wire.postMessage(said);
  }

  #take(said: Said): void {
    switch (said.kind) {
      case "tell":
        this.#hear.get(said.what)?.(said.value as never);
        break;
      case "ask":
        void this.#reply(said.id, said.what, said.value);
        break;
      case "follow":
        void this.#stream(said.id, said.what, said.value);
        break;
      case "cancel":
        this.#working.get(said.id)?.gone.abort(fromText(said.fault));
        break;
      case "took":
        this.#taken(said.id);
        break;
      case "next":
        this.#asked.get(said.id)?.answer(said.value);
        break;
      case "answer":
        this.#settled(said.id)?.answer(said.value);
        break;
      case "end":
        this.#settled(said.id)?.end();
        break;
      case "fault":
        this.#settled(said.id)?.fail(fromText(said.fault));
    }
  }

  #settled(id: number): Waiting | undefined {
    const waiting = this.#asked.get(id);
    this.#asked.delete(id);
    return waiting;
  }

  async #reply(id: number, what: string, value: unknown): Promise<void> {
    const { gone } = this.#work(id);
    try {
      const answer = this.#answer.get(what);
      if (answer === undefined) throw new Error(`nobody answers ${what}`);
      this.#post({ kind: "answer", id, value: await answer(value as never, gone.signal) });
    } catch (error) {
      this.#post({ kind: "fault", id, fault: textOf(errorOf(error)) });
    } finally {
      this.#working.delete(id);
    }
  }

  async #stream(id: number, what: string, value: unknown): Promise<void> {
    const working = this.#work(id);
    const { signal } = working.gone;
    try {
      const answers = this.#answers.get(what);
      if (answers === undefined) throw new Error(`nobody answers ${what}`);
      for await (const next of answers(value as never, signal)) {
        if (signal.aborted) break;
        working.owed++;
        this.#post({ kind: "next", id, value: next });
        if (working.owed >= window) await this.#room(working);
      }
      this.#post({ kind: "end", id });
    } catch (error) {
      this.#post({ kind: "fault", id, fault: textOf(errorOf(error)) });
    } finally {
      this.#working.delete(id);
    }
  }

  #work(id: number): Working {
    const working = { gone: new AbortController(), owed: 0, room: undefined };
    this.#working.set(id, working);
    return working;
  }

  #room(working: Working): Promise<void> {
    const { signal } = working.gone;
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      working.room = resolve;
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  #taken(id: number): void {
    const working = this.#working.get(id);
    if (working === undefined) return;
    working.owed--;
    working.room?.();
    working.room = undefined;
  }
}

const gone = () => new BridgeError("canceled", "Nobody waits for the answer.");

function errorOf(error: unknown): BridgeError {
  if (error instanceof BridgeError) return error;
  if (error === undefined) return gone();
  return new BridgeError("internal", error instanceof Error ? error.message : String(error), { cause: error });
}

function textOf({ fault, message, violations, metadata, retryAfterMs, cause }: BridgeError): FaultText {
  const why = cause instanceof Error ? (cause.stack ?? cause.message) : cause === undefined ? undefined : String(cause);
  return { fault, message, violations, metadata, retryAfterMs, cause: why };
}

function fromText({ fault, message, violations, metadata, retryAfterMs, cause }: FaultText): BridgeError {
  const after = retryAfterMs === undefined ? {} : { retryAfterMs };
  return new BridgeError(fault, message, { violations, metadata, cause, ...after });
}
