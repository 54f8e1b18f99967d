/**
 * What went wrong, as a strategy asks for it: may an order exist, is it worth trying again, which field was wrong.
 *
 * A failure without the bridge's own words (the connection broke, a proxy answered) is read with suspicion: unless
 * the request cannot have left this machine, an order may exist.
 */
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../../gen/ts/google/rpc/error_details_pb.ts";
import type { StreamOpened } from "../../../gen/ts/mt5bridge/v1/types_pb.ts";
import { millisecondsOf } from "./patience.ts";

/** When the same request may be worth another try; `passing` sums it up. */
export const retries = [
  "never",
  "later",
  "after_reconnect",
  "after_reconcile",
  "after_resubscribe",
  "with_new_credential",
  "with_new_key",
] as const;
export type Retry = (typeof retries)[number];

/** A field of the request and what is wrong with it, its valid range named. */
export interface Violation {
  readonly field: string;
  readonly description: string;
}

export class BridgeError extends ConnectError {
  /** A word for programs, for example UNKNOWN_SYMBOL; empty when it was not the bridge that answered. */
  readonly reason: string;
  /** Whether an order may have come to the broker's books by this request. */
  readonly orderMayExist: boolean;
  readonly retry: Retry;
  /** Come back no sooner than this. */
  readonly retryAfterMs: number | undefined;
  readonly violations: readonly Violation[];
  /** Further facts, such as MetaTrader's `retcode`. */
  readonly facts: Readonly<Record<string, string>>;
  /** The key of the order that this is about; send again with it, never with another. */
  readonly clientOrderId: string | undefined;

  constructor(from: ConnectError, known: { readonly orderMayExist?: boolean; readonly clientOrderId?: string } = {}) {
    super(from.rawMessage, from.code, from.metadata, undefined, from.cause);
    this.details = from.details;
    const [info] = from.findDetails(ErrorInfoSchema);
    const own = info?.domain === "mt5bridge" ? info : undefined;
    this.reason = own?.reason ?? "";
    this.facts = own?.metadata ?? {};
    this.retry = retryOf(from.code, own?.metadata["retry"]);
    this.orderMayExist = known.orderMayExist ?? orderMayExist(from, own?.metadata["order_may_exist"]);
    this.violations = from.findDetails(BadRequestSchema).flatMap((bad) => bad.fieldViolations);
    this.retryAfterMs = millisecondsOf(from.findDetails(RetryInfoSchema)[0]?.retryDelay);
    this.clientOrderId = known.clientOrderId;
  }

  /** Whether the same request may succeed later, as it is. */
  get passing(): boolean {
    return this.retry !== "never" && !this.retry.startsWith("with_");
  }

  /**
   * Connect knows its errors by their name, and takes any of them for an instance of its subclasses. Ours keep that
   * name, as they would be wrapped otherwise, and are known by their facts.
   */
  static override [Symbol.hasInstance](thrown: unknown): boolean {
    return thrown instanceof ConnectError && "orderMayExist" in thrown;
  }

  /** Anything that was thrown, as a BridgeError. */
  static override from(thrown: unknown): BridgeError {
    return thrown instanceof BridgeError ? thrown : new BridgeError(ConnectError.from(thrown));
  }
}

/** What no second try changes. */
const final = new Set([
  Code.InvalidArgument,
  Code.NotFound,
  Code.AlreadyExists,
  Code.PermissionDenied,
  Code.FailedPrecondition,
  Code.OutOfRange,
  Code.Unimplemented,
  Code.Unauthenticated,
]);

function retryOf(code: Code, told: string | undefined): Retry {
  // A connection that breaks looks like a cancellation by somebody else. Our own is known by its signal.
  if (code === Code.Canceled) return "later";
  const known = retries.find((word) => word === told);
  if (known !== undefined) return known;
  return final.has(code) ? "never" : "later";
}

/** Nothing has left this machine: there was nobody to connect to. */
const unsent: readonly unknown[] = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"];

function orderMayExist({ code, cause }: ConnectError, told: string | undefined): boolean {
  if (told !== undefined) return told !== "false";
  if (code === Code.Unauthenticated || code === Code.PermissionDenied || code === Code.Unimplemented) return false;
  return !unsent.includes((cause as { code?: unknown } | undefined)?.code);
}

/** A stream of ticks or bars goes on without the symbols that are not there; nobody would ever hear of them. */
export function refusedSymbol({ symbols }: StreamOpened): BridgeError | undefined {
  const row = symbols.find(({ accepted }) => !accepted);
  if (row === undefined) return undefined;
  const metadata = { retry: "never", order_may_exist: "false" } satisfies { retry: Retry; order_may_exist: string };
  const info = { desc: ErrorInfoSchema, value: { domain: "mt5bridge", reason: row.reason, metadata } };
  return new BridgeError(new ConnectError(`${row.symbol}: ${row.message}`, Code.NotFound, undefined, [info]));
}

/** Makes every call of a client fail with a BridgeError. */
export const bridgeErrors: Interceptor = (next) => async (request) => {
  try {
    const response = await next(request);
    return response.stream ? { ...response, message: telling(response.message) } : response;
  } catch (error) {
    throw BridgeError.from(error);
  }
};

async function* telling<T>(messages: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (error) {
    throw BridgeError.from(error);
  }
}
