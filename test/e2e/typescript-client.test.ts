/** The TypeScript client as its users have it: built, installed, and with the bridge going away in the middle. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { bridge as connect, fileKeys, type Order, OrderSide, OrderStage } from "../../clients/typescript/src/node.ts";
import { OrderType } from "../../gen/ts/mt5bridge/v1/types_pb.ts";
import { dataFolder, type RunningBridge, startBridge } from "./bridge.ts";

const root = new URL("../../", import.meta.url).pathname;
const packageFolder = join(root, "clients/typescript");
const project = mkdtempSync(join(tmpdir(), "strategy-"));

let data: Awaited<ReturnType<typeof dataFolder>>;
let port: string;
let running: RunningBridge;
const start = async () => {
  running = await startBridge({ DATA_DIR: data.path, GRPC_PORT: port, PAPER_RATE: "400" });
};

/** A port that the bridge can have again after its restart. */
async function freePort(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return String(typeof address === "object" && address !== null ? address.port : 0);
}

/** The order's changes as they were seen, and whether each was seen once and in its turn. */
const versionsOf = (seen: readonly Order[], id: string) =>
  seen.filter(({ clientOrderId }) => clientOrderId === id).map(({ version }) => version);

/** Right after a restart there may be no price yet, which the broker answers with a rejection. */
const isFinal = (order: Order | undefined) =>
  order?.stage === OrderStage.FILLED || order?.stage === OrderStage.REJECTED;

beforeAll(() => {
  execFileSync(join(root, "node_modules/.bin/tsc"), ["-p", packageFolder], { stdio: "inherit" });
  mkdirSync(join(project, "node_modules"));
  symlinkSync(packageFolder, join(project, "node_modules/mt5-bridge-client"));
});
beforeEach(async () => {
  data = await dataFolder();
  port = await freePort();
  await start();
});
afterEach(async () => {
  await running.stop("SIGKILL");
  await data.remove();
});
afterAll(() => rmSync(project, { recursive: true, force: true }));

describe("the TypeScript client", () => {
  // Starting the bridge anew takes seconds on a busy machine.
  it("sees every change of every order once, and places each once, while the bridge is killed and comes back", async () => {
    const mt5 = connect({
      baseUrl: `http://127.0.0.1:${port}`,
      protocol: "grpc",
      keys: fileKeys(join(data.path, "k")),
    });
    const stop = new AbortController();
    const seen: Order[] = [];
    const wanted = Array.from({ length: 60 }, (_, index) => `order-${index}`);
    const { promise: listening, resolve: nowListening } = Promise.withResolvers<void>();
    const events = (async () => {
      const done = new Set<string>();
      const onState = ({ kind }: { kind: string }) => kind === "connected" && nowListening();
      for await (const { order } of mt5.orderEvents({ signal: stop.signal, onState })) {
        seen.push(order);
        if (isFinal(order)) done.add(order.clientOrderId);
        if (done.size === 20) running.stop("SIGKILL").then(start).catch(nowListening);
        if (done.size === wanted.length) stop.abort();
      }
    })();
    await listening;
    const buy = { symbol: "EURUSD", side: OrderSide.BUY, type: OrderType.MARKET, volume: 0.01 };
    for (const clientOrderId of wanted) {
      const { order } = await mt5.orders.place({ ...buy, clientOrderId });
      expect(order).toSatisfy(isFinal);
    }
    await events;
    for (const id of wanted) expect(versionsOf(seen, id)).toEqual(versionsOf(seen, id).map((_, index) => index + 1));
    const { deals } = await mt5.rpc.orders.listDeals({ pageSize: 1000 });
    const filled = seen.filter(({ stage }) => stage === OrderStage.FILLED);
    expect(deals.filter(({ entry }) => entry === "in")).toHaveLength(filled.length);
    expect(filled.length).toBeGreaterThan(40);
    expect(await mt5.orders.kept()).toEqual([]);
    mt5.close();
  }, 60_000);

  it("runs the README's strategy through a restart of the bridge", async () => {
    const [, example = ""] =
      /```js\n(import[\s\S]*?)```/.exec(readFileSync(join(packageFolder, "README.md"), "utf8")) ?? [];
    writeFileSync(join(project, "strategy.mjs"), example);
    const strategy = spawn(process.execPath, ["strategy.mjs"], {
      cwd: project,
      env: { ...process.env, BRIDGE_URL: `http://127.0.0.1:${port}` },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let errors = "";
    strategy.stderr.on("data", (chunk: Buffer) => {
      errors += chunk.toString();
    });
    const lines: string[] = [];
    const output = createInterface({ input: strategy.stdout });
    let filledSince = -1; // the restart
    for await (const line of output) {
      lines.push(line);
      if (!line.includes("FILLED")) continue;
      if (filledSince === -1) await running.stop("SIGTERM").then(start);
      if (++filledSince === 6) break;
    }
    expect(errors).toBe("");
    expect(filledSince).toBe(6);
    const stages = new Map<string, number[]>();
    for (const line of lines) {
      const [, id = "", version] = line.split(" ");
      stages.set(id, [...(stages.get(id) ?? []), Number(version)]);
    }
    for (const versions of stages.values()) expect(versions).toEqual(versions.map((_, index) => index + 1));
    strategy.kill("SIGINT");
    expect(await exitOf(strategy)).toBe(0);
  }, 60_000);

  it("tells a bad request by its field, and that nothing was sent", async () => {
    const mt5 = connect({ baseUrl: `http://127.0.0.1:${port}`, protocol: "grpc" });
    const order = { symbol: "EURUSD", side: OrderSide.BUY, type: OrderType.MARKET, volume: -1 };
    await expect(mt5.orders.place(order)).rejects.toMatchObject({
      reason: "INVALID_ARGUMENT",
      orderMayExist: false,
      violations: [{ field: "volume" }],
    });
    expect(await mt5.orders.kept()).toEqual([]);
    mt5.close();
  });

  it("compiles in a strategy written in TypeScript", () => {
    const strategy = `import { bridge, type BridgeError, memoryKeys, type Tick } from "mt5-bridge-client";
      const mt5 = bridge({ baseUrl: "http://127.0.0.1:8001", token: "t", keys: memoryKeys() });
      for await (const tick of mt5.ticks(["EURUSD"])) { const same: Tick = tick; const bid: number = same.bid; void bid; }
      const why = (error: BridgeError): boolean => error.orderMayExist; void why;
      // @ts-expect-error: a volume is a number
      void mt5.orders.place({ symbol: "EURUSD", volume: "1" });`;
    writeFileSync(join(project, "strategy.mts"), strategy);
    const options = "--noEmit --strict --skipLibCheck false --target es2022 --module nodenext --lib es2023,dom --types";
    const args = [...options.split(" "), "node", "--typeRoots", join(root, "node_modules/@types"), "strategy.mts"];
    const { output } = compiled(args);
    expect(output).toBe("");
  });
});

function compiled(args: readonly string[]): { output: string } {
  try {
    return { output: execFileSync(join(root, "node_modules/.bin/tsc"), args, { cwd: project, encoding: "utf8" }) };
  } catch (error) {
    return { output: String((error as { stdout?: string }).stdout) };
  }
}

async function exitOf(child: ChildProcess): Promise<number | string> {
  if (child.exitCode !== null) return child.exitCode;
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  return code ?? signal ?? "unknown";
}
