/**
 * Spans for OpenTelemetry, from what a witness is told. Off unless an endpoint is set.
 *
 * Always true:
 *   - A trace is recorded as a whole or not at all: what is not sampled has no `SpanRef`,
 *     and nothing without one is written.
 *   - The span of an order is named by the order: the same in every life of the bridge.
 *   - What begins while its whole lasts begins where the part before it ended: the way from one step to the next,
 *     a turn of the loop or a promise, belongs to the step that it leads to, and no time is left out.
 */
import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import type { Order } from "../core/model/order.ts";
import type { Observer } from "../core/ports/observer.ts";
import type { Attributes, CallerTrace, EndedCall, Span, SpanRef } from "../core/ports/witness.ts";
import { type Sampler, samplerOf } from "./sampler.ts";
import { newSpanId, orderSpanId } from "./span-ids.ts";
import { type Origin, type Protocol, protocols, type SpanLimits } from "./span-messages.ts";
import { SpanQueue } from "./span-queue.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** How far the wall clock may go away from the stopwatch (ms) until spans follow it. */
const DRIFT = 10;
/** How many orders' spans are kept in mind, rather than named again. */
const LIVES = 4096;

/** Tracing as the OTEL_* variables ask for; undefined: they do not. */
export function openTracing(env: Environment, known: Attributes, observer: Observer): Tracing | undefined {
  if (env["OTEL_SDK_DISABLED"]?.toLowerCase() === "true" || env["OTEL_TRACES_EXPORTER"] === "none") return undefined;
  const endpoint = env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] || env["OTEL_EXPORTER_OTLP_ENDPOINT"];
  if (endpoint === undefined || endpoint === "") return undefined;
  const sampler = samplerOf(env["OTEL_TRACES_SAMPLER"] || undefined, env["OTEL_TRACES_SAMPLER_ARG"]);
  const limits = limitsOf(env);
  const version = String(known["service.version"] ?? "");
  const here = import.meta.url;
  const thread = new Worker(new URL(`./span-thread${extname(new URL(here).pathname)}`, here), {
    name: "span-thread",
    workerData: { protocol: protocolOf(env), limits, resource: known, scope: "mt5-bridge", version } satisfies Origin,
    env: { OTEL_NODE_RESOURCE_DETECTORS: "env", ...env, ...decidedHere },
  });
  return new Tracing(new SpanQueue(thread, limits, observer), sampler);
}

/** What the SDK is told whatever the environment says. */
const decidedHere = {
  OTEL_TRACES_SAMPLER: "always_on", // of the traces that are recorded here
  OTEL_METRICS_EXPORTER: "none",
  OTEL_LOGS_EXPORTER: "none",
  OTEL_LOG_LEVEL: "", // or it would write to the standard output
};

function protocolOf(env: Environment): Protocol {
  const name = env["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"]
    ? "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
    : "OTEL_EXPORTER_OTLP_PROTOCOL";
  const protocol = protocols.find((one) => one === (env[name] || "http/protobuf"));
  if (protocol === undefined) throw new Error(`${name}=${env[name]}: must be one of ${protocols.join(", ")}`);
  return protocol;
}

/** Batches and the queue are larger than OpenTelemetry's usual ones: an order in a burst has eighteen spans. */
function limitsOf(env: Environment): SpanLimits {
  const read = (name: string, usual: number): number => {
    const given = Number(env[name] || usual);
    if (Number.isInteger(given) && given > 0) return given;
    throw new Error(`${name}=${env[name]}: must be a whole number above 0`);
  };
  return {
    delayMs: read("OTEL_BSP_SCHEDULE_DELAY", 1000),
    batch: read("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 2048),
    queue: read("OTEL_BSP_MAX_QUEUE_SIZE", 16_384),
  };
}

/** The codes that semantic conventions hold against a server; the others are the caller's doing. */
const serverFailures = new Set([
  "UNKNOWN",
  "DEADLINE_EXCEEDED",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
]);

/** What semantic conventions call our transports. */
const systems: Readonly<Record<string, string>> = { grpc: "grpc", connect: "connectrpc" };

/** A span that has parts, and how far they have told its time. */
class Whole implements SpanRef {
  readonly traceId: string;
  readonly spanId: string;
  /** What it is a part of itself; its own parts tell of that, too. */
  readonly #within: Whole | undefined;
  readonly #began: number | undefined;
  #told: number | undefined;
  #end = Number.POSITIVE_INFINITY;

  constructor(traceId: string, spanId: string, within?: Whole) {
    this.traceId = traceId;
    this.spanId = spanId;
    this.#within = within;
    if (within !== undefined) this.#began = within.#told;
    this.#told = this.#began;
  }

  /** A part of it is told. Returns when that began; what comes when it is over, or ran beside another, knows best itself. */
  tell(start: number, end: number): number {
    const told = this.#told ?? start;
    this.#reach(end);
    return start > this.#end ? start : Math.min(start, told);
  }

  /** It is told itself, before its parts; or behind them, with which it has begun and ended then. */
  is(start: number, end: number): readonly [number, number] {
    this.#told ??= start;
    this.#end = this.#began === undefined ? end : this.#told;
    return [this.#began ?? start, this.#end];
  }

  #reach(end: number): void {
    this.#told = Math.max(this.#told ?? end, end);
    if (this.#within !== undefined) this.#within.#reach(end);
  }
}

export class Tracing {
  readonly queue: SpanQueue;
  readonly #sampler: Sampler;
  /** From the stopwatch to the wall clock. */
  #offset = performance.timeOrigin;
  /** Orders' spans that were named lately. */
  readonly #lives = new Map<string, Whole>();

  constructor(queue: SpanQueue, sampler: Sampler) {
    this.queue = queue;
    this.#sampler = sampler;
  }

  entered(traceId: string, caller: CallerTrace | undefined): SpanRef | undefined {
    if (!this.#sampler(traceId, caller)) return undefined;
    this.#followTheClock();
    return new Whole(traceId, newSpanId());
  }

  ended(call: EndedCall, end: number): void {
    const { span: self, caller } = call;
    if (self === undefined) return;
    if (call.kind === "unary" && call.fault === undefined) {
      this.span({ name: "request.answer", parent: self, start: end, end });
    }
    wholeOf(self)?.is(call.start, end);
    this.queue.add({
      traceId: self.traceId,
      spanId: self.spanId,
      parentId: caller?.spanId,
      remote: caller !== undefined,
      name: call.method,
      kind: "server",
      start: call.start + this.#offset,
      end: end + this.#offset,
      attributes: {
        "rpc.system.name": systems[call.transport] ?? call.transport,
        "rpc.method": call.method,
        "rpc.response.status_code": call.status,
        "mt5bridge.fault": call.fault,
      },
      error: call.fault === undefined ? undefined : call.status,
      failed: serverFailures.has(call.status),
    });
  }

  span({ name, parent, self, start, end, attributes, error, outgoing }: Span): void {
    if (parent === undefined) return;
    const began = wholeOf(parent)?.tell(start, end) ?? start;
    const [from, to] = (self && wholeOf(self)?.is(began, end)) ?? [began, end];
    this.queue.add({
      traceId: parent.traceId,
      spanId: self?.spanId,
      parentId: parent.spanId,
      remote: false,
      name,
      kind: outgoing ? "client" : "internal",
      start: from + this.#offset,
      end: to + this.#offset,
      attributes,
      error,
      failed: error !== undefined,
    });
  }

  named(parent: SpanRef | undefined): SpanRef | undefined {
    return parent && new Whole(parent.traceId, newSpanId());
  }

  spanOf({ traced, traceId, id }: Order, call?: SpanRef): SpanRef | undefined {
    if (!traced) return undefined;
    const known = this.#lives.get(id);
    if (known?.traceId === traceId) return known;
    if (this.#lives.size >= LIVES) this.#lives.clear();
    const life = new Whole(traceId, orderSpanId(traceId, id), call && wholeOf(call));
    this.#lives.set(id, life);
    return life;
  }

  /** A machine that sleeps, or is set right, leaves its stopwatch behind. Between calls, so that a trace agrees with itself. */
  #followTheClock(): void {
    const offset = Date.now() - performance.now();
    if (Math.abs(offset - this.#offset) > DRIFT) this.#offset = offset;
  }
}

/** None for the span of a call that was forwarded from another thread: its parts, told in both, each say their own times. */
const wholeOf = (span: SpanRef): Whole | undefined => (span instanceof Whole ? span : undefined);
