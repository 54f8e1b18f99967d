/**
 * A thread of the edge: doors to the outside, a copy of the prices, and a line to whoever has everything else.
 *
 * Connections are shared out among the threads by the system. Ticks are streamed from here; every other call is
 * forwarded once it has passed the wrapper, so that a slow reader, a costly encryption or a strange request takes its
 * time from this thread and not from the one that orders travel through.
 */
import { parentPort, workerData } from "node:worker_threads";
import { descriptors, TicksService } from "../contract/descriptors.ts";
import type { Service } from "../contract/service.ts";
import { tickStreams } from "../contract/ticks-service.ts";
import type { Tick } from "../core/model/tick.ts";
import { TickRows } from "../core/model/tick-rows.ts";
import type { SourceState } from "../core/streams/course.ts";
import { StreamIds } from "../core/streams/stream-ids.ts";
import { TickHub } from "../core/ticks/hub.ts";
import type { Quotes } from "../core/ticks/quotes.ts";
import { HttpCounts } from "../telemetry/counts.ts";
import { openLog } from "../telemetry/log.ts";
import { machineClock } from "../telemetry/machine-clock.ts";
import { openTracing } from "../telemetry/tracing.ts";
import { Watch } from "../telemetry/watch.ts";
import { openAccess } from "../transport/access.ts";
import { Drain } from "../transport/drain.ts";
import { encoded } from "../transport/frame.ts";
import { Refusals } from "../transport/refusals.ts";
import { ratesOver, symbolsMeantOver } from "./central-access.ts";
import { openDoors } from "./doors.ts";
import { answerForwarded, forwarded } from "./forwarding.ts";
import { Line, type Wire } from "./line.ts";
import type { EdgeLoad, EdgeSettings } from "./settings.ts";

/** How often the load is looked at, ms. */
const lookEvery = 250;

async function start(settings: EdgeSettings, line: Line): Promise<void> {
  const { number, config, mode, epoch, info, symbols, who, environment } = settings;
  const clock = machineClock();
  const log = openLog(config.logLevel);
  const access = await openAccess(config.access, clock, log);
  const tracing = openTracing(environment, who, log);
  const watch = new Watch(tracing);
  const drain = new Drain(clock);
  const answers = new HttpCounts();

  // The copy of the prices.
  const specs = new Map(symbols.map((spec) => [spec.name, spec]));
  const hub = new TickHub(epoch, specs);
  const streams = new StreamIds(epoch, `-${number}`);
  let source: SourceState = "terminal_offline";
  const quotes: Quotes = {
    ...{ info, symbols: specs, hub, streams, clock },
    get sourceState() {
      return source;
    },
  };
  let named: TickRows["symbols"] = [];
  line.hears("symbols", (names: TickRows["symbols"]) => {
    named = names;
  });
  line.hears("ticks", (numbers: Float64Array) => {
    hub.accept(new TickRows<Tick>(named, numbers));
    line.tell("ticks taken", 1);
  });
  line.answers("room", () => hub.room(clock));
  line.hears("source", (now: SourceState) => {
    source = now;
  });
  void hub.firstReader().then(() => line.tell("first reader", 0));

  // Whether the bridge serves, as it is told.
  let serving = false;
  const listeners = new Set<() => void>();
  line.hears("serving", (now: boolean) => {
    serving = now;
    for (const listener of listeners) listener();
  });
  const changed = (listener: () => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };

  // Streams of ticks are served here, and changed here whoever was asked to; all else is forwarded.
  const local = tickStreams(new Map([[info.alias as string, quotes]]));
  const { updateTickSubscription } = local;
  answerForwarded(
    [{ descriptor: TicksService, implementation: { updateTickSubscription }, always: false }],
    line,
    drain.leaving,
  );
  const services = descriptors.map(({ descriptor, always }): Service => {
    const service = forwarded(descriptor, line, always);
    if (descriptor !== TicksService) return service;
    return { ...service, implementation: { ...service.implementation, streamTicks: local.streamTicks } };
  });
  const doors = await openDoors({
    ...{ config, services, drain, clock, mode, answered: (status: number, ms: number) => answers.answered(status, ms) },
    access: { ...access, rates: access.rates && ratesOver(line) },
    symbolsMeant: symbolsMeantOver(line),
    refusals: new Refusals(clock, log, drain.leaving),
    witness: watch,
    observer: log,
    health: { serving: () => serving, changed },
    ports: settings.ports,
    shared: true,
  });

  // What the main thread asks for.
  const stopped = new AbortController();
  line.answers("metrics", async () => {
    const { edgeMetrics } = await import("../telemetry/metrics.ts");
    return edgeMetrics({ watch, http: answers, webSockets: () => doors.webSockets(), encoded, hubs: [quotes] });
  });
  line.hears("leave", () => drain.begin());
  line.answers("stop", async (graceMs: number) => {
    const left = await doors.stop(graceMs);
    stopped.abort();
    await tracing?.queue.close();
    access.close();
    await log.close();
    return left;
  });
  line.tell("open", doors.ports);
  await tellLoad(line, stopped.signal, () => ({ streams: drain.inFlight.streams, webSockets: doors.webSockets() }));

  async function tellLoad(to: Line, signal: AbortSignal, now: () => EdgeLoad): Promise<void> {
    let told: EdgeLoad = { streams: 0, webSockets: 0 };
    while (!signal.aborted) {
      const load = now();
      if (load.streams !== told.streams || load.webSockets !== told.webSockets) to.tell("load", load);
      told = load;
      await clock.sleep(lookEvery, signal);
    }
  }
}

if (parentPort === null) throw new Error("the edge's threads are started by the bridge");
await start(workerData as EdgeSettings, new Line(parentPort as unknown as Wire));
