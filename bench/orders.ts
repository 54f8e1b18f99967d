/** Orders, one call each: how many a second, and how long each takes. */
import { startBridge } from "./bridge.ts";
import type { CallerResult, CallerTask } from "./caller.ts";
import { runClient } from "./client.ts";
import { startEcho } from "./echo.ts";
import { nameOfPace, type Pace } from "./load.ts";
import { median } from "./median.ts";

import type { Size } from "./size.ts";
import { syncs } from "./syncs.ts";
import { type Cell, printTable, progress } from "./table.ts";

/** One order after the other opens and closes: the account is never short of margin. */
const account = { PAPER_MARGIN_MODE: "netting", PAPER_BALANCE: "1000000000" };
const noLatency = { ...account, PAPER_LATENCY: "0" };

interface Subject extends Pick<CallerTask, "target" | "orders" | "way"> {
  readonly name: string;
  start(name: string): Promise<{ readonly port: number; readonly pid: number; stop(): void | Promise<void> }>;
}

const placeOrder = { target: "mt5bridge.v1.OrdersService/PlaceOrder", orders: "filled", way: "grpc" } as const;

/** The same bridge at its other port. */
async function startAtHttp(name: string): ReturnType<Subject["start"]> {
  const bridge = await startBridge(name, noLatency);
  return { port: bridge.httpPort, pid: bridge.pid, stop: () => bridge.stop() };
}

const subjects: readonly Subject[] = [
  {
    name: "bare grpc-js echo",
    way: "grpc",
    target: "bench.Peer/Echo",
    orders: "any answer",
    start: startEcho,
  },
  { name: "PlaceOrder, broker at once", ...placeOrder, start: (name) => startBridge(name, noLatency) },
  { ...placeOrder, name: "PlaceOrder over Connect", way: "connectProto", start: startAtHttp },
  { name: "PlaceOrder, broker takes 1 ms", ...placeOrder, start: (name) => startBridge(name, account) },
];

export async function benchOrders(size: Size): Promise<void> {
  const disk = syncs(size.callsMs);
  const rows: Cell[][] = [
    ["append 256 bytes + fdatasync", "1 in flight", disk.perSecond, undefined, disk.p50, disk.p99, disk.p999, disk.max],
  ];
  for (const pace of size.orderPaces) {
    const results = new Map<Subject, CallerResult[]>();
    for (let i = 0; i < size.repeats; i++) {
      for (const subject of subjects) {
        progress(`${subject.name}, ${nameOfPace(pace)}, run ${i + 1} of ${size.repeats}`);
        results.set(subject, [...(results.get(subject) ?? []), await measure(subject, pace, size)]);
      }
    }
    const middle = (subject: Subject, of: (result: CallerResult) => number) =>
      median((results.get(subject) ?? []).map(of));
    const echo = middle(subjects[0] as Subject, ({ perSecond }) => perSecond);
    for (const subject of results.keys()) {
      const perSecond = middle(subject, (result) => result.perSecond);
      rows.push([
        subject.name,
        nameOfPace(pace),
        perSecond,
        perSecond / echo,
        middle(subject, ({ p50 }) => p50),
        middle(subject, ({ p99 }) => p99),
        middle(subject, ({ p999 }) => p999),
        Math.max(...(results.get(subject) ?? []).map(({ max }) => max)),
        (results.get(subject) ?? []).reduce((sum, { wrong }) => sum + wrong, 0),
      ]);
    }
  }
  const headings = ["", "", "per second", "× echo", "p50 ms", "p99 ms", "p99.9 ms", "max ms", "not filled"];
  printTable("Orders; each is journalled and synced before it leaves and before it is answered", headings, rows);
}

async function measure(subject: Subject, pace: Pace, { warmMs, callsMs, openLoopMs }: Size): Promise<CallerResult> {
  const server = await subject.start(`${subject.name} ${nameOfPace(pace)}`);
  try {
    const measureMs = "inFlight" in pace ? callsMs : openLoopMs;
    const { target, orders, way } = subject;
    const task: CallerTask = { servers: [server], rounds: 1, way, target, orders, pace, warmMs, measureMs };
    const [[result]] = await runClient<[[CallerResult]]>("caller.ts", task);
    return result;
  } finally {
    await server.stop();
  }
}
