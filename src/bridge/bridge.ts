/** The wiring, in the order in which an order travels. Nothing else knows both sides. */
import { randomUUID } from "node:crypto";
import pkg from "../../package.json" with { type: "json" };
import { banner } from "../banner.ts";
import type { Config } from "../config.ts";
import { accountService } from "../contract/account-service.ts";
import { adminService, type Drain as DrainCall } from "../contract/admin-service.ts";
import { healthService } from "../contract/health-service.ts";
import { ordersService } from "../contract/orders-service.ts";
import { symbolsMeant } from "../contract/symbols-meant.ts";
import { ticksService } from "../contract/ticks-service.ts";
import type { Account } from "../core/accounts/account.ts";
import { HealthWatch } from "../core/health/health.ts";
import { StreamIds } from "../core/streams/stream-ids.ts";
import { type Doors, openDoors } from "../edge/doors.ts";
import { refuseTaken } from "../edge/free-ports.ts";
import { EdgeThreads } from "../edge/threads.ts";
import { CommitCounts, HttpCounts } from "../telemetry/counts.ts";
import type { Log } from "../telemetry/log.ts";
import { machineClock } from "../telemetry/machine-clock.ts";
import { serveMetrics } from "../telemetry/metrics-server.ts";
import { openTracing } from "../telemetry/tracing.ts";
import { Watch } from "../telemetry/watch.ts";
import { openAccess } from "../transport/access.ts";
import { Drain } from "../transport/drain.ts";
import { encoded } from "../transport/frame.ts";
import { Refusals } from "../transport/refusals.ts";
import { PaperSide } from "./paper.ts";
import { ServedAccounts } from "./served-accounts.ts";
import type { Side } from "./side.ts";

/** The bridge, once it runs. */
export interface Running {
  stop(): Promise<void>;
  /** Resolves when a part is lost without which it must not go on. */
  readonly lost: Promise<Error>;
}

export async function start(config: Config, log: Log): Promise<Running> {
  const clock = machineClock();
  const began = clock.now();
  const { network, limits } = config;
  const access = await openAccess(config.access, clock, log);

  // Who watches: what is counted, and where spans go if anywhere.
  const epoch = randomUUID();
  const who = {
    "service.name": "mt5-bridge",
    "service.version": pkg.version,
    "service.instance.id": epoch,
    "deployment.environment.name": config.environment,
  };
  const tracing = openTracing(process.env, who, log);
  const watch = new Watch(tracing);
  const commits = new CommitCounts();
  const answers = new HttpCounts();
  let edge: Doors | EdgeThreads | undefined;

  // What ends everything, and who is turned away before that.
  const drain = new Drain(clock);
  const refusals = new Refusals(clock, log, drain.leaving);

  // The accounts: what their journals say, then what their terminals say.
  const ids = new StreamIds(epoch);
  const ground = { config, clock, log, watch, commits, epoch, ids, refusals, access };
  const accounts = new ServedAccounts();
  const side: Side =
    config.terminal === "paper"
      ? await PaperSide.open(ground, accounts)
      : await (await import("./live.ts")).LiveSide.open(ground, accounts); // its memory is for those who use it
  const health = new HealthWatch([...accounts.values()], ids, clock, () => accounts.awaited(""));
  const journal = {
    get counts() {
      const sum = (what: "appended" | "refused") => stores().reduce((all, { counts }) => all + counts[what], 0);
      return { appended: sum("appended"), refused: sum("refused") };
    },
    get failure() {
      return stores().find(({ failure }) => failure !== undefined)?.failure;
    },
  };
  const stores = () => [...side.stores, ...accounts.stores];

  // A port that is taken ends the start before anybody can trade.
  const { bindAddress, grpcPort, bridgePort, metricsPort } = network;
  await refuseTaken(bindAddress, { GRPC_PORT: grpcPort, MT5_BRIDGE_PORT: bridgePort, METRICS_PORT: metricsPort });

  // What Prometheus is told.
  const metrics = await serveMetrics(
    {
      host: bindAddress,
      port: metricsPort,
      certificate: access.certificate,
      refused: (kind, peer) => refusals.note(kind, "metrics", "a connection was refused", { peer }),
    },
    {
      build: { version: pkg.version, runtime: process.version, environment: config.environment },
      watch,
      accounts: health.accounts,
      journal,
      commits,
      spans: tracing?.queue,
      links: side.counts,
      served:
        config.edgeWorkers > 0
          ? async () => (edge instanceof EdgeThreads ? edge.metrics() : [])
          : { watch, http: answers, webSockets: () => edge?.webSockets() ?? 0, encoded, hubs: health.accounts },
    },
    log,
  );

  if (!network.loopback) {
    const port = `${bindAddress}:${metrics.port}`;
    log.note("warn", "metrics", "metrics are told without a key: let only Prometheus reach their port", { port });
  }

  // The services and the transports.
  const drainNow: DrainCall = async (until, signal) => {
    health.drain();
    const streamsClosed = edge?.streams() ?? 0;
    drain.begin();
    const patience = until === undefined ? limits.drainTimeoutMs : Math.max(0, until - clock.now() - 50);
    await Promise.race([accounts.idle(), clock.sleep(patience, signal)]);
    return { ordersInFlight: health.inFlight, streamsClosed };
  };
  const about = { version: pkg.version, runtime: process.version, streams: () => edge?.streams() ?? 0 };
  const services = [
    accountService(accounts),
    ticksService(accounts),
    ordersService(accounts),
    healthService(health, about),
    adminService(accounts, side.control, drainNow, side.connect),
  ];
  const served = {
    services,
    symbolsMeant: symbolsMeant(accounts),
    clock,
    health: { serving: () => health.now.serving, changed: (listener: () => void) => health.watch(listener) },
    mode: config.terminal,
    ports: { grpc: grpcPort, http: bridgePort },
    links: side.links,
  };
  const threads = config.edgeWorkers > 0 ? await startThreads([...accounts.values()][0] as Account) : undefined;
  const doors =
    threads ??
    (await openDoors({
      ...served,
      ...{ config, access, drain, refusals, witness: watch, observer: log, shared: false },
      answered: (status, ms) => answers.answered(status, ms),
    }));
  edge = doors;
  function startThreads(account: Account): Promise<EdgeThreads> {
    const symbols = [...account.symbols.values()];
    return EdgeThreads.start({
      ...served,
      count: config.edgeWorkers,
      rates: access.rates,
      source: () => account.sourceState,
      leaving: drain.leaving,
      ...{ epoch, info: account.info, symbols, config, who, environment: { ...process.env } },
    });
  }
  void threads?.firstReader().then(() => side.readElsewhere?.());
  accounts.begin(health, threads);
  // What the start has left behind goes before prices come: a fifth of the memory at rest. Only `npm start` allows it.
  // A tick waits meanwhile: with none alive V8 would forget their shape, and each would cost eight times as much for good.
  process.nextTick(() => undefined);
  globalThis.gc?.({ type: "major", flavor: "last-resort" });
  const dialed = await side.begin(doors.ports);
  const ports = {
    host: bindAddress,
    ...doors.ports,
    ...dialed,
    metrics: metrics.port,
    secure: access.certificate !== undefined,
  };
  const ms = clock.now() - began;
  banner(
    { ports, tracing: tracing !== undefined, accounts, config, folder: side.folder, version: pkg.version, ms },
    log,
  );

  const stop = async () => {
    health.drain();
    drain.begin();
    const until = clock.now() + limits.drainTimeoutMs;
    await side.leave(drain, until);
    const left = await doors.stop(Math.max(0, until - clock.now()));
    if (left.unary + left.streams > 0) log.note("warn", "bridge", "calls were cut off", { ...left });
    await Promise.race([accounts.idle(), clock.sleep(limits.drainTimeoutMs)]);
    await accounts.close();
    await side.close();
    await tracing?.queue.close();
    await metrics.close();
    access.close();
  };
  return { stop, lost: threads?.lost ?? new Promise(() => undefined) };
}
