/**
 * One call on its way through the bridge: who calls, may he, how often, is there room, how long may it take, and how
 * it ended.
 *
 * Always true:
 *   - A call that was let in is counted until it is closed, and closed once.
 *   - The signal aborts when the caller is gone, its deadline passes or the bridge cuts it off; the reason is the
 *     BridgeError that the caller would see.
 *   - A stream does not outlive the credential with which it was opened.
 *
 * Most calls are over before anybody could wait for anything: what only waits need is made when somebody asks for it.
 */
import type { DescMethod } from "@bufbuild/protobuf";
import { faultOf } from "../contract/fault-status.ts";
import type { Principal } from "../contract/principal.ts";
import type { Call } from "../contract/service.ts";
import { BridgeError, faults } from "../core/errors.ts";
import type { Instant } from "../core/model/ids.ts";
import type { Clock } from "../core/ports/clock.ts";
import type { Observer, Severity } from "../core/ports/observer.ts";
import { type CallTrace, type CallWitness, nobody, type SpanRef } from "../core/ports/witness.ts";
import { type Authenticate, type Credentials, probe, unauthenticated } from "./authenticate.ts";
import type { CallInFlight, CallKind, Drain } from "./drain.ts";
import type { Rates, Reader } from "./rates.ts";
import { type Refusals, refusalOf } from "./refusals.ts";
import { type Rule, refuseWithoutScope } from "./scopes.ts";
import { readTraceparent } from "./traceparent.ts";

/** What a transport knows of a call. */
export interface Incoming extends Credentials {
  readonly transport: string;
  readonly deadline: Instant | undefined;
  /** Calls the listener once if the caller goes before it is answered. */
  onGone(listener: () => void): void;
}

export interface PassageOptions {
  readonly clock: Clock;
  readonly observer: Observer;
  readonly refusals: Refusals;
  readonly authenticate: Authenticate;
  /** How often each principal may call; absent: as often as it likes. */
  readonly rates?: Rates | undefined;
  readonly drain: Drain;
  /** The most calls in flight at once, over all callers and transports that share the `drain`. */
  readonly limits: { readonly unary: number; readonly streams: number };
  /** 32 hexadecimal digits from chance, for calls that bring no `traceparent`. */
  readonly newTraceId: () => string;
  /** Who watches calls, for metrics and traces; absent: nobody. */
  readonly witness?: CallWitness;
}

/** What all calls of a method have in common. */
export interface Way {
  readonly method: DescMethod;
  readonly rule: Rule;
  /** Service and method, as in the contract. */
  readonly name: string;
  readonly kind: CallKind;
  /** Let in even while the bridge is full or leaving. */
  readonly always: boolean;
  /** Answers that change nothing come often, and a line costs more than many of them; metrics count them. */
  readonly routine: boolean;
  readonly options: PassageOptions;
}

/** Longer than any timer can wait; such a deadline is none. */
const timerLimit = 2 ** 31 - 1;

export class Passage implements Call, CallInFlight {
  readonly span: SpanRef | undefined;
  readonly #way: Way;
  readonly #incoming: Incoming;
  readonly #began: Instant;
  readonly #witness: CallWitness;
  readonly #start: number;
  #trace: CallTrace | undefined;
  #principal: Principal | undefined;
  /** Why it was ended from outside. */
  #reason: BridgeError | undefined;
  #gone: AbortController | undefined;
  #over: AbortController | undefined;
  #isIn = false;
  #ended = false;

  constructor(way: Way, incoming: Incoming) {
    const { name, kind, options } = way;
    this.#way = way;
    this.#incoming = incoming;
    this.#began = options.clock.now();
    this.#witness = options.witness ?? nobody;
    this.#start = this.#witness.now();
    this.span = this.#witness.entered(name, kind, () => this.#traced());
  }

  get traceId(): string {
    return this.#traced().traceId;
  }

  get kind(): CallKind {
    return this.#way.kind;
  }

  get principal(): Principal {
    return this.#principal ?? probe;
  }

  get deadline(): Instant | undefined {
    return this.#incoming.deadline;
  }

  get leaving(): AbortSignal {
    return this.#way.options.drain.leaving;
  }

  get signal(): AbortSignal {
    this.#gone ??= new AbortController();
    if (this.#reason !== undefined) this.#gone.abort(this.#reason); // once; whoever asks late still sees it
    return this.#gone.signal;
  }

  /** Lets the call in or throws, at once unless somebody has to be asked who calls or how often he has. */
  enter(request?: Reader): void | Promise<void> {
    // A transport may end the call at its deadline by itself.
    this.#incoming.onGone(() => this.#abandon());
    const admitted = this.#admit(request);
    return admitted === undefined ? this.#letIn() : admitted.then(() => this.#letIn());
  }

  #letIn(): void {
    const { kind, always, options } = this.#way;
    const { deadline } = this.#incoming;
    if (!(always && kind === "unary")) {
      options.drain.refuseWhenLeaving();
      this.#refuseWhenFull();
    }
    options.drain.enter(this);
    this.#isIn = true;
    if (deadline !== undefined) this.#endAt(deadline, lateFault);
    if (kind === "stream") this.#endWithCredential(this.principal);
    if (this.#reason !== undefined) throw this.#reason;
    if (this.span === undefined) return;
    this.#witness.span({ name: "request.admit", parent: this.span, start: this.#start, end: this.#witness.now() });
  }

  done(): void {
    if (this.kind === "stream" && this.#reason !== undefined) throw this.#reason;
    const severity = this.#way.routine ? "debug" : "info";
    if (this.#way.options.observer.hears?.(severity) ?? true) this.#note(severity, "OK");
    this.#close("OK", undefined);
  }

  failed(error: unknown): BridgeError {
    const fault = faultOf(error, this.traceId, this.#reason === undefined ? undefined : this.signal);
    const severity = fault.fault === "internal" ? "error" : "info";
    this.#note(severity, faults[fault.fault].status, fault);
    this.#close(faults[fault.fault].status, fault.fault);
    return fault;
  }

  /** The reader of a stream has left in the middle. */
  left(): void {
    if (!this.#ended) this.failed(this.#reason ?? goneFault());
  }

  /** Ends it from outside, for the first reason that is given. */
  cut(reason: BridgeError): void {
    if (this.#ended || this.#reason !== undefined) return;
    this.#reason = reason;
    this.#gone?.abort(reason);
  }

  /** Told of every call, also of those that have ended: their fault would be made for nobody. */
  #abandon(): void {
    if (this.#ended || this.#reason !== undefined) return;
    this.cut(this.#isLate() ? lateFault() : goneFault());
  }

  #refuseWhenFull(): void {
    const { drain, limits } = this.#way.options;
    const [used, limit, what, quota] =
      this.kind === "unary"
        ? [drain.inFlight.unary, limits.unary, "calls in flight", "unary_calls"]
        : [drain.inFlight.streams, limits.streams, "streams open", "streams"];
    if (used < limit) return;
    const message = `There are ${used} ${what}, the most that the bridge serves at once; try again in a moment.`;
    throw new BridgeError("quota_exceeded", message, {
      metadata: { quota, limit: String(limit) },
      retryAfterMs: 1_000,
    });
  }

  /** The call's own trace, or the caller's. It is made when it is asked for; of most calls nobody asks. */
  #traced(): CallTrace {
    if (this.#trace === undefined) {
      const caller = readTraceparent(this.#incoming.header("traceparent"));
      this.#trace = { traceId: caller?.traceId ?? this.#way.options.newTraceId(), caller };
    }
    return this.#trace;
  }

  /** Who calls, if he may and has not called too often. */
  #admit(request: Reader | undefined): undefined | Promise<void> {
    const { rule, options } = this.#way;
    if (rule.scope === "open") {
      this.#principal = probe;
      return undefined;
    }
    const principal = options.authenticate(this.#incoming);
    return principal instanceof Promise
      ? principal.then((known) => this.#allow(known, request))
      : this.#allow(principal, request);
  }

  #allow(principal: Principal, request: Reader | undefined): undefined | Promise<void> {
    const { method, options } = this.#way;
    this.#principal = principal; // the log is to name him also when he is refused
    refuseWithoutScope(principal, method);
    return options.rates?.call(principal, method, request);
  }

  #endAt(moment: Instant, fault: () => BridgeError): void {
    const { clock } = this.#way.options;
    const left = moment - clock.now();
    if (left <= 0) this.cut(fault());
    if (left <= 0 || left > timerLimit) return;
    this.#over ??= new AbortController();
    void clock.sleep(left, this.#over.signal).then(() => this.cut(fault()));
  }

  #endWithCredential({ expires, revoked }: Principal): void {
    if (expires !== undefined) this.#endAt(expires, () => unauthenticated("The token has expired."));
    if (revoked === undefined) return;
    this.#over ??= new AbortController();
    const end = () => this.cut(unauthenticated("The API key was revoked."));
    if (revoked.aborted) end();
    else revoked.addEventListener("abort", end, { once: true, signal: this.#over.signal });
  }

  #isLate(): boolean {
    const { deadline } = this.#incoming;
    return deadline !== undefined && this.#way.options.clock.now() >= deadline;
  }

  #close(status: string, fault: string | undefined): void {
    const { name, kind, options } = this.#way;
    this.#ended = true;
    this.#witness.ended({
      transport: this.#incoming.transport,
      method: name,
      kind,
      span: this.span,
      caller: this.span && this.#trace?.caller,
      start: this.#start,
      status,
      fault,
    });
    this.#over?.abort("answered"); // a reason that is given need not be made, with a stack
    if (this.#isIn) options.drain.leave(this);
  }

  #note(severity: Severity, status: string, fault?: BridgeError): void {
    const { name, options } = this.#way;
    const { observer, refusals, clock } = options;
    const context = {
      method: name,
      peer: this.#incoming.peer,
      principal: this.#principal?.name,
      status,
      ms: clock.now() - this.#began,
      trace_id: this.traceId,
      ...(fault && { fault: fault.fault, reason: fault.message }),
      ...(fault?.fault === "internal" && { cause: fault.cause }),
    };
    const { transport } = this.#incoming;
    const refusal = fault && refusalOf(fault, this.#principal);
    if (refusal !== undefined) refusals.note(refusal, transport, "refused", context);
    else observer.note(severity, transport, status === "OK" ? "answered" : "failed", context);
  }
}

function goneFault(): BridgeError {
  return new BridgeError("canceled", "The caller has gone.");
}

function lateFault(): BridgeError {
  return new BridgeError("deadline_exceeded", "The call's deadline has passed.");
}
