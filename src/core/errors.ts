/**
 * Every way a request can fail, in one table.
 *
 * A strategy's first question after a failure is whether an order may exist at
 * the broker; its second is whether to try again. A transport turns a row into
 * its own status and adds nothing of its own.
 */
// biome-ignore format: a table is read by its columns
export const faults = {
  invalid_argument:       { orderMayExist: false, retry: "never",             status: "INVALID_ARGUMENT" },
  unauthenticated:        { orderMayExist: false, retry: "with_new_credential", status: "UNAUTHENTICATED" },
  permission_denied:      { orderMayExist: false, retry: "never",             status: "PERMISSION_DENIED" },
  unknown_account:        { orderMayExist: false, retry: "never",             status: "NOT_FOUND" },
  unknown_symbol:         { orderMayExist: false, retry: "never",             status: "NOT_FOUND" },
  unknown_order:          { orderMayExist: false, retry: "never",             status: "NOT_FOUND" },
  unknown_position:       { orderMayExist: false, retry: "never",             status: "NOT_FOUND" },
  unknown_stream:         { orderMayExist: false, retry: "after_resubscribe", status: "NOT_FOUND" },
  unknown_service:        { orderMayExist: false, retry: "never",             status: "NOT_FOUND" },
  unknown_method:         { orderMayExist: false, retry: "never",             status: "UNIMPLEMENTED" },
  not_implemented:        { orderMayExist: false, retry: "never",             status: "UNIMPLEMENTED" },
  client_order_id_reused: { orderMayExist: true,  retry: "never",             status: "ALREADY_EXISTS" },
  order_not_working:      { orderMayExist: false, retry: "never",             status: "FAILED_PRECONDITION" },
  order_in_doubt:         { orderMayExist: true,  retry: "after_reconcile",   status: "FAILED_PRECONDITION" },
  too_late:               { orderMayExist: false, retry: "never",             status: "FAILED_PRECONDITION" },
  not_supported:          { orderMayExist: false, retry: "never",             status: "FAILED_PRECONDITION" },
  risk_refused:           { orderMayExist: false, retry: "never",             status: "FAILED_PRECONDITION" },
  refused_by_broker:      { orderMayExist: false, retry: "never",             status: "FAILED_PRECONDITION" },
  quota_exceeded:         { orderMayExist: false, retry: "later",             status: "RESOURCE_EXHAUSTED" },
  slow_consumer:          { orderMayExist: false, retry: "after_resubscribe", status: "RESOURCE_EXHAUSTED" },
  draining:               { orderMayExist: false, retry: "after_reconnect",   status: "UNAVAILABLE" },
  terminal_offline:       { orderMayExist: false, retry: "after_reconnect",   status: "UNAVAILABLE" },
  journal_unavailable:    { orderMayExist: false, retry: "later",             status: "UNAVAILABLE" },
  never_arrived:          { orderMayExist: false, retry: "with_new_key",      status: "ABORTED" },
  terminal_silent:        { orderMayExist: true,  retry: "after_reconcile",   status: "DEADLINE_EXCEEDED" },
  deadline_exceeded:      { orderMayExist: true,  retry: "later",             status: "DEADLINE_EXCEEDED" },
  canceled:               { orderMayExist: true,  retry: "never",             status: "CANCELLED" },
  internal:               { orderMayExist: true,  retry: "after_reconcile",   status: "INTERNAL" },
} as const satisfies Record<string, { orderMayExist: boolean; retry: string; status: string }>;

export type Fault = keyof typeof faults;

/** A field of a request and what is wrong with it, its valid range named. */
export interface Violation {
  readonly field: string;
  readonly description: string;
}

interface Particulars {
  readonly violations?: readonly Violation[];
  /** Facts for programs; they reach the caller as they are. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** A row of the table, a sentence for a person, and what else is known. */
export class BridgeError extends Error {
  readonly fault: Fault;
  readonly violations: readonly Violation[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly retryAfterMs: number | undefined;

  constructor(fault: Fault, message: string, particulars: Particulars = {}) {
    super(message, { cause: particulars.cause });
    this.name = "BridgeError";
    this.fault = fault;
    this.violations = particulars.violations ?? [];
    this.metadata = particulars.metadata ?? {};
    this.retryAfterMs = particulars.retryAfterMs;
  }
}
