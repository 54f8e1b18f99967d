/**
 * What is counted while the bridge works: plain numbers, made into metrics only when somebody asks.
 *
 * A counter of a metrics library costs hundreds of nanoseconds each time, these cost a
 * few. Labels come from the contract and from MetaTrader's tables, so there are only so
 * many of them; where a terminal could make up more, the rest is counted together.
 */
import type { Order } from "../core/model/order.ts";
import { isUnnamed } from "../core/model/unnamed.ts";
import type { CallKind, EndedCall } from "../core/ports/witness.ts";
import { seconds, sizes, Tally } from "./tally.ts";

/** Reasons beyond so many are `OTHER`, as is a side or type that MetaTrader tells with a number that has no word here. */
const MOST_REASONS = 100;
const OTHER = "OTHER";

/** The spans that say how long orders take, and what their phases are called. */
const phases: Readonly<Record<string, string>> = {
  "order.validate": "validate",
  "order.risk": "risk",
  "order.queue": "queue",
  "order.journal": "journal",
  "order.publish": "publish",
  "order.terminal": "terminal",
  order: "total",
};

export class OrderCounts {
  /** By stage, side and type. */
  readonly reached = new Map<string, { readonly labels: Record<string, string>; count: number }>();
  readonly rejections = new Map<string, number>();
  readonly latency = new Map(Object.values(phases).map((phase) => [phase, new Tally(seconds)]));
  readonly #bySpan = new Map(Object.entries(phases).map(([span, phase]) => [span, this.latency.get(phase)]));

  add({ stage, side, type, rejection }: Order): void {
    const labels = { stage, side: isUnnamed(side) ? OTHER : side, type: isUnnamed(type) ? OTHER : type };
    const key = `${stage} ${labels.side} ${labels.type}`;
    const known = this.reached.get(key);
    if (known === undefined) this.reached.set(key, { labels, count: 1 });
    else known.count += 1;
    if (stage !== "rejected" || rejection === undefined) return;
    const { rejections } = this;
    const isNew = !rejections.has(rejection.reason);
    const reason = isNew && rejections.size >= MOST_REASONS ? OTHER : rejection.reason;
    rejections.set(reason, (rejections.get(reason) ?? 0) + 1);
  }

  took(span: string, ms: number): void {
    this.#bySpan.get(span)?.add(ms / 1000);
  }
}

export interface MethodCounts {
  readonly kind: CallKind;
  open: number;
  slowConsumers: number;
  readonly codes: Map<string, number>;
  readonly duration: Tally;
}

/** Calls by method, which the contract limits. */
export class CallCounts {
  readonly methods = new Map<string, MethodCounts>();

  entered(method: string, kind: CallKind): void {
    this.#of(method, kind).open += 1;
  }

  ended({ method, kind, status, fault, start }: EndedCall, end: number): void {
    const counts = this.#of(method, kind);
    counts.open -= 1;
    counts.codes.set(status, (counts.codes.get(status) ?? 0) + 1);
    if (fault === "slow_consumer") counts.slowConsumers += 1;
    // How long a stream was open says nothing of how fast it was answered.
    if (kind === "unary") counts.duration.add((end - start) / 1000);
  }

  #of(method: string, kind: CallKind): MethodCounts {
    let counts = this.methods.get(method);
    if (counts === undefined) {
      counts = { kind, open: 0, slowConsumers: 0, codes: new Map(), duration: new Tally(seconds) };
      this.methods.set(method, counts);
    }
    return counts;
  }
}

/** Requests of the HTTP server, by status. */
export class HttpCounts {
  readonly statuses = new Map<number, number>([[200, 0]]);
  readonly duration = new Tally(seconds);

  answered(status: number, ms: number): void {
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
    this.duration.add(ms / 1000);
  }
}

export class CommitCounts {
  readonly events = new Tally(sizes);
  readonly duration = new Tally(seconds);

  add(events: number, ms: number): void {
    this.events.add(events);
    this.duration.add(ms / 1000);
  }
}
