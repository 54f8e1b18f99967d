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
import type { Closing, Cursor, ResetReason, SourceState, StreamOpened } from "../../../gen/ts/mt5bridge/v1/types_pb.ts";
import { type Asked, Course, type StreamMessage } from "./course.ts";
import { BridgeError } from "./failure.ts";
import { millisecondsOf, pauseAfter, type Wait } from "./patience.ts";

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

export interface Followed<M extends DescMethodServerStreaming> {
  readonly message: MessageShape<M["output"]>;
  /** Where the reader stands behind it; undefined until a snapshot is whole. */
  readonly cursor: Cursor | undefined;
}

/** A stream may be silent for so many heartbeats before it counts as dead. */
const heartbeatsMissed = 3;
/** How long the first message may take. */
const openingMs = 10_000;

/** Yields every message of the stream, those of later connections too. Throws what no second try would change. */
export async function* follow<M extends DescMethodServerStreaming>(
  { transport, wait }: { readonly transport: Transport; readonly wait: Wait },
  method: M,
  request: MessageInitShape<M["input"]>,
  { signal, resumeAfter, onState }: FollowOptions = {},
): AsyncGenerator<Followed<M>, void> {
  const course = new Course(request as Asked, resumeAfter);
  let failures = 0;
  while (!signal?.aborted) {
    const call = new AbortController();
    const abort = () => call.abort(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    let why: BridgeError | Closing = new BridgeError(new ConnectError("the stream has ended", Code.Unavailable));
    let retryAfterMs = 0;
    try {
      const asked = course.request() as MessageInitShape<M["input"]>;
      for await (const message of connection(transport, method, asked, call)) {
        const common = message as unknown as StreamMessage;
        const { event } = common;
        course.take(common);
        if (event.case === "opened") failures = 0;
        if (event.case === "closing") {
          why = event.value;
          retryAfterMs = millisecondsOf(event.value.retryAfter) ?? 0;
        }
        const state = stateOf(common);
        if (state !== undefined) onState?.(state);
        yield { message, cursor: course.cursor };
      }
    } catch (thrown) {
      if (signal?.aborted) return;
      const error = BridgeError.from(thrown);
      if (!error.passing) throw error;
      why = error;
      retryAfterMs = Math.max(retryAfterMs, error.retryAfterMs ?? 0);
    } finally {
      call.abort();
      signal?.removeEventListener("abort", abort);
    }
    const retryInMs = retryAfterMs + pauseAfter(failures++);
    onState?.({ kind: "disconnected", why, retryInMs });
    await wait(retryInMs, signal);
  }
}

function stateOf({ event }: StreamMessage): StreamState | undefined {
  switch (event.case) {
    case "opened":
      return { kind: "connected", opened: event.value };
    case "reset":
      return { kind: "reset", reason: event.value.reason, message: event.value.message };
    case "heartbeat":
      return { kind: "alive", source: event.value.sourceState, skipped: event.value.skipped };
    default:
      return undefined;
  }
}

/** What one connection brings. A peer that has vanished says nothing, for ever; one that is there sends heartbeats. */
async function* connection<M extends DescMethodServerStreaming>(
  transport: Transport,
  method: M,
  request: MessageInitShape<M["input"]>,
  call: AbortController,
): AsyncGenerator<MessageShape<M["output"]>, void> {
  const opening = transport.stream(method, call.signal, undefined, undefined, once(request));
  const messages = (await inTime(opening, openingMs, call)).message[Symbol.asyncIterator]();
  let patienceMs = openingMs;
  for (;;) {
    const next = await inTime(messages.next(), patienceMs, call);
    if (next.done === true) return;
    const { event } = next.value as unknown as StreamMessage;
    if (event.case === "opened") {
      patienceMs = Math.max(1_000, (millisecondsOf(event.value.heartbeatInterval) ?? 5_000) * heartbeatsMissed);
    }
    yield next.value as MessageShape<M["output"]>;
  }
}

async function* once<T>(item: T): AsyncGenerator<T> {
  yield item;
}

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
