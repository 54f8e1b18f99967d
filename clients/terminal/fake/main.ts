/**
 * npm run terminal:fake -- --help
 *
 * The terminal's side of the link as a process: dials the bridge, and again when the line is gone.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pkg from "../../../package.json" with { type: "json" };
import { fromBrokerTime, toBrokerTime } from "../../../src/core/model/broker-clock.ts";
import type { BrokerTime, Instant } from "../../../src/core/model/ids.ts";
import type { Journal } from "../../../src/core/ports/journal.ts";
import type { LinkCarrier } from "../../../src/core/ports/link.ts";
import { JournalStore } from "../../../src/store/journal-store.ts";
import { sqliteDisk } from "../../../src/store/sqlite/journal.ts";
import { openLog } from "../../../src/telemetry/log.ts";
import { machineClock } from "../../../src/telemetry/machine-clock.ts";
import type { LedgerEvent } from "../../../src/terminals/paper/books.ts";
import { GeneratedMarket } from "../../../src/terminals/paper/generated-market.ts";
import { seeded } from "../../../src/terminals/paper/seeded.ts";
import { paperSettings, paperSymbols } from "../../../src/terminals/paper/setup.ts";
import { PaperTerminal } from "../../../src/terminals/paper/terminal.ts";
import { GrpcCarrier } from "./grpc.ts";
import { Inbox } from "./inbox.ts";
import { InboxFile } from "./inbox-file.ts";
import { BadLine } from "./mischief.ts";
import { helpText, OptionError, readOptions, type Settings } from "./options.ts";
import { TerminalSide } from "./side.ts";
import { StillMarket } from "./still-market.ts";
import { TcpCarrier } from "./tcp.ts";

const COMPONENT = "terminal side";
const LONGEST_PAUSE = 5000;
const mostOfAFrame = 64 * 1024;
const mostKept = 32 * 2 ** 20;

const clock = machineClock();
const log = openLog("info");
const micros = (): bigint => process.hrtime.bigint() / 1000n;

async function openBroker(settings: Settings): Promise<PaperTerminal> {
  const { login, server, tradeMode, marginMode, balance, state, seed, rate, latencyMs } = settings;
  const symbols = paperSymbols(settings.symbols, []);
  const usual = { currency: "USD", leverage: 100, marginCallPercent: 50, stopOutPercent: 30, commissionPerLot: 0 };
  const market = { slippagePoints: 0, depthLots: 0, gaps: "market", keepSessions: false } as const;
  const paper = paperSettings({ ...usual, ...market, balance, marginMode }, symbols);
  const around = { clock, observer: log, stopwatch: () => performance.now(), newEpoch: () => "fake" };
  const store = await JournalStore.open(sqliteDisk({ folder: state }), around);
  return await PaperTerminal.open({
    settings: { ...paper, account: { ...paper.account, login, server, tradeMode } },
    ...{ latencyMs, clock, observer: log, chance: seeded(seed) },
    market:
      settings.market === "still"
        ? new StillMarket(symbols, clock)
        : new GeneratedMarket({ seed, rate }, symbols, clock),
    ledger: store.journal("ledger") as Journal<LedgerEvent>,
    start: Promise.resolve(),
  });
}

async function openSide(settings: Settings): Promise<TerminalSide> {
  const { state, offsetMinutes, manners } = settings;
  mkdirSync(state, { recursive: true });
  const ahead = (offsetMinutes ?? 0) * 60_000;
  return new TerminalSide({
    terminal: await openBroker(settings),
    connected: true,
    inbox: new Inbox(new InboxFile(join(state, "inbox.txt"))),
    ...{ clock, micros, observer: log, software: `mt5-bridge-fake ${pkg.version}`, token: settings.token },
    reportsEpoch: BigInt(Date.now()),
    room: { count: settings.ring, bytes: mostKept },
    ...{ limits: settings.limits, absence: settings.absence, patienceMs: settings.patienceMs },
    brokerClock:
      offsetMinutes === undefined
        ? { of: toBrokerTime, utc: fromBrokerTime }
        : { of: (utc: Instant) => utc + ahead, utc: (broker: BrokerTime) => (broker - ahead) as Instant },
    manner: (place) => manners.get(place),
    odd: settings.odd,
  });
}

async function dial(settings: Settings): Promise<LinkCarrier> {
  const { host, port, carrier, token, ca } = settings;
  const trusted = ca === "" ? undefined : readFileSync(ca, "utf8");
  if (carrier === "grpc")
    return new GrpcCarrier(`${host.includes(":") ? `[${host}]` : host}:${port}`, token, trusted, mostOfAFrame);
  return await TcpCarrier.dial(host, port, trusted, mostOfAFrame);
}

/** Serves one connection after the other, with pauses that grow while none is welcomed. */
async function keepDialling(settings: Settings, side: TerminalSide, signal: AbortSignal): Promise<void> {
  const { mischief, retryMs, seed } = settings;
  const chance = seeded(`${seed}/line`);
  for (let pause = retryMs; !signal.aborted; ) {
    let asked: number | undefined;
    try {
      const line = new BadLine(await dial(settings), mischief, clock, chance);
      const { why, pause: wanted, served } = await side.serve(line, signal);
      log.note("info", COMPONENT, why, { served });
      if (served) pause = retryMs;
      asked = wanted;
    } catch (error) {
      log.note("warn", COMPONENT, `no connection: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (!signal.aborted) await clock.sleep(asked ?? pause * (0.75 + chance.next() / 2), signal);
    pause = Math.min(LONGEST_PAUSE, pause * 2);
  }
}

async function main(): Promise<void> {
  if (process.argv.includes("--help")) {
    process.stdout.write(helpText());
    return;
  }
  const given = readOptions(process.argv.slice(2), process.env);
  const settings = given.state === "" ? { ...given, state: mkdtempSync(join(tmpdir(), "terminal-fake-")) } : given;
  if (given.state === "") process.once("exit", () => rmSync(settings.state, { recursive: true, force: true }));
  const life = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => life.abort());
  const side = await openSide(settings);
  const running = side.run(life.signal);
  await keepDialling(settings, side, life.signal);
  await running;
  process.exit(0); // the broker's market would go on
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof OptionError ? error.message : (error as Error).stack}\n`);
  process.exit(1);
});
