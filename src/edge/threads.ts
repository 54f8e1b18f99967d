/**
 * The threads of the edge, as the main thread sees them.
 *
 * Always true:
 *   - Every thread gets every tick, in order and by the number that it has here. One that falls too far behind (its
 *     machine stood still) misses some, and its readers are told so.
 *   - A thread that ends unasked takes its clients with it and cannot be trusted any more: `lost` says so, once.
 */
import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { TicksService } from "../contract/descriptors.ts";
import type { Serving } from "../contract/probe-service.ts";
import type { Call, Service } from "../contract/service.ts";
import type { SymbolsMeant } from "../contract/symbols-meant.ts";
import { BridgeError } from "../core/errors.ts";
import type { Tick } from "../core/model/tick.ts";
import type { TickRows } from "../core/model/tick-rows.ts";
import type { Broadcast } from "../core/ports/broadcast.ts";
import type { Clock } from "../core/ports/clock.ts";
import type { SourceState } from "../core/streams/course.ts";
import type { Counted } from "../telemetry/metrics.ts";
import type { InFlight } from "../transport/drain.ts";
import type { Rates } from "../transport/rates.ts";
import { answerCentrally } from "./central-access.ts";
import type { Doors, Ports } from "./doors.ts";
import { answerForwarded, forwarded } from "./forwarding.ts";
import { Line, type Wire } from "./line.ts";
import type { EdgeLoad, EdgeSettings } from "./settings.ts";

/** How often the source is looked at, ms. */
const lookEvery = 250;
/** Batches of ticks that a thread may not have taken yet; a replay at full speed waits long before. */
const mostUntaken = 4096;

export interface EdgeOptions extends Omit<EdgeSettings, "number"> {
  readonly count: number;
  readonly services: readonly Service[];
  readonly rates: Rates | undefined;
  readonly symbolsMeant: SymbolsMeant;
  readonly health: Serving;
  /** Whether new prices are to be expected. */
  readonly source: () => SourceState;
  readonly clock: Clock;
  /** Aborts when the bridge is about to go. */
  readonly leaving: AbortSignal;
}

/** One thread. */
class Edge {
  readonly line: Line;
  readonly worker: Worker;
  readonly open: Promise<Ports>;
  /** Resolves when somebody reads ticks there. */
  readonly firstReader: Promise<void>;
  load: EdgeLoad = { streams: 0, webSockets: 0 };
  untaken = 0;

  constructor(settings: EdgeSettings, lost: (why: Error) => void) {
    const here = import.meta.url;
    const file = new URL(`./thread${extname(new URL(here).pathname)}`, here);
    const worker = new Worker(file, { name: `edge-${settings.number}`, workerData: settings });
    this.worker = worker;
    this.line = new Line(worker as unknown as Wire);
    const opened = Promise.withResolvers<Ports>();
    const read = Promise.withResolvers<void>();
    [this.open, this.firstReader] = [opened.promise, read.promise];
    this.line.hears("open", (ports: Ports) => opened.resolve(ports));
    this.line.hears("first reader", () => read.resolve());
    this.line.hears("load", (load: EdgeLoad) => {
      this.load = load;
    });
    this.line.hears("ticks taken", () => {
      this.untaken -= 1;
    });
    const end = (why: Error) => {
      opened.reject(why);
      this.line.end(new BridgeError("draining", "The thread that served this has ended.", { cause: why }));
      lost(why);
    };
    worker.once("error", end);
    worker.once("exit", () => end(new Error(`the thread edge-${settings.number} has ended`)));
  }
}

export class EdgeThreads implements Broadcast, Doors {
  readonly ports: Ports;
  /** Resolves when a thread ends that nobody has stopped. */
  readonly lost: Promise<Error>;
  readonly #edges: readonly Edge[];
  /** What the numbers of symbols mean, as last told. */
  #symbols: TickRows["symbols"] | undefined;
  #stopping = false;

  /** Opens the doors in so many threads; a port that is taken throws here. */
  static async start(options: EdgeOptions): Promise<EdgeThreads> {
    const { count, services, rates, symbolsMeant, health, source, clock, leaving, ...settings } = options;
    const lost = Promise.withResolvers<Error>();
    const edges: Edge[] = [];
    let { ports } = settings;
    const everywhere = services.map((service) =>
      service.descriptor === TicksService ? withUpdates(service, edges) : service,
    );
    for (let number = 1; number <= count; number++) {
      const edge = new Edge({ ...settings, ports, number }, lost.resolve);
      answerForwarded(everywhere, edge.line, leaving);
      answerCentrally(edge.line, services, rates, symbolsMeant);
      edges.push(edge);
      ports = await edge.open; // the first finds a free one where any will do
    }
    const threads = new EdgeThreads(edges, ports, lost.promise);
    leaving.addEventListener("abort", () => threads.#tell("leave", 0));
    const tellServing = () => threads.#tell("serving", health.serving());
    health.changed(tellServing);
    tellServing();
    void threads.#tellSource(source, clock, leaving);
    return threads;
  }

  private constructor(edges: readonly Edge[], ports: Ports, lost: Promise<Error>) {
    this.#edges = edges;
    this.ports = ports;
    this.lost = new Promise((resolve) => {
      void lost.then((why) => {
        if (!this.#stopping) resolve(why);
      });
    });
  }

  streams(): number {
    return this.#edges.reduce((sum, { load }) => sum + load.streams, 0);
  }

  webSockets(): number {
    return this.#edges.reduce((sum, { load }) => sum + load.webSockets, 0);
  }

  firstReader(): Promise<void> {
    return Promise.race(this.#edges.map((edge) => edge.firstReader));
  }

  publish({ symbols, numbers, length }: TickRows<Tick>): void {
    if (length === 0) return;
    if (symbols !== this.#symbols)
      this.#tell(
        "symbols",
        symbols.map(({ name }) => ({ name })),
      );
    this.#symbols = symbols;
    const own = numbers.byteLength === numbers.buffer.byteLength ? numbers : numbers.slice(); // or all of it would travel
    for (const edge of this.#edges) {
      if (edge.untaken >= mostUntaken) continue;
      edge.untaken += 1;
      edge.line.tell("ticks", own);
    }
  }

  async room(): Promise<void> {
    await Promise.all(this.#edges.map(({ line }) => line.ask<void>("room", 0)));
  }

  /** What each thread has counted. */
  metrics(): Promise<Counted[][]> {
    return Promise.all(this.#edges.map(({ line }) => line.ask<Counted[]>("metrics", 0)));
  }

  async stop(graceMs: number): Promise<InFlight> {
    this.#stopping = true;
    const left = await Promise.all(this.#edges.map(({ line }) => line.ask<InFlight>("stop", graceMs)));
    await Promise.all(this.#edges.map(({ worker }) => worker.terminate()));
    const sum = (of: keyof InFlight) => left.reduce((total, one) => total + one[of], 0);
    return { unary: sum("unary"), streams: sum("streams") };
  }

  /** It changes with time, too: silence makes a source stale. */
  async #tellSource(source: () => SourceState, clock: Clock, leaving: AbortSignal): Promise<void> {
    let told: SourceState | undefined;
    while (!leaving.aborted) {
      const now = source();
      if (now !== told) this.#tell("source", now);
      told = now;
      await clock.sleep(lookEvery, leaving);
    }
  }

  #tell(what: string, value: unknown): void {
    for (const { line } of this.#edges) line.tell(what, value);
  }
}

/** A stream is changed in the thread that serves it, whichever thread was asked. */
function withUpdates(service: Service, edges: readonly Edge[]): Service {
  const updateTickSubscription = async (request: never, call: Call): Promise<unknown> => {
    let unknown: unknown;
    for (const { line } of edges) {
      const update = forwarded(TicksService, line, false).implementation[
        "updateTickSubscription"
      ] as typeof updateTickSubscription;
      try {
        return await update(request, call);
      } catch (error) {
        if (!(error instanceof BridgeError && error.fault === "unknown_stream")) throw error;
        unknown = error;
      }
    }
    throw unknown;
  };
  return { ...service, implementation: { ...service.implementation, updateTickSubscription } };
}
