/**
 * What it costs to count and to trace an order: bridges that do, and one that does neither, take turns.
 *
 * Turns are so short that whatever else the machine does falls upon all alike, and what is told is the middle of the
 * differences within a turn: figures of two bridges that were measured a second apart differ by more than all of this
 * costs.
 */
import { setTimeout as delay } from "node:timers/promises";
import { type Bridge, startBridge } from "./bridge.ts";
import { startClient } from "./client.ts";
import { median, type Trusted, trusted } from "./median.ts";
import { isFilled, orderRequests } from "./order-requests.ts";
import type { Size } from "./size.ts";
import { type Cell, printTable, progress } from "./table.ts";
import { computedBy } from "./usage.ts";
import { type Sender, ways } from "./ways.ts";

const account = { PAPER_MARGIN_MODE: "netting", PAPER_BALANCE: "1000000000", PAPER_LATENCY: "0" };
/** Hardly a tick: only orders are to be computed for. */
const quiet = { PAPER_SYMBOLS: "EURUSD", PAPER_RATE: "1" };
/** Orders until V8 has compiled what they need. */
const WARMING = 3000;

/** Orders of one bridge before it is the next one's turn, and how many of them at once. */
const SLICE = 100;
const IN_FLIGHT = 32;
/** Spans leave within a second, and the time that they take is to be in the figures of the turn that they are of. */
const TURN_MS = 1000;
const TURNS = 16;

/** Orders that come one by one, as they do where nobody is in a hurry: each bridge is given one so often. */
const CALM_MS = 10;
const CALM_ORDERS = 800;

/** Of one turn; microseconds of processor time an order, of the thread that orders travel through and of all threads. */
interface Turn {
  readonly main: number;
  readonly whole: number;
  readonly perSecond: number;
}

interface Subject {
  readonly name: string;
  readonly bridge: Bridge;
  readonly sender: Sender;
  readonly turns: Turn[];
  /** Milliseconds that each order has taken. */
  readonly calm: number[];
  wrong: number;
}

export async function benchTracing({ repeats }: Size): Promise<void> {
  const collector = startClient<number>("collector.ts", {});
  const endpoint = `http://127.0.0.1:${await collector.result}`;
  const unwatched = { NODE_OPTIONS: `--import=${new URL("unwatched.ts", import.meta.url)}` };
  const subjects: Subject[] = [];
  const start = async (name: string, env: Readonly<Record<string, string>>) => {
    const bridge = await startBridge(`tracing ${name}`, { ...account, ...quiet, ...env });
    const sender = await ways.grpc(bridge.port, "mt5bridge.v1.OrdersService/PlaceOrder");
    subjects.push({ name, bridge, sender, turns: [], calm: [], wrong: 0 });
  };
  try {
    await start("neither", unwatched);
    await start("metrics", {});
    await start("metrics and traces", { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint });
    progress("tracing, warming up");
    for (const subject of subjects) await place(subject, WARMING);
    for (let i = 0; i < repeats; i++) {
      progress(`tracing, part ${i + 1} of ${repeats}: ${IN_FLIGHT} in flight, ${TURNS} turns`);
      for (let turn = 0; turn < TURNS; turn++) await takeTurn(subjects);
      progress(`tracing, part ${i + 1} of ${repeats}: one by one, ${CALM_ORDERS} orders each`);
      for (let n = 0; n < CALM_ORDERS; n++) await placeCalmly(subjects, n);
    }
    print(subjects);
  } finally {
    for (const { sender, bridge } of subjects) {
      sender.close();
      await bridge.stop();
    }
    collector.end();
  }
}

const requests = orderRequests();

async function placeOne(subject: Subject): Promise<void> {
  const filled = await subject.sender.send(requests.next().value as Buffer).then(isFilled, () => false);
  if (!filled) subject.wrong += 1;
}

async function place(subject: Subject, orders: number): Promise<void> {
  let left = orders;
  const lane = async () => {
    while (left-- > 0) await placeOne(subject);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
}

/** Whoever goes first has the machine at another moment than who goes last: each in turn. */
const inOrder = (subjects: readonly Subject[], n: number): readonly Subject[] =>
  subjects.map((_, at) => subjects[(at + n) % subjects.length] as Subject);

async function takeTurn(subjects: readonly Subject[]): Promise<void> {
  const before = subjects.map(({ bridge: { pid } }) => computedBy(pid));
  const busy = new Map(subjects.map((subject) => [subject, 0]));
  const end = performance.now() + TURN_MS;
  let slices = 0;
  for (; performance.now() < end; slices++) {
    for (const subject of inOrder(subjects, slices)) {
      const began = performance.now();
      await place(subject, SLICE);
      busy.set(subject, (busy.get(subject) ?? 0) + performance.now() - began);
    }
  }
  const orders = slices * SLICE;
  for (const [i, subject] of subjects.entries()) {
    const after = computedBy(subject.bridge.pid);
    const of = (which: "main" | "whole") => (after[which] - (before[i]?.[which] ?? Number.NaN)) / orders;
    const perSecond = (orders * 1000) / (busy.get(subject) ?? Number.NaN);
    subject.turns.push({ main: of("main"), whole: of("whole"), perSecond });
  }
}

async function placeCalmly(subjects: readonly Subject[], n: number): Promise<void> {
  const due = performance.now() + CALM_MS;
  for (const subject of inOrder(subjects, n)) {
    const began = performance.now();
    await placeOne(subject);
    subject.calm.push(performance.now() - began);
  }
  await delay(Math.max(0, due - performance.now()));
}

function print(subjects: readonly Subject[]): void {
  const [neither] = subjects as [Subject];
  const cellsOf = (of: (subject: Subject) => readonly number[]) => (subject: Subject) => {
    const [figures, without] = [of(subject), of(neither)];
    const usual = median(without);
    const more: Trusted | undefined =
      subject === neither ? undefined : trusted(figures.map((figure, i) => figure - (without[i] ?? Number.NaN)));
    const percent = (figure: number | undefined) => figure && (100 * figure) / usual;
    return [median(figures), percent(more?.middle), percent(more?.margin)];
  };
  const main = cellsOf(({ turns }) => turns.map((turn) => turn.main));
  const whole = cellsOf(({ turns }) => turns.map((turn) => turn.whole));
  const calm = cellsOf((subject) => subject.calm);
  const rows = subjects.map((subject): Cell[] => {
    const rate = median(subject.turns.map(({ perSecond }) => perSecond));
    return [subject.name, ...main(subject), ...whole(subject), rate, subject.wrong];
  });
  printTable(
    `PlaceOrder, ${IN_FLIGHT} in flight: processor time an order, and what counting and tracing add`,
    ["", "main thread µs", "+ %", "± %", "all threads µs", "+ % ", "± % ", "per second", "not filled"],
    rows,
  );
  printTable(
    "PlaceOrder, one by one: how long an order takes, and what counting and tracing add",
    ["", "p50 ms", "+ %", "± %"],
    subjects.map((subject): Cell[] => [subject.name, ...calm(subject)]),
  );
}
