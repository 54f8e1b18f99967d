/** A generated market to many subscribers of every tick. */
import { startBridge } from "./bridge.ts";
import { startClient } from "./client.ts";
import { median } from "./median.ts";
import { startPeer } from "./peer.ts";
import type { Size } from "./size.ts";
import type { SubscriberResult, SubscriberTask } from "./subscriber.ts";
import { type Cell, printTable, progress } from "./table.ts";
import { usageOf } from "./usage.ts";

const symbols = ["EURUSD", "GBPUSD", "USDJPY", "AUDUSD", "XAUUSD", "US500", "NAS100", "BTCUSD"];

interface Figures extends SubscriberResult {
  readonly cpu: number;
  readonly rss: number;
}

export async function benchTicks(size: Size): Promise<void> {
  const rows: Cell[][] = [];
  for (const rate of size.rates) {
    for (const subscribers of size.subscribers) {
      const bridge: Figures[] = [];
      const peer: Figures[] = [];
      for (let i = 0; i < size.repeats; i++) {
        progress(`${rate} ticks/s × ${subscribers}, run ${i + 1} of ${size.repeats}`);
        bridge.push(await ofBridge(rate, subscribers, size));
        peer.push(await ofPeer(rate, subscribers, size));
      }
      const delivered = median(bridge.map(({ ticks, seconds }) => ticks / seconds));
      const naive = median(peer.map(({ ticks, seconds }) => ticks / seconds));
      rows.push([...cellsOf(`${rate} × ${subscribers}`, "bridge", bridge), delivered / naive]);
      rows.push([...cellsOf("", "naive grpc-js", peer), undefined]);
    }
  }
  const headings = [
    "ticks/s × subscribers",
    "",
    "delivered/s",
    "ticks a message",
    "complete",
    "p50 ms",
    "p99 ms",
    "CPU %",
    "RSS MiB",
    "× naive",
  ];
  printTable("Ticks, every one to every subscriber; latency from the tick's time to its receipt", headings, rows);
}

function cellsOf(cell: string, server: string, all: readonly Figures[]): Cell[] {
  const middle = (of: (figures: Figures) => number) => median(all.map(of));
  const total = (of: (figures: Figures) => number) => all.reduce((sum, one) => sum + Math.abs(of(one)), 0);
  const [holes, lost] = [total((one) => one.holes), total((one) => one.lost)];
  return [
    cell,
    server,
    middle(({ ticks, seconds }) => ticks / seconds),
    middle(({ ticks, batches }) => ticks / batches),
    holes > 0 ? `NO: ${holes} left out` : lost > 0 ? `${lost} too slow` : "yes",
    middle(({ latency }) => latency.p50),
    middle(({ latency }) => latency.p99),
    middle(({ cpu }) => cpu),
    middle(({ rss }) => rss),
  ];
}

async function ofBridge(rate: number, subscribers: number, size: Size): Promise<Figures> {
  const bridge = await startBridge(`ticks ${rate} x ${subscribers}`, { PAPER_RATE: String(rate) });
  try {
    return await measure({ ...bridge, path: "/mt5bridge.v1.TicksService/StreamTicks" }, subscribers, size);
  } finally {
    await bridge.stop();
  }
}

async function ofPeer(rate: number, subscribers: number, size: Size): Promise<Figures> {
  const peer = await startPeer({ rate });
  try {
    return await measure({ ...peer, path: "/bench.Peer/Ticks" }, subscribers, size);
  } finally {
    peer.stop();
  }
}

async function measure(
  { port, pid, path }: { readonly port: number; readonly pid: number; readonly path: string },
  subscribers: number,
  { warmMs, ticksMs }: Size,
): Promise<Figures> {
  const task: SubscriberTask = { port, path, symbols, subscribers, warmMs, measureMs: ticksMs };
  const client = startClient<SubscriberResult>("subscriber.ts", task);
  try {
    await client.began;
    const before = usageOf(pid);
    const result = await client.result;
    const { cpu, rss } = usageOf(pid);
    return { ...result, cpu: (100 * (cpu - before.cpu)) / result.seconds, rss };
  } finally {
    client.end();
  }
}
