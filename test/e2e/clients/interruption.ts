/** What goes away in the middle of things: the bridge itself, or only the way to it. And what must have come of it. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { expect } from "vitest";
import { OrdersService } from "../../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { dataFolder, type RunningBridge, startBridge } from "../bridge.ts";
import { BridgeClient } from "../client.ts";
import type { Plan, Traded } from "./trading.ts";

export interface LastingBridge {
  readonly grpcPort: number;
  readonly httpPort: number;
  /** Ends the bridge by the signal, and resolves when it is back on the same ports with the same data. */
  restart(signal: NodeJS.Signals): Promise<void>;
  stop(): Promise<void>;
}

export async function lastingBridge(env: Readonly<Record<string, string>> = {}): Promise<LastingBridge> {
  const folder = await dataFolder();
  const settings = { DATA_DIR: folder.path, PAPER_RATE: "200", ...env };
  let running: RunningBridge = await startBridge(settings);
  const { grpcPort, httpPort } = running;
  const ports = { GRPC_PORT: String(grpcPort), MT5_BRIDGE_PORT: String(httpPort) };
  return {
    grpcPort,
    httpPort,
    async restart(signal) {
      await running.stop(signal);
      running = await startBridge({ ...settings, ...ports });
    },
    async stop() {
      await running.stop("SIGKILL");
      await folder.remove();
    },
  };
}

export interface Relay {
  readonly port: number;
  /** Breaks every connection; new ones are made as before. */
  cut(): void;
  close(): void;
}

/** A way to the port that can be cut, as networks are. */
export async function relayTo(port: number): Promise<Relay> {
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from);
      from.on("error", () => undefined);
      from.on("close", () => {
        open.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    close() {
      server.close();
      cut();
    },
  };
}

/**
 * No change of an order missed, none seen twice, each order executed once and known by its answer; of the ticks none
 * missed and none twice, but where the bridge declared a reset.
 */
export async function expectNothingMissed(
  traded: Traded,
  { orders, strategyId }: Pick<Plan, "orders" | "strategyId">,
  { grpcPort, resets }: { readonly grpcPort: number; readonly resets: number },
): Promise<void> {
  expect([traded.orderResets, traded.unanswered]).toEqual([0, 0]);
  const answers = Object.entries(traded.answers);
  expect(answers).toHaveLength(orders);
  for (const [id, answer] of answers) {
    const changes = traded.changes.filter((change) => change.id === id);
    expect(changes.map(({ version }) => version)).toEqual(changes.map((_, index) => index + 1));
    expect(changes.at(-1)?.stage, id).toBe(answer);
  }
  const filled = answers.filter(([, answer]) => answer === "FILLED");
  expect(filled.length).toBeGreaterThan(orders / 2);
  const client = new BridgeClient(grpcPort);
  const { deals } = await client.call(OrdersService.method.listDeals, { strategyId, pageSize: 1000 });
  client.close();
  expect(deals.filter(({ entry }) => entry === "in")).toHaveLength(filled.length);

  expect(traded.ticks).toHaveLength(1 + resets);
  for (const numbers of traded.ticks) {
    expect(numbers.length).toBeGreaterThan(0);
    expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
  }
}
