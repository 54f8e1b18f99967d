/**
 * Where a reader stands in a stream, through any number of connections.
 *
 * Always true:
 *   - The cursor never runs ahead of what was handed on: an event that has not been seen is asked for again.
 *   - Half a snapshot counts for nothing: the next connection begins with a whole one.
 */
import type {
  Closing,
  Cursor,
  Heartbeat,
  Reset,
  SnapshotEnd,
  StreamOpened,
} from "../../../gen/ts/mt5bridge/v1/types_pb.ts";

/** What all streams of the contract have in common. */
export interface StreamMessage {
  readonly cursor?: Cursor;
  readonly event:
    | { readonly case: "opened"; readonly value: StreamOpened }
    | { readonly case: "reset"; readonly value: Reset }
    | { readonly case: "snapshot"; readonly value: object }
    | { readonly case: "snapshotEnd"; readonly value: SnapshotEnd }
    | { readonly case: "heartbeat"; readonly value: Heartbeat }
    | { readonly case: "closing"; readonly value: Closing }
    | { readonly case: "batch"; readonly value: { readonly cursor?: Cursor } }
    | { readonly case: "subscription"; readonly value: { readonly symbols: readonly string[] } }
    | { readonly case: "order" | "position" | "balance" | "valuation" | "bar"; readonly value: object };
}

/** Of a stream's request, what changes from connection to connection. */
export interface Asked {
  readonly snapshot?: boolean | undefined;
  readonly symbols?: readonly string[];
}

export class Course {
  #asked: Asked;
  #cursor: Cursor | undefined;
  #whole = false;
  #resumed = false;

  constructor(asked: Asked, resumeAfter: Cursor | undefined) {
    this.#asked = asked;
    this.#cursor = resumeAfter;
  }

  /** What to resume from; undefined while there is nothing to resume. */
  get cursor(): Cursor | undefined {
    return this.#cursor;
  }

  /** What the next connection is to ask for. */
  request(): object {
    this.#resumed = this.#cursor !== undefined;
    this.#whole = !(this.#asked.snapshot ?? !this.#resumed);
    return { ...this.#asked, resumeAfter: this.#cursor };
  }

  /** Notes a message that is handed on. */
  take({ cursor, event }: StreamMessage): void {
    switch (event.case) {
      case "opened":
        if (!this.#resumed) this.#note(event.value.cursor);
        break;
      case "reset":
        this.#whole = false;
        this.#resumed = false;
        break;
      case "snapshot":
        break;
      case "snapshotEnd":
        this.#whole = true;
        // A resumed stream brings what was missed after its snapshot: it still stands where it stood.
        if (!this.#resumed) this.#note(event.value.cursor);
        this.#asked = { ...this.#asked, snapshot: undefined };
        break;
      case "heartbeat":
      case "closing":
      case "batch":
        this.#note(event.value.cursor);
        break;
      case "subscription":
        this.#asked = { ...this.#asked, symbols: event.value.symbols };
        break;
      default:
        this.#note(cursor);
    }
  }

  #note(cursor: Cursor | undefined): void {
    if (this.#whole) this.#cursor = cursor ?? this.#cursor;
  }
}
