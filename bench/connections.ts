/** What a connection costs the bridge while nothing happens on it. */

import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Bridge, startBridge } from "./bridge.ts";
import { startClient } from "./client.ts";
import type { IdleKind, IdlerTask } from "./idler.ts";
import { median } from "./median.ts";
import type { Size } from "./size.ts";
import { type Cell, printTable, progress } from "./table.ts";

const names: Readonly<Record<IdleKind, string>> = {
  grpc: "gRPC stream",
  webSocket: "WebSocket",
  webSocketStream: "WebSocket with a stream",
  connectHttp2: "Connect stream, HTTP/2",
  connectHttp2Shared: "Connect stream, HTTP/2, all on one connection",
  connectHttp1: "Connect stream, HTTP/1.1",
};

/** KiB. */
interface Memory {
  readonly rss: number;
  readonly heap: number;
  readonly external: number;
}

const probe = new URL("./memory-probe.ts", import.meta.url);

export async function benchConnections(size: Size): Promise<void> {
  const rows: Cell[][] = [];
  for (const kind of size.idle) {
    const runs: Memory[] = [];
    for (let i = 0; i < size.repeats; i++) {
      progress(`${size.connections} × ${names[kind]}, run ${i + 1} of ${size.repeats}`);
      runs.push(await measure(kind, size));
    }
    const middle = (of: (memory: Memory) => number) => median(runs.map(of));
    rows.push([
      names[kind],
      size.connections,
      middle(({ rss }) => rss),
      middle(({ heap }) => heap),
      middle(({ external }) => external),
      (1000 * middle(({ rss }) => rss)) / 1024,
    ]);
  }
  const headings = ["", "open", "RSS KiB each", "heap KiB each", "outside the heap KiB each", "RSS MiB for a thousand"];
  printTable("Idle connections: what the bridge holds for each, after a collection", headings, rows);
}

async function measure(kind: IdleKind, { connections, idleMs }: Size): Promise<Memory> {
  const bridge = await startBridge(`idle ${kind}`, {
    MAX_CONNECTIONS: String(2 * connections),
    MAX_STREAMS: String(2 * connections),
    PAPER_RATE: "0.1",
    NODE_OPTIONS: `--import=${fileURLToPath(probe)}`,
  });
  try {
    // The first ones make what all of them share, most of it in V8's own threads.
    return await held(bridge, kind, connections, async () => {
      await delay(idleMs); // a few heartbeats
      const before = await memoryOf(bridge, 1);
      return held(bridge, kind, connections, async () => {
        await delay(idleMs);
        const after = await memoryOf(bridge, 2);
        const each = (of: keyof Memory) => (after[of] - before[of]) / connections;
        return { rss: each("rss"), heap: each("heap"), external: each("external") };
      });
    });
  } finally {
    await bridge.stop();
  }
}

/** What is found out while they are open. */
async function held<T>(
  { port, httpPort }: Bridge,
  kind: IdleKind,
  connections: number,
  look: () => Promise<T>,
): Promise<T> {
  const task: IdlerTask = { port: kind === "grpc" ? port : httpPort, kind, connections };
  const client = startClient<number>("idler.ts", task);
  try {
    await client.result;
    return await look();
  } finally {
    client.end();
  }
}

async function memoryOf({ pid, said }: Bridge, time: number): Promise<Memory> {
  process.kill(pid, "SIGUSR2");
  const { context } = await said(`memory ${time}`);
  const kib = (name: string) => Number(context[name]) / 1024;
  return { rss: kib("rss"), heap: kib("heapUsed"), external: kib("external") };
}
