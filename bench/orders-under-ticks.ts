/** Orders while ticks flow to a hundred subscribers, beside the same orders at rest. */
import { startBridge } from "./bridge.ts";
import type { CallerResult, CallerTask } from "./caller.ts";
import { runClient } from "./client.ts";
import { median } from "./median.ts";
import { startReader } from "./reader.ts";
import type { Size } from "./size.ts";
import { type Cell, printTable, progress } from "./table.ts";

const SUBSCRIBERS = 100;
const ORDERS = 200;
const account = { PAPER_MARGIN_MODE: "netting", PAPER_BALANCE: "1000000000", PAPER_LATENCY: "0" };

/** Ticks a second. */
type Ticks = number | "none";

interface Run extends CallerResult {
  /** Ticks that subscribers got a second. */
  readonly delivered: number;
  readonly lost: number;
}

export async function benchOrdersUnderTicks(size: Size): Promise<void> {
  const rows: Cell[][] = [];
  for (const workers of [0, 1]) {
    const runs = new Map<Ticks, Run[]>((["none", ...size.ordersUnder] as const).map((ticks) => [ticks, []]));
    for (let i = 0; i < size.repeats; i++) {
      for (const [ticks, all] of runs) {
        progress(`orders under ${ticks} ticks/s, EDGE_WORKERS=${workers}, run ${i + 1} of ${size.repeats}`);
        all.push(await measure(ticks, workers, size));
      }
    }
    const atRest = runs.get("none") as Run[];
    for (const [ticks, all] of runs) {
      const middle = (of: (run: Run) => number) => median(all.map(of));
      const times = (of: (run: Run) => number) => median(all.map((run, i) => of(run) / of(atRest[i] as Run)));
      rows.push([
        ticks === "none" ? "at rest" : `${ticks.toLocaleString("en")} ticks/s × ${SUBSCRIBERS}`,
        workers,
        middle(({ p50 }) => p50),
        middle(({ p99 }) => p99),
        ...(ticks === "none" ? [undefined, undefined] : [times(({ p50 }) => p50), times(({ p99 }) => p99)]),
        ticks === "none" ? undefined : middle(({ delivered }) => delivered),
        all.reduce((sum, { lost }) => sum + lost, 0),
        all.reduce((sum, { wrong }) => sum + wrong, 0),
      ]);
    }
  }
  const headings = ["", "edge workers", "p50 ms", "p99 ms", "× p50", "× p99", "delivered/s", "too slow", "not filled"];
  printTable(`${ORDERS} orders a second, however long each takes, while ticks flow`, headings, rows);
}

async function measure(ticks: Ticks, workers: number, { warmMs, openLoopMs: measureMs }: Size): Promise<Run> {
  const name = `orders under ${ticks} with ${workers}`;
  const rate = ticks === "none" ? "1" : String(ticks);
  const bridge = await startBridge(name, { ...account, PAPER_RATE: rate, EDGE_WORKERS: String(workers) });
  const { port } = bridge;
  const reader =
    ticks === "none"
      ? undefined
      : startReader({ port, opening: "grpc", subscribers: SUBSCRIBERS, warmMs: 500, measureMs: warmMs + measureMs });
  try {
    await reader?.began;
    const task: CallerTask = {
      servers: [bridge],
      rounds: 1,
      way: "grpc",
      target: "mt5bridge.v1.OrdersService/PlaceOrder",
      orders: "filled",
      pace: { perSecond: ORDERS },
      warmMs,
      measureMs,
    };
    const [[result]] = await runClient<[[CallerResult]]>("caller.ts", task);
    const received = await reader?.result;
    const delivered = received === undefined ? 0 : received.ticks / received.seconds;
    return { ...result, delivered, lost: received?.lost ?? 0 };
  } finally {
    reader?.end();
    await bridge.stop();
  }
}
