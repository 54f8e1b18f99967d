/** Single calls: how many a second, and how long each takes. */
import { startBridge } from "./bridge.ts";
import type { CallerResult, CallerTask } from "./caller.ts";
import { runClient } from "./client.ts";
import { median } from "./median.ts";
import { startPeer } from "./peer.ts";
import type { Size } from "./size.ts";
import { type Cell, printTable, progress } from "./table.ts";

type Method = CallerTask["method"];
type Pace = CallerTask["pace"];

/** One order after the other opens and closes: the account is never short of margin. */
const account = { PAPER_MARGIN_MODE: "netting", PAPER_BALANCE: "1000000000" };
const noLatency = { ...account, PAPER_LATENCY: "0" };

const OPEN_LOOP = 500;
const paces: readonly Pace[] = [{ inFlight: 1 }, { inFlight: 32 }, { perSecond: OPEN_LOOP }];
const nameOf = (pace: Pace) => ("inFlight" in pace ? `${pace.inFlight} in flight` : `${pace.perSecond} a second`);

interface Subject {
  readonly name: string;
  readonly method: Method;
  start(name: string): Promise<{ readonly port: number; stop(): void | Promise<void> }>;
}

const subjects: readonly Subject[] = [
  { name: "bare grpc-js echo", method: "Echo", start: () => startPeer({ rate: 1 }) },
  { name: "GetAccount", method: "GetAccount", start: (name) => startBridge(name, noLatency) },
  { name: "PlaceOrder, broker at once", method: "PlaceOrder", start: (name) => startBridge(name, noLatency) },
  { name: "PlaceOrder, broker takes 1 ms", method: "PlaceOrder", start: (name) => startBridge(name, account) },
];

export async function benchUnary(size: Size): Promise<void> {
  const rows: Cell[][] = [];
  for (const pace of paces) {
    const results = new Map<Subject, CallerResult[]>();
    for (let i = 0; i < size.repeats; i++) {
      for (const subject of subjects) {
        if (!("inFlight" in pace) && subject.method === "GetAccount") continue;
        progress(`${subject.name}, ${nameOf(pace)}, run ${i + 1} of ${size.repeats}`);
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
        nameOf(pace),
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
  printTable(
    "Unary calls; an order is journalled and synced before it leaves and before it is answered",
    headings,
    rows,
  );
}

async function measure(subject: Subject, pace: Pace, { warmMs, callsMs, openLoopMs }: Size): Promise<CallerResult> {
  const server = await subject.start(`${subject.name} ${nameOf(pace)}`);
  try {
    const measureMs = "inFlight" in pace ? callsMs : openLoopMs;
    const task: CallerTask = { port: server.port, method: subject.method, pace, warmMs, measureMs };
    return await runClient<CallerResult>("caller.ts", task);
  } finally {
    await server.stop();
  }
}
