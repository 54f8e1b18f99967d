/**
 * The wiring, in the order in which an order travels. Nothing else knows both sides.
 */
import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import pkg from "../package.json" with { type: "json" };
import { banner } from "./banner.ts";
import { type Config, ConfigError, readConfig } from "./config.ts";
import { accountService } from "./contract/account-service.ts";
import { adminService, type Drain as DrainCall } from "./contract/admin-service.ts";
import { healthService } from "./contract/health-service.ts";
import { ordersService } from "./contract/orders-service.ts";
import { symbolsMeant } from "./contract/symbols-meant.ts";
import { ticksService } from "./contract/ticks-service.ts";
import { Account } from "./core/accounts/account.ts";
import type { AccountEvent } from "./core/accounts/account-event.ts";
import { follow } from "./core/accounts/follow.ts";
import { AccountRecord } from "./core/accounts/record.ts";
import { recover, settleAtStart } from "./core/accounts/recover.ts";
import { type ControlEvent, ControlRecord } from "./core/control/control-record.ts";
import { BridgeError } from "./core/errors.ts";
import { HealthWatch } from "./core/health/health.ts";
import type { Instant, StrategyId } from "./core/model/ids.ts";
import type { SymbolSpec } from "./core/model/symbol.ts";
import { watchDoubts } from "./core/orders/doubts.ts";
import { OrderDesk } from "./core/orders/order-desk.ts";
import { type ConfiguredLimits, readLimits } from "./core/orders/risk-limits.ts";
import type { Clock } from "./core/ports/clock.ts";
import type { TickHistory } from "./core/ports/history.ts";
import type { Journal } from "./core/ports/journal.ts";
import { StreamIds } from "./core/streams/stream-ids.ts";
import { TickHub } from "./core/ticks/hub.ts";
import { Prices } from "./core/ticks/prices.ts";
import { type Doors, openDoors } from "./edge/doors.ts";
import { refuseTaken } from "./edge/free-ports.ts";
import { EdgeThreads } from "./edge/threads.ts";
import { helpText } from "./help.ts";
import { JournalStore } from "./store/journal-store.ts";
import { openTickHistory } from "./store/sqlite/history.ts";
import { sqliteDisk } from "./store/sqlite/journal.ts";
import { FILE as journalFile } from "./store/sqlite/journal-file.ts";
import { CommitCounts, HttpCounts } from "./telemetry/counts.ts";
import { type Log, openLog } from "./telemetry/log.ts";
import { machineClock } from "./telemetry/machine-clock.ts";
import { serveMetrics } from "./telemetry/metrics-server.ts";
import { openTracing } from "./telemetry/tracing.ts";
import { Watch } from "./telemetry/watch.ts";
import type { LedgerEvent } from "./terminals/paper/books.ts";
import { GeneratedMarket } from "./terminals/paper/generated-market.ts";
import type { Market } from "./terminals/paper/market.ts";
import { ReplayMarket } from "./terminals/paper/replay-market.ts";
import { seeded } from "./terminals/paper/seeded.ts";
import { paperSettings, paperSymbols } from "./terminals/paper/setup.ts";
import { PaperTerminal } from "./terminals/paper/terminal.ts";
import { openAccess } from "./transport/access.ts";
import { Drain } from "./transport/drain.ts";
import { encoded } from "./transport/frame.ts";
import { Refusals } from "./transport/refusals.ts";

/** Signals within so many milliseconds are one press of Ctrl-C. */
const samePress = 1000;

/** Each market has an account and a history of its own: what was traded in one makes no sense in another. */
function folderOf({ dataDir, paper }: Config): string {
  const recorded = createHash("sha256").update(paper.replay.map((file) => basename(file)).join("\n"));
  const market = paper.replay.length === 0 ? "generated" : `replay-${recorded.digest("hex").slice(0, 8)}`;
  return join(dataDir, `${market}-${paper.currency.toLowerCase()}-${paper.marginMode}`);
}

/** The symbols are known only now: what the configuration limits to others is refused. */
function configuredLimits({ risk }: Config, symbols: readonly SymbolSpec[]): ConfiguredLimits {
  const isSymbol = (name: string) => symbols.some((spec) => spec.name === name);
  const strategies = [...risk.strategies].map(
    ([id, draft]) => [id as StrategyId, readLimits(draft, isSymbol)] as const,
  );
  return { account: readLimits(risk.account, isSymbol), strategies: new Map(strategies) };
}

async function marketOf(
  { paper }: Config,
  symbols: readonly SymbolSpec[],
  history: TickHistory,
  clock: Clock,
  log: Log,
): Promise<Market> {
  if (paper.replay.length > 0) {
    const zone = paper.timeZone === undefined ? {} : { timeZone: paper.timeZone };
    return ReplayMarket.open(
      { files: paper.replay, speed: paper.speed, strict: paper.strict, ...zone },
      symbols,
      clock,
      log,
    );
  }
  const resume = (await history.latest()).filter((tick) => symbols.some((spec) => spec.name === tick.symbol));
  return new GeneratedMarket(
    { seed: paper.seed, rate: paper.rate, sessions: paper.keepSessions, resume },
    symbols,
    clock,
  );
}

async function openJournal(
  { databaseUrl: url }: Config,
  folder: string,
  clock: Clock,
  log: Log,
): Promise<JournalStore> {
  const around = { clock, observer: log, stopwatch: () => performance.now(), newEpoch: () => randomUUID() };
  if (url === undefined) return JournalStore.open(sqliteDisk({ folder }), around);
  if (existsSync(join(folder, journalFile))) {
    const message = `the journal is in PostgreSQL; what ${journalFile} holds is not read`;
    log.note("warn", "journal", message, { folder });
  }
  const { postgresDisk } = await import("./store/postgres/journal.ts"); // its memory is for those who use it
  return JournalStore.open(postgresDisk({ url, space: basename(folder) }), around);
}

/** The bridge, once it runs. */
interface Running {
  stop(): Promise<void>;
  /** Resolves when a part is lost without which it must not go on. */
  readonly lost: Promise<Error>;
}

async function start(config: Config, log: Log): Promise<Running> {
  const clock = machineClock();
  const began = clock.now();
  const { paper, network, limits } = config;
  const access = await openAccess(config.access, clock, log);
  const folder = folderOf(config);
  mkdirSync(folder, { recursive: true });
  const symbols = paperSymbols(paper.symbols, paper.symbolFiles);

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

  // The store, the market and the terminal.
  const store = await openJournal(config, folder, clock, log);
  store.onCommit = (events, ms) => commits.add(events, ms);
  const history = await openTickHistory({ folder, specs: symbols, observer: log, ...config.history });
  const market = await marketOf(config, symbols, history, clock, log);
  const hub = new TickHub(epoch, new Map(symbols.map((spec) => [spec.name, spec])));
  const ready = Promise.withResolvers<void>();
  const read = Promise.withResolvers<void>();
  void hub.firstReader().then(read.resolve);
  const begin = (paper.start === "now" ? [ready.promise] : [ready.promise, read.promise]) as Promise<void>[];
  const terminal = await PaperTerminal.open({
    settings: paperSettings(paper, symbols),
    latencyMs: paper.latencyMs,
    market,
    ledger: store.journal("ledger") as Journal<LedgerEvent>,
    clock,
    chance: seeded(paper.seed),
    observer: log,
    stopwatch: () => watch.now(),
    start: Promise.all(begin).then(() => undefined),
  });

  // The account: what the journal says, then what the terminal says.
  const { valuation } = await terminal.snapshot(0 as Instant, new AbortController().signal);
  const record = await AccountRecord.open(store.journal("orders") as Journal<AccountEvent>, valuation, watch);
  const control = await ControlRecord.open(store.journal("control") as Journal<ControlEvent>, clock, log);
  control.limits.configured = configuredLimits(config, symbols);
  const prices = new Prices(hub, clock);
  const desk = new OrderDesk(terminal, record, clock, log, { silence: config.live.timeoutMs }, control, prices);
  await settleAtStart(desk);
  const ids = new StreamIds(epoch);
  const account = new Account(desk, hub, history, ids, clock);
  const accounts = new Map([[account.info.alias as string, account]]);
  const health = new HealthWatch([account], ids, clock);

  // What ends everything, and who is turned away before that.
  const drain = new Drain(clock);
  const refusals = new Refusals(clock, log, drain.leaving);

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
      accounts: [account],
      journal: store,
      commits,
      spans: tracing?.queue,
      served:
        config.edgeWorkers > 0
          ? async () => (edge instanceof EdgeThreads ? edge.metrics() : [])
          : { watch, http: answers, webSockets: () => edge?.webSockets() ?? 0, encoded, hubs: [account] },
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
    await Promise.race([desk.idle(), clock.sleep(patience, signal)]);
    return { ordersInFlight: health.inFlight, streamsClosed };
  };
  const about = { version: pkg.version, runtime: process.version, streams: () => edge?.streams() ?? 0 };
  const services = [
    accountService(accounts),
    ticksService(accounts),
    ordersService(accounts),
    healthService(health, about),
    adminService(accounts, control, drainNow),
  ];
  const served = {
    services,
    symbolsMeant: symbolsMeant(accounts),
    clock,
    health: { serving: () => health.now.serving, changed: (listener: () => void) => health.watch(listener) },
    mode: "paper",
    ports: { grpc: grpcPort, http: bridgePort },
  };
  const threads =
    config.edgeWorkers > 0
      ? await EdgeThreads.start({
          ...served,
          count: config.edgeWorkers,
          rates: access.rates,
          source: () => account.sourceState,
          leaving: drain.leaving,
          ...{ epoch, info: account.info, symbols, config, who, environment: { ...process.env } },
        })
      : undefined;
  const doors =
    threads ??
    (await openDoors({
      ...served,
      ...{ config, access, drain, refusals, witness: watch, observer: log, shared: false },
      answered: (status, ms) => answers.answered(status, ms),
    }));
  edge = doors;
  void threads?.firstReader().then(read.resolve);
  const life = new AbortController();
  const recovering = recover(account, () => health.changed(), life.signal);
  const following = follow(account, () => health.changed(), life.signal, threads);
  following.catch((error: unknown) => {
    desk.linkUp = false;
    account.linkMessage = "the terminal's reports have ended";
    log.note("error", "terminal", "the terminal's reports can no longer be followed", { error });
    health.changed();
  });
  void watchDoubts(desk, life.signal);
  // What the start has left behind goes before prices come: a fifth of the memory at rest. Only `npm start` allows it.
  await globalThis.gc?.({ type: "major", flavor: "last-resort", execution: "async" });
  account.deadMen.start();
  ready.resolve();
  const ports = {
    host: bindAddress,
    ...doors.ports,
    metrics: metrics.port,
    secure: access.certificate !== undefined,
  };
  const ms = clock.now() - began;
  banner(
    { ports, tracing: tracing !== undefined, account, folder, version: pkg.version, ms, replay: paper.replay },
    log,
  );

  const stop = async () => {
    health.drain();
    drain.begin();
    const grace = limits.drainTimeoutMs;
    const left = await doors.stop(grace);
    if (left.unary + left.streams > 0) log.note("warn", "bridge", "calls were cut off", { ...left });
    await Promise.race([desk.idle(), clock.sleep(limits.drainTimeoutMs)]);
    await terminal.close();
    life.abort();
    await following.catch(() => undefined); // told above
    await history.close();
    await store.close();
    await recovering;
    await tracing?.queue.close();
    await metrics.close();
    access.close();
  };
  return { stop, lost: threads?.lost ?? new Promise(() => undefined) };
}

async function main(): Promise<void> {
  if (process.argv.slice(2).some((argument) => argument === "--help" || argument === "-h")) {
    process.stdout.write(helpText());
    return;
  }
  const config = readConfig(process.env, (path) => readFileSync(path, "utf8"));
  const log = openLog(config.logLevel);
  const end = async (code: number) => {
    await log.close();
    process.exit(code);
  };
  try {
    const { stop, lost } = await start(config, log);
    void lost.then((error) => {
      log.note("error", "bridge", "a thread of the edge is lost; the bridge stops", { error });
      return stop().finally(() => end(1));
    });
    let asked: number | undefined;
    const onSignal = (signal: NodeJS.Signals) => {
      // One Ctrl-C arrives twice, from the terminal and from npm; a second one ends the bridge at once.
      if (asked !== undefined) return performance.now() - asked > samePress ? void end(1) : undefined;
      asked = performance.now();
      log.note("info", "bridge", "stopping: streams are told, what is in flight ends", { signal });
      stop().then(
        () => {
          log.note("info", "bridge", "stopped");
          return end(0);
        },
        (error: unknown) => {
          log.note("error", "bridge", "the stop failed", { error });
          return end(1);
        },
      );
    };
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    log.note("error", "bridge", `cannot start: ${message}`, error instanceof BridgeError ? {} : { error });
    await end(1);
  }
}

main().catch((error: unknown) => {
  const known = error instanceof ConfigError;
  process.stderr.write(`${known ? error.message : String(error instanceof Error ? error.stack : error)}\n`);
  process.exitCode = 1;
});
