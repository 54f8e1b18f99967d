/** What it costs to count and to trace an order: bridges that do take turns with one that does neither. */
import { setTimeout as delay } from "node:timers/promises";
import { type Bridge, startBridge } from "./bridge.ts";
import { startClient } from "./client.ts";
import { type Answered, load } from "./load.ts";
import { median } from "./median.ts";
import { isFilled, orderRequests } from "./order-requests.ts";
import type { Size } from "./size.ts";
import { type Cell, printTable, progress } from "./table.ts";
import { computedBy } from "./usage.ts";
import { type Sender, ways } from "./ways.ts";

const account = { PAPER_MARGIN_MODE: "netting", PAPER_BALANCE: "1000000000", PAPER_LATENCY: "0" };
/** Hardly a tick: only orders are to be computed for. */
const quiet = { PAPER_SYMBOLS: "EURUSD", PAPER_RATE: "1" };
/** Orders of a slice, and how many of them at once. */
const SLICE = 500;
const IN_FLIGHT = 32;
/** Orders until V8 has compiled what they need. */
const WARMING = 3000;
/** Spans leave within a second, as they do for users, and a slice lasts until its own have: others are not in its figures. */
const SETTLE_MS = 1300;

/** Orders that come one by one, as they do where nobody is in a hurry: their latency is what a trader sees. */
const CALM = { pace: { perSecond: 200 }, warmMs: 0, measureMs: 1000 };

interface Slice {
  readonly perSecond: number;
  /** Microseconds of processor time an order, of the thread that orders travel through and of all threads. */
  readonly main: number;
  readonly whole: number;
  readonly wrong: number;
}

interface Subject {
  readonly name: string;
  readonly bridge: Bridge;
  readonly sender: Sender;
  readonly slices: Slice[];
  readonly calm: Answered[];
}

export async function benchTracing({ repeats }: Size): Promise<void> {
  const collector = startClient<number>("collector.ts", {});
  const endpoint = `http://127.0.0.1:${await collector.result}`;
  const unwatched = { NODE_OPTIONS: `--import=${new URL("unwatched.ts", import.meta.url)}` };
  const subjects: Subject[] = [];
  const start = async (name: string, env: Readonly<Record<string, string>>) => {
    const bridge = await startBridge(`tracing ${name}`, { ...account, ...quiet, ...env });
    const sender = await ways.grpc(bridge.port, "mt5bridge.v1.OrdersService/PlaceOrder");
    subjects.push({ name, bridge, sender, slices: [], calm: [] });
  };
  try {
    await start("neither", unwatched);
    await start("metrics", {});
    await start("metrics and traces", { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint });
    progress("tracing, warming up");
    for (const { sender } of subjects) await place(sender, WARMING);
    const turns = 4 * repeats;
    for (let i = 0; i < turns; i++) {
      progress(`tracing, turn ${i + 1} of ${turns}`);
      // Whoever goes first has the machine at another moment: each in turn.
      for (let at = 0; at < subjects.length; at++) {
        const subject = subjects[(i + at) % subjects.length] as Subject;
        await measure(subject);
        subject.calm.push(
          await load(
            () => placeOne(subject.sender),
            CALM,
            () => undefined,
          ),
        );
      }
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

/** Resolves with whether it was filled. */
const placeOne = ({ send }: Sender): Promise<boolean> =>
  send(requests.next().value as Buffer).then(isFilled, () => false);

/** Resolves with how many were not filled. */
async function place(sender: Sender, orders: number): Promise<number> {
  let [left, wrong] = [orders, 0];
  const lane = async () => {
    while (left-- > 0) if (!(await placeOne(sender))) wrong++;
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return wrong;
}

async function measure({ bridge: { pid }, sender, slices }: Subject): Promise<void> {
  const before = computedBy(pid);
  const began = performance.now();
  const wrong = await place(sender, SLICE);
  const perSecond = (SLICE * 1000) / (performance.now() - began);
  await delay(SETTLE_MS);
  const after = computedBy(pid);
  const [main, whole] = [(after.main - before.main) / SLICE, (after.whole - before.whole) / SLICE];
  slices.push({ perSecond, main, whole, wrong });
}

/** Of processor time the least that a slice took: whatever else runs on the machine only adds to it. */
function print(subjects: readonly Subject[]): void {
  const least = ({ slices }: Subject, of: "main" | "whole") => Math.min(...slices.map((slice) => slice[of]));
  const rows = subjects.map((subject, i): Cell[] => {
    const more = (of: "main" | "whole") =>
      i === 0 ? undefined : 100 * (least(subject, of) / least(subjects[0] as Subject, of) - 1);
    const rate = median(subject.slices.map(({ perSecond }) => perSecond));
    const wrong = subject.slices.reduce((sum, slice) => sum + slice.wrong, 0);
    const [main, whole] = [least(subject, "main"), least(subject, "whole")];
    return [subject.name, main, more("main"), whole, more("whole"), rate, wrong];
  });
  printTable(
    "PlaceOrder, 32 in flight: processor time an order, and what counting and tracing add",
    ["", "main thread µs", "+ %", "all threads µs", "+ %", "per second", "not filled"],
    rows,
  );
  const calm = subjects.map(({ name, calm }): Cell[] => {
    const middle = (of: "p50" | "p99") => median(calm.map((answered) => answered[of]));
    const all = calm.reduce((sum, { wrong }) => sum + wrong, 0);
    return [name, middle("p50"), Math.min(...calm.map(({ p50 }) => p50)), middle("p99"), all];
  });
  printTable(
    "PlaceOrder, 200 a second: how long an order takes, by rounds of a second in turns",
    ["", "p50 ms", "least p50 ms", "p99 ms", "not filled"],
    calm,
  );
}
