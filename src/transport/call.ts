/**
 * What every call of every transport goes through, around the implementation: who calls, may he, how
 * often, is there room, is the request valid and within the caller's limits, how long may it take, what went wrong, and one line in the log.
 *
 * Always true:
 *   - Only a BridgeError comes out, its message fit for the caller.
 *   - A call that was let in is counted until its implementation has really ended.
 *   - The implementation's signal aborts when the caller is gone, its deadline passes or the bridge cuts it off;
 *     the reason is the BridgeError that the caller would see.
 *   - A stream does not outlive the credential with which it was opened.
 */
import type { DescMethod, Message } from "@bufbuild/protobuf";
import { faultOf } from "../contract/fault-status.ts";
import type { Principal } from "../contract/principal.ts";
import type { Call, Service } from "../contract/service.ts";
import type { SymbolsMeant } from "../contract/symbols-meant.ts";
import type { Validation } from "../contract/validation.ts";
import { BridgeError, faults } from "../core/errors.ts";
import type { Instant } from "../core/model/ids.ts";
import type { Clock } from "../core/ports/clock.ts";
import type { Observer, Severity } from "../core/ports/observer.ts";
import { type CallerTrace, type CallWitness, nobody, type SpanRef, witnessed } from "../core/ports/witness.ts";
import { type Authenticate, type Credentials, probe, unauthenticated } from "./authenticate.ts";
import type { CallKind, Drain } from "./drain.ts";
import { type HoldLimits, limitsOf } from "./limits.ts";
import type { Rates } from "./rates.ts";
import { refuseWithoutScope, ruleOf } from "./scopes.ts";
import { readTraceparent } from "./traceparent.ts";

/** What a transport knows of a call. */
export interface Incoming extends Credentials {
  readonly transport: string;
  readonly deadline: Instant | undefined;
  /** Calls the listener once if the caller goes before it is answered. */
  onGone(listener: () => void): void;
}

export interface CallOptions {
  readonly clock: Clock;
  readonly observer: Observer;
  readonly validation: Validation;
  readonly authenticate: Authenticate;
  /** How often each principal may call; absent: as often as it likes. */
  readonly rates?: Rates | undefined;
  /** Looks up what a request names by id or ticket, for callers limited to some symbols; absent: they are refused. */
  readonly symbolsMeant?: SymbolsMeant | undefined;
  readonly drain: Drain;
  /** The most calls in flight at once, over all callers and transports that share the `drain`. */
  readonly limits: { readonly unary: number; readonly streams: number };
  /** 32 hexadecimal digits from chance, for calls that bring no `traceparent`. */
  readonly newTraceId: () => string;
  /** Who watches calls, for metrics and traces; absent: nobody. */
  readonly witness?: CallWitness;
}

/** Reads the request; throws what is wrong with its bytes. */
export type Reader = () => Message;

/** Makes of an answer what the transport sends. It runs inside the wrapper: what it throws is answered like the rest. */
export type Encode<Frame> = (message: Message) => Frame;

type Answer = <Frame>(request: Reader, incoming: Incoming, encode: Encode<Frame>) => Promise<Frame>;
type Answers<Request> = <Frame>(
  request: Request,
  incoming: Incoming,
  encode: Encode<Frame>,
) => AsyncGenerator<Frame, void>;

/** A method as transports run it. Whatever it throws is a BridgeError. */
export type WrappedMethod = { readonly method: DescMethod } & (
  | { readonly kind: "unary"; readonly run: Answer }
  | { readonly kind: "server_streaming"; readonly run: Answers<Reader> }
  | { readonly kind: "bidi_streaming"; readonly run: Answers<AsyncIterable<Reader>> }
);

type UnaryFunction = (request: Message, call: Call) => Promise<Message>;
type StreamFunction<Request> = (request: Request, call: Call) => AsyncIterable<Message>;

/** Takes its time, once: rules are compiled here so that no caller waits for them. */
export function wrapped(service: Service, options: CallOptions): WrappedMethod[] {
  options.validation.warm(service.descriptor.methods.map(({ input }) => input));
  return service.descriptor.methods.map((method) => wrappedMethod(service, method, options));
}

function wrappedMethod(service: Service, method: DescMethod, options: CallOptions): WrappedMethod {
  const implementation = service.implementation[method.localName];
  const passageOf = (kind: CallKind, incoming: Incoming) =>
    new Passage(method, kind, service.always, incoming, options);
  const read = readingOf(method, options);

  switch (method.methodKind) {
    case "unary": {
      const answer = implementation as UnaryFunction;
      return {
        method,
        kind: "unary",
        async run(request, incoming, encode) {
          const passage = passageOf("unary", incoming);
          try {
            const call = await passage.enter();
            const frame = encode(await answer(await read(request, call), call));
            passage.done();
            return frame;
          } catch (error) {
            throw passage.failed(error);
          }
        },
      };
    }
    case "server_streaming": {
      const answers = implementation as StreamFunction<Message>;
      return {
        method,
        kind: "server_streaming",
        run: (request, incoming, encode) =>
          through(passageOf("stream", incoming), async (call) => answers(await read(request, call), call), encode),
      };
    }
    case "bidi_streaming": {
      const answers = implementation as StreamFunction<AsyncIterable<Message>>;
      return {
        method,
        kind: "bidi_streaming",
        run: (requests, incoming, encode) =>
          through(
            passageOf("stream", incoming),
            (call) =>
              answers(
                each(requests, (one) => read(one, call)),
                call,
              ),
            encode,
          ),
      };
    }
    default:
      throw new Error(`${method.parent.typeName}.${method.name}: a stream of requests with one answer is not served`);
  }
}

/** The request, valid and within the caller's limits. */
function readingOf(method: DescMethod, { validation, symbolsMeant, witness = nobody }: CallOptions) {
  const hold: HoldLimits = limitsOf(method, symbolsMeant);
  return async (request: Reader, call: Call): Promise<Message> => {
    const message = witnessed(witness, call.span, "request.read", () => {
      const read = request();
      validation.check(method.input, read);
      return read;
    });
    await hold(call.principal, message);
    return message;
  };
}

async function* through<Frame>(
  passage: Passage,
  open: (call: Call) => AsyncIterable<Message> | Promise<AsyncIterable<Message>>,
  encode: Encode<Frame>,
): AsyncGenerator<Frame, void> {
  try {
    for await (const message of await open(await passage.enter())) yield encode(message);
    passage.done();
  } catch (error) {
    throw passage.failed(error);
  } finally {
    passage.left();
  }
}

async function* each<In, Out>(items: AsyncIterable<In>, of: (item: In) => Promise<Out>): AsyncGenerator<Out> {
  for await (const item of items) yield await of(item);
}

/** Longer than any timer can wait; such a deadline is none. */
const timerLimit = 2 ** 31 - 1;

/** One call on its way through the bridge. */
class Passage {
  readonly #method: DescMethod;
  readonly #kind: CallKind;
  readonly #always: boolean;
  readonly #incoming: Incoming;
  readonly #options: CallOptions;
  readonly #began: Instant;
  readonly #witness: CallWitness;
  readonly #start: number;
  readonly #caller: CallerTrace | undefined;
  readonly #traceId: string;
  readonly #span: SpanRef | undefined;
  readonly #gone = new AbortController();
  #principal: Principal | undefined;
  #leave: (() => void) | undefined;
  #over: AbortController | undefined;
  #ended = false;

  constructor(method: DescMethod, kind: CallKind, always: boolean, incoming: Incoming, options: CallOptions) {
    this.#method = method;
    this.#kind = kind;
    this.#always = always;
    this.#incoming = incoming;
    this.#options = options;
    this.#began = options.clock.now();
    this.#witness = options.witness ?? nobody;
    this.#start = this.#witness.now();
    this.#caller = readTraceparent(incoming.header("traceparent"));
    this.#traceId = this.#caller?.traceId ?? options.newTraceId();
    this.#span = this.#witness.entered(this.#name, kind, this.#traceId, this.#caller);
  }

  async enter(): Promise<Call> {
    const { drain } = this.#options;
    const { deadline } = this.#incoming;
    // A transport may end the call at its deadline by itself.
    this.#incoming.onGone(() => {
      if (!this.#ended) this.#end(this.#isLate() ? lateFault() : goneFault());
    });
    this.#principal = await this.#admitted();
    if (!(this.#always && this.#kind === "unary")) {
      drain.refuseWhenLeaving();
      this.#refuseWhenFull();
    }
    this.#leave = drain.enter(this.#kind, (reason) => this.#end(reason));
    if (deadline !== undefined) this.#endAt(deadline, lateFault);
    if (this.#kind === "stream") this.#endWithCredential(this.#principal);
    this.#gone.signal.throwIfAborted();
    return {
      principal: this.#principal,
      traceId: this.#traceId,
      span: this.#span,
      deadline,
      signal: this.#gone.signal,
      leaving: drain.leaving,
    };
  }

  done(): void {
    if (this.#kind === "stream" && this.#gone.signal.aborted) throw this.#gone.signal.reason;
    this.#note(this.#isChecking() ? "debug" : "info", "OK");
    this.#close("OK", undefined);
  }

  failed(error: unknown): BridgeError {
    const fault = faultOf(error, this.#traceId, this.#gone.signal);
    const severity = fault.fault === "internal" ? "error" : "info";
    this.#note(severity, faults[fault.fault].status, fault);
    this.#close(faults[fault.fault].status, fault.fault);
    return fault;
  }

  /** The reader of a stream has left in the middle. */
  left(): void {
    if (!this.#ended) this.failed(this.#gone.signal.aborted ? this.#gone.signal.reason : goneFault());
  }

  #refuseWhenFull(): void {
    const { drain, limits } = this.#options;
    const [used, limit, what, quota] =
      this.#kind === "unary"
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
  async #admitted(): Promise<Principal> {
    if (ruleOf(this.#method).scope === "open") return probe;
    const principal = await this.#options.authenticate(this.#incoming);
    this.#principal = principal; // the log is to name him also when he is refused
    refuseWithoutScope(principal, this.#method);
    await this.#options.rates?.call(principal, this.#method);
    return principal;
  }

  #endAt(moment: Instant, fault: () => BridgeError): void {
    const left = moment - this.#options.clock.now();
    if (left <= 0) this.#end(fault());
    if (left <= 0 || left > timerLimit) return;
    this.#over ??= new AbortController();
    void this.#options.clock.sleep(left, this.#over.signal).then(() => this.#end(fault()));
  }

  #endWithCredential({ expires, revoked }: Principal): void {
    if (expires !== undefined) this.#endAt(expires, () => unauthenticated("The token has expired."));
    if (revoked === undefined) return;
    this.#over ??= new AbortController();
    const end = () => this.#end(unauthenticated("The API key was revoked."));
    if (revoked.aborted) end();
    else revoked.addEventListener("abort", end, { once: true, signal: this.#over.signal });
  }

  /** Probes and tools that look at the schema come often and tell nothing. */
  #isChecking(): boolean {
    return this.#method.parent.typeName.startsWith("grpc.");
  }

  #isLate(): boolean {
    const { deadline } = this.#incoming;
    return deadline !== undefined && this.#options.clock.now() >= deadline;
  }

  #end(reason: BridgeError): void {
    if (!this.#ended) this.#gone.abort(reason);
  }

  #close(status: string, fault: string | undefined): void {
    this.#ended = true;
    this.#witness.ended({
      transport: this.#incoming.transport,
      method: this.#name,
      kind: this.#kind,
      span: this.#span,
      caller: this.#caller,
      start: this.#start,
      status,
      fault,
    });
    this.#over?.abort("answered"); // a reason that is given need not be made, with a stack
    this.#leave?.();
  }

  get #name(): string {
    return `${this.#method.parent.typeName}/${this.#method.name}`;
  }

  #note(severity: Severity, status: string, fault?: BridgeError): void {
    const { observer, clock } = this.#options;
    observer.note(severity, this.#incoming.transport, status === "OK" ? "answered" : "failed", {
      method: this.#name,
      peer: this.#incoming.peer,
      principal: this.#principal?.name,
      status,
      ms: clock.now() - this.#began,
      trace_id: this.#traceId,
      ...(fault === undefined ? {} : { fault: fault.fault, reason: fault.message }),
      ...(fault?.fault === "internal" ? { cause: fault.cause } : {}),
    });
  }
}

function goneFault(): BridgeError {
  return new BridgeError("canceled", "The caller has gone.");
}

function lateFault(): BridgeError {
  return new BridgeError("deadline_exceeded", "The call's deadline has passed.");
}
