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
import { type CallerTrace, type CallWitness, nobody, type SpanRef } from "../core/ports/witness.ts";
import { type Authenticate, type Credentials, probe, unauthenticated } from "./authenticate.ts";
import type { CallInFlight, CallKind, Drain } from "./drain.ts";
import type { Rates, Reader } from "./rates.ts";
import { type Refusals, refusalOf } from "./refusals.ts";
import { refuseWithoutScope, ruleOf } from "./scopes.ts";
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
  /** Service and method, as in the contract. */
  readonly name: string;
  readonly kind: CallKind;
  /** Let in even while the bridge is full or leaving. */
  readonly always: boolean;
  readonly options: PassageOptions;
}

/** Longer than any timer can wait; such a deadline is none. */
const timerLimit = 2 ** 31 - 1;

export class Passage implements Call, CallInFlight {
  readonly traceId: string;
  readonly span: SpanRef | undefined;
  readonly #way: Way;
  readonly #incoming: Incoming;
  readonly #began: Instant;
  readonly #witness: CallWitness;
  readonly #start: number;
  readonly #caller: CallerTrace | undefined;
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
    this.#caller = readTraceparent(incoming.header("traceparent"));
    this.traceId = this.#caller?.traceId ?? options.newTraceId();
    this.span = this.#witness.entered(name, kind, this.traceId, this.#caller);
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

  async enter(request?: Reader): Promise<Call> {
    const { kind, always, options } = this.#way;
    const { deadline } = this.#incoming;
    // A transport may end the call at its deadline by itself.
    this.#incoming.onGone(() => this.#abandon());
    this.#principal = await this.#admitted(request);
    if (!(always && kind === "unary")) {
      options.drain.refuseWhenLeaving();
      this.#refuseWhenFull();
    }
    options.drain.enter(this);
    this.#isIn = true;
    if (deadline !== undefined) this.#endAt(deadline, lateFault);
    if (kind === "stream") this.#endWithCredential(this.#principal);
    if (this.#reason !== undefined) throw this.#reason;
    this.#witness.span({ name: "request.admit", parent: this.span, start: this.#start, end: this.#witness.now() });
    return this;
  }

  done(): void {
    if (this.kind === "stream" && this.#reason !== undefined) throw this.#reason;
    this.#note(this.#isRoutine() ? "debug" : "info", "OK");
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

  /** Who calls, if he may and has not called too often. */
  async #admitted(request: Reader | undefined): Promise<Principal> {
    const { method, options } = this.#way;
    if (ruleOf(method).scope === "open") return probe;
    const principal = await options.authenticate(this.#incoming);
    this.#principal = principal; // the log is to name him also when he is refused
    refuseWithoutScope(principal, method);
    await options.rates?.call(principal, method, request);
    return principal;
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

  /** Answers that change nothing come often, and a line costs more than many of them; metrics count them. */
  #isRoutine(): boolean {
    const { name, method } = this.#way;
    return name.startsWith("grpc.") || (this.kind === "unary" && ruleOf(method).scope === "read");
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
      caller: this.#caller,
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
