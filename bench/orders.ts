/** Orders, one call each: how many a second, and how long each takes. */
import { startBridge } from "./bridge.ts";
import type { CallerResult, CallerTask } from "./caller.ts";
import { runClient } from "./client.ts";
import { nameOfPace, type Pace } from "./load.ts";
import { median } from "./median.ts";
import { startPeer } from "./peer.ts";
import type { Size } from "./size.ts";
import { type Cell, printTable, progress } from "./table.ts";

/** One order after the other opens and closes: the account is never short of margin. */
const account = { PAPER_MARGIN_MODE: "netting", PAPER_BALANCE: "1000000000" };
const noLatency = { ...account, PAPER_LATENCY: "0" };

const OPEN_LOOP = 500;
const paces: readonly Pace[] = [{ inFlight: 1 }, { inFlight: 32 }, { perSecond: OPEN_LOOP }];

interface Subject extends Pick<CallerTask, "target" | "orders"> {
  readonly name: string;
  start(name: string): Promise<{ readonly port: number; readonly pid: number; stop(): void | Promise<void> }>;
}

const placeOrder = { target: "mt5bridge.v1.OrdersService/PlaceOrder", orders: "filled" } as const;
const subjects: readonly Subject[] = [
  {
    name: "bare grpc-js echo",
    target: "bench.Peer/Echo",
    orders: "any answer",
    start: () => startPeer({ rate: 1 }),
  },
  { name: "PlaceOrder, broker at once", ...placeOrder, start: (name) => startBridge(name, noLatency) },
  { name: "PlaceOrder, broker takes 1 ms", ...placeOrder, start: (name) => startBridge(name, account) },
];

export async function benchOrders(size: Size): Promise<void> {
  const rows: Cell[][] = [];
  for (const pace of paces) {
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
        Math.max(...(results.get(subject) ?? []).map(({ max }) => max)),
        (results.get(subject) ?? []).reduce((sum, { wrong }) => sum + wrong, 0),
      ]);
    }
  }
  const headings = ["", "", "per second", "× echo", "p50 ms", "p99 ms", "max ms", "not filled"];
  printTable("Orders; each is journalled and synced before it leaves and before it is answered", headings, rows);
}

async function measure(subject: Subject, pace: Pace, { warmMs, callsMs, openLoopMs }: Size): Promise<CallerResult> {
  const server = await subject.start(`${subject.name} ${nameOfPace(pace)}`);
  try {
    const measureMs = "inFlight" in pace ? callsMs : openLoopMs;
    const { target, orders } = subject;
    const task: CallerTask = { servers: [server], rounds: 1, way: "grpc", target, orders, pace, warmMs, measureMs };
    const [[result]] = await runClient<[[CallerResult]]>("caller.ts", task);
    return result;
  } finally {
    await server.stop();
  }
}
