/**
 * A stream that goes on through broken connections and restarts of the bridge.
 *
 * Always true:
 *   - The reader gets every event once, in order, or a `reset` that says what could not be had, then a snapshot.
 *   - Nothing is asked for that the reader has not room for: it is read only when the loop comes round.
 *   - Leaving the loop, or aborting the signal, ends the call at the bridge. (A call is not ended by leaving the loop
 *     over its messages; its own signal has to abort.)
 */
import type { DescMethodServerStreaming, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import type {
  Closing,
  Cursor,
  Heartbeat,
  Reset,
  ResetReason,
  SnapshotEnd,
  SourceState,
  StreamOpened,
} from "../../../gen/ts/mt5bridge/v1/types_pb.ts";
import { BridgeError } from "./failure.ts";
import { pauseAfter, type Wait } from "./patience.ts";

/** What a reader may want to know besides the data. */
export type StreamState =
  | { readonly kind: "connected"; readonly opened: StreamOpened }
  | { readonly kind: "disconnected"; readonly why: BridgeError | Closing; readonly retryInMs: number }
  | { readonly kind: "reset"; readonly reason: ResetReason; readonly message: string }
  | { readonly kind: "alive"; readonly source: SourceState; readonly skipped: bigint };

export interface FollowOptions {
  /** Ends the loop, quietly. */
  readonly signal?: AbortSignal;
  /** Go on behind this event, of this run or an earlier one. */
  readonly resumeAfter?: Cursor | undefined;
  readonly onState?: (state: StreamState) => void;
}

type Known =
  | { readonly case: "opened"; readonly value: StreamOpened }
  | { readonly case: "snapshotEnd"; readonly value: SnapshotEnd }
  | { readonly case: "heartbeat"; readonly value: Heartbeat }
  | { readonly case: "reset"; readonly value: Reset }
  | { readonly case: "closing"; readonly value: Closing }
  | { readonly case: "batch"; readonly value: { readonly cursor?: Cursor } };

/** What all streams of the contract have in common. */
interface StreamMessage {
  readonly cursor?: Cursor;
  readonly event: Known | { readonly case: "snapshot" | "other" };
}

/** A stream may be silent for so many heartbeats before it counts as dead. */
const heartbeatsMissed = 3;
/** How long the first message may take. */
const openingMs = 10_000;

/** Yields every message of the stream, those of later connections too; `cursor` is where the reader stands behind it. */
export async function* follow<M extends DescMethodServerStreaming>(
  { transport, wait }: { readonly transport: Transport; readonly wait: Wait },
  method: M,
  request: MessageInitShape<M["input"]>,
  { signal, resumeAfter, onState }: FollowOptions = {},
): AsyncGenerator<{ readonly message: MessageShape<M["output"]>; readonly cursor: Cursor | undefined }, void> {
  let cursor = resumeAfter;
  let afresh: object = request;
  let asked: object = cursor === undefined ? afresh : { ...request, resumeAfter: cursor };
  let failures = 0;
  while (!signal?.aborted) {
    const call = new AbortController();
    const abort = () => call.abort(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    let why: BridgeError | Closing | undefined;
    let retryInMs: number | undefined;
    try {
      const input = once(asked as MessageInitShape<M["input"]>);
      const opening = transport.stream(method, call.signal, undefined, undefined, input);
      const stream = await inTime(opening, openingMs, call);
      const messages = stream.message[Symbol.asyncIterator]();
      let patienceMs = openingMs;
      for (;;) {
        const next = await inTime(messages.next(), patienceMs, call);
        if (next.done === true) break;
        const { event, cursor: place } = next.value as unknown as StreamMessage;
        switch (event.case) {
          case "opened":
            failures = 0;
            patienceMs = Math.max(1_000, millisecondsOf(event.value.heartbeatInterval, 5_000) * heartbeatsMissed);
            // Without a snapshot the stream begins here, and an event may be the first.
            if (cursor === undefined && wantsNone(asked)) cursor = event.value.cursor;
            onState?.({ kind: "connected", opened: event.value });
            break;
          case "reset":
            cursor = undefined; // until the snapshot is whole
            afresh = { ...request, snapshot: undefined };
            onState?.({ kind: "reset", reason: event.value.reason, message: event.value.message });
            break;
          case "heartbeat":
            cursor = event.value.cursor ?? cursor;
            onState?.({ kind: "alive", source: event.value.sourceState, skipped: event.value.skipped });
            break;
          case "closing":
            cursor = event.value.cursor ?? cursor;
            why = event.value;
            retryInMs = millisecondsOf(event.value.retryAfter, 0);
            break;
          case "snapshotEnd":
          case "batch":
            cursor = event.value.cursor ?? cursor;
            break;
          case "snapshot":
            break;
          default:
            if (place !== undefined) cursor = place;
        }
        yield { message: next.value as MessageShape<M["output"]>, cursor };
      }
    } catch (thrown) {
      if (signal?.aborted) return;
      const error = BridgeError.from(thrown);
      if (error.retry === "never") throw error;
      why = error;
      retryInMs = error.retryAfterMs;
    } finally {
      call.abort();
      signal?.removeEventListener("abort", abort);
    }
    retryInMs = Math.max(retryInMs ?? 0, pauseAfter(failures++));
    why ??= new BridgeError(new ConnectError("the stream has ended", Code.Unavailable));
    onState?.({ kind: "disconnected", why, retryInMs });
    // What has been seen is not asked for again; a snapshot that broke off is.
    asked = cursor === undefined ? afresh : { ...request, snapshot: undefined, resumeAfter: cursor };
    await wait(retryInMs, signal);
  }
}

const wantsNone = (asked: object) => "snapshot" in asked && asked.snapshot === false;

async function* once<T>(item: T): AsyncGenerator<T> {
  yield item;
}

/** A peer that has vanished says nothing, for ever; one that is there sends heartbeats. */
async function inTime<T>(promise: Promise<T>, ms: number, call: AbortController): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new ConnectError(`nothing came for ${ms} ms`, Code.Unavailable);
      reject(error);
      call.abort(error);
    }, ms);
  });
  try {
    return await Promise.race([promise, silence]);
  } finally {
    clearTimeout(timer);
    promise.catch(() => undefined); // it fails of our own abort, when nobody listens any more
  }
}

function millisecondsOf(duration: { readonly seconds: bigint; readonly nanos: number } | undefined, absent: number) {
  return duration === undefined ? absent : Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}
