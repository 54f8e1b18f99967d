/** A live account behind a real bridge: the terminal's side is the agent in Python, on its stand-in of MetaTrader. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AccountService } from "../../../gen/ts/mt5bridge/v1/account_pb.ts";
import { OrderStage, OrdersService } from "../../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { type Tick, TicksService } from "../../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { OrderSide, OrderType } from "../../../gen/ts/mt5bridge/v1/types_pb.ts";
import { toolFolder } from "../../tools.ts";
import { folder, keysWith, selfSigned } from "../../transport/credentials.ts";
import { startBridge } from "../bridge.ts";
import { BridgeClient } from "../client.ts";
import { type LastingBridge, lastingBridge } from "./interruption.ts";

const python = join(toolFolder, "../python/bin/python");
const program = new URL("../../../clients/terminal/python/tests/on_stand_in.py", import.meta.url).pathname;
const here = existsSync(python) || process.env["CI"] !== undefined;
const { placeOrder, closePosition, getOrder, listDeals } = OrdersService.method;

describe.skipIf(!here)(`the agent behind a bridge${here ? "" : " [SKIPPED: no Python tools]"}`, () => {
  let bridge: LastingBridge;
  let client: BridgeClient;
  let state = "";
  let agent: ChildProcess;

  beforeEach(async () => {
    state = await mkdtemp(join(tmpdir(), "agent-"));
    bridge = await lastingBridge({
      TERMINAL: "live",
      TERMINAL_LINK_PORT: "0",
      LIVE_ACCOUNTS: "main=1000001@Broker-Demo",
    });
    client = new BridgeClient(bridge.grpcPort);
  });

  afterEach(async () => {
    await end("SIGKILL");
    client.close();
    await bridge.stop();
    await rm(state, { recursive: true });
  });

  function start(env: Readonly<Record<string, string>> = {}): void {
    agent = spawn(python, [program], {
      env: { ...process.env, BRIDGE_ADDRESS: `127.0.0.1:${bridge.grpcPort}`, TERMINAL_STATE: state, ...fast, ...env },
      stdio: "ignore",
    });
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (agent.exitCode !== null || agent.signalCode !== null) return;
    agent.kill(signal);
    await once(agent, "exit");
  }

  /** How often the stand-in's broker was sent an order. */
  const sent = () => (JSON.parse(readFileSync(join(state, "book.json"), "utf8")) as { sends: unknown[] }).sends.length;

  const buy = (clientOrderId: string) => ({
    ...{ clientOrderId, symbol: "EURUSD", side: OrderSide.BUY, type: OrderType.MARKET, volume: 0.1 },
  });

  /** Asks again until it is answered, as clients do while a link comes up. */
  async function answered<T>(ask: () => Promise<T>, good: (answer: T) => boolean = () => true): Promise<T> {
    const until = Date.now() + 20_000;
    for (;;) {
      try {
        const answer = await ask();
        if (good(answer)) return answer;
        if (Date.now() > until)
          throw new Error(`still ${JSON.stringify(answer, (_, v) => (typeof v === "bigint" ? `${v}` : v))}`);
      } catch (error) {
        if (Date.now() > until) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  const placed = (key: string) => answered(() => client.call(placeOrder, buy(key)));

  it("buys, streams ticks in UTC, and closes", async () => {
    start();
    const { order } = await placed("a");
    expect(order).toMatchObject({ stage: OrderStage.FILLED, filledVolume: 0.1, averagePrice: 1.1001 });
    const tick = await firstTick(client);
    expect(tick).toMatchObject({ symbol: "EURUSD", bid: 1.1, ask: 1.1001 });
    // The stand-in's broker is three hours ahead.
    expect(Math.abs(Number(tick.timeMs) - Date.now())).toBeLessThan(60_000);
    expect(Number(tick.brokerTimeMs - tick.timeMs)).toBe(3 * 3600 * 1000);
    const positions = await client.call(AccountService.method.listPositions, {});
    expect(positions.positions).toMatchObject([{ symbol: "EURUSD", volume: 0.1 }]);
    const ticket = positions.positions[0]?.positionTicket ?? 0n;
    const closed = await client.call(closePosition, { clientOrderId: "b", positionTicket: ticket });
    expect(closed.order?.stage).toBe(OrderStage.FILLED);
    await answered(
      () => client.call(listDeals, {}),
      ({ deals }) => deals.length === 2,
    );
    expect(sent()).toBe(2);
  }, 60_000);

  it.each([
    ["before", OrderStage.REJECTED, 0],
    ["after", OrderStage.FILLED, 1],
  ] as const)(
    "settles by the broker's records what it was doing when it was killed %s the execution",
    async (point, stage, executions) => {
      start({ STAND_IN_DIE: point });
      const gone = once(agent, "exit");
      const lost = answered(() => client.call(placeOrder, buy("a")));
      await gone;
      start();
      await lost;
      const settled = await answered(
        () => client.call(getOrder, { order: { name: { case: "clientOrderId", value: "a" } } }),
        ({ order }) => order?.stage === stage,
      );
      expect(settled.order?.stage).toBe(stage);
      expect((await placed("a")).order?.stage).toBe(stage);
      expect(sent()).toBe(executions);
    },
    60_000,
  );

  it("goes on after a restart of the bridge", async () => {
    start();
    await placed("a");
    await bridge.restart("SIGKILL");
    const { order, replayed } = await placed("a");
    expect([order?.stage, replayed]).toEqual([OrderStage.FILLED, true]);
    expect((await placed("b")).order?.stage).toBe(OrderStage.FILLED);
    expect(sent()).toBe(2);
  }, 60_000);
});

describe.skipIf(!here)("the agent and a bridge with TLS and keys", () => {
  it.each([
    ["is let in with a key for terminals", { terminal: {} }, "linked: mt5-bridge"],
    ["says why a key for traders is not enough", { read: {}, trade: {} }, "no link to 127.0.0.1"],
  ])(
    "%s",
    async (_, grants, said) => {
      const files = folder();
      const { certFile, keyFile } = selfSigned(files, "bridge");
      const [made] = keysWith(files.file("keys.json"), grants);
      const bridge = await startBridge({
        ...{ TERMINAL: "live", TERMINAL_LINK_PORT: "0", DATA_DIR: files.file("data") },
        ...{ API_KEYS_FILE: files.file("keys.json"), TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile },
      });
      const access = { BRIDGE_TOKEN: made?.key, BRIDGE_TLS: certFile, TERMINAL_STATE: files.file("state") };
      const agent = spawn(python, [program], {
        env: { ...process.env, ...fast, ...access, BRIDGE_ADDRESS: `127.0.0.1:${bridge.grpcPort}` },
        stdio: ["ignore", "ignore", "pipe"],
      });
      const lines: string[] = [];
      for await (const line of createInterface({ input: agent.stderr })) {
        lines.push(line);
        if (/ linked: | no link /.test(line)) break;
      }
      agent.kill("SIGKILL");
      await bridge.stop("SIGKILL");
      files.remove();
      expect(lines.at(-1)).toContain(said);
      if (!said.startsWith("linked")) expect(lines.at(-1)).toMatch(/terminal.*again in 6\d/);
    },
    60_000,
  );
});

const fast = {
  TERMINAL_RETRY_MS: "100",
  TERMINAL_PATIENCE_MS: "1000",
  TERMINAL_LOGIN: "1000001",
  TERMINAL_SERVER: "Broker-Demo",
};

async function firstTick(client: BridgeClient): Promise<Tick> {
  for await (const { event } of client.stream(TicksService.method.streamTicks, { symbols: ["EURUSD"] })) {
    const [tick] = event.case === "batch" || event.case === "snapshot" ? event.value.ticks : [];
    if (tick !== undefined) return tick;
  }
  throw new Error("the stream ended before a tick");
}
