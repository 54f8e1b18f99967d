/** A thousand subscribers, of whom some stop reading: whether the others notice. */
import { median } from "./median.ts";
import { hasCompiler, type Received, startReader } from "./reader.ts";
import type { Size } from "./size.ts";
import { type Cell, printTable, progress } from "./table.ts";
import { bridgeServers, type TickServer } from "./tick-servers.ts";
import { usageOf } from "./usage.ts";

const [SUBSCRIBERS, STALLED, TRICKLING] = [1000, 10, 10] as const;
/** Ticks a second: who stalls has what the kernel holds for it in a few seconds. */
const RATE = 500;
/** The first to be opened have waited for the last: until they have caught up, ms. */
const WARM = 4000;

interface Figures extends Received {
  /** MiB of the bridge: at the end, and the most before. */
  readonly rss: number;
  readonly peak: number;
}

export async function benchSlowReaders(size: Size): Promise<void> {
  if (!hasCompiler) {
    process.stdout.write(
      "\nSlow readers are not measured: their client is in C, and there is no gcc (apt-get install gcc libc6-dev)\n",
    );
    return;
  }
  const rows: Cell[][] = [];
  for (const server of bridgeServers.filter(({ opening }) => size.slowOpenings.includes(opening))) {
    const without: Figures[] = [];
    const withSlow: Figures[] = [];
    for (let i = 0; i < size.repeats; i++) {
      progress(`${server.name}, ${SUBSCRIBERS} subscribers, some of them slow, run ${i + 1} of ${size.repeats}`);
      without.push(await measure(server, 0, 0, size));
      withSlow.push(await measure(server, STALLED, TRICKLING, size));
    }
    const p99 = median(withSlow.map(({ latency }, i) => latency.p99 / (without[i]?.latency.p99 ?? Number.NaN)));
    rows.push([server.name, "all read", ...cellsOf(without), undefined]);
    rows.push(["", `${STALLED} stalled, ${TRICKLING} trickling`, ...cellsOf(withSlow), p99]);
  }
  const headings = ["", "", "delivered/s", "complete", "p50 ms", "p99 ms", "RSS MiB", "peak MiB", "× p99"];
  printTable(
    `${RATE} ticks/s × ${SUBSCRIBERS} subscribers: what those who read get while others do not`,
    headings,
    rows,
  );
}

function cellsOf(all: readonly Figures[]): Cell[] {
  const middle = (of: (figures: Figures) => number) => median(all.map(of));
  const isWhole = all.every(({ holes, lost }) => holes + lost === 0);
  return [
    middle(({ ticks, seconds }) => ticks / seconds),
    isWhole ? "yes" : "NO",
    middle(({ latency }) => latency.p50),
    middle(({ latency }) => latency.p99),
    middle(({ rss }) => rss),
    middle(({ peak }) => peak),
  ];
}

async function measure(
  { opening, start }: TickServer,
  stalled: number,
  trickling: number,
  { slowMs: measureMs }: Size,
): Promise<Figures> {
  const server = await start({ rate: RATE, subscribers: SUBSCRIBERS, recording: "" });
  let reader: ReturnType<typeof startReader> | undefined;
  try {
    reader = startReader({
      port: server.port,
      opening,
      subscribers: SUBSCRIBERS,
      stalled,
      trickling,
      warmMs: WARM,
      measureMs,
    });
    const received = await reader.result;
    const { rss, peak } = usageOf(server.pid);
    return { ...received, rss, peak };
  } finally {
    reader?.end();
    await server.stop();
  }
}
