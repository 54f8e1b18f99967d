/** Where the time of an order went inside a live terminal, as a collector of OpenTelemetry sees it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OrdersService, WaitFor } from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { OrderSide, OrderType } from "../../gen/ts/mt5bridge/v1/types_pb.ts";
import { eaCanBeBuilt, eaHarness } from "../mql5/ea.ts";
import { type Collector, expectParts, named, outline, startCollector, type Tree, treesOf } from "../otlp.ts";
import { type Folder, folder } from "../transport/credentials.ts";
import { type RunningBridge, startBridge } from "./bridge.ts";
import { BridgeClient } from "./client.ts";

const { placeOrder } = OrdersService.method;
const fake = new URL("../../clients/terminal/fake/main.ts", import.meta.url).pathname;

let files: Folder;
let collector: Collector;
let bridge: RunningBridge;
let terminal: ChildProcess;

beforeEach(async () => {
  files = folder();
  collector = await startCollector();
  bridge = await startBridge({
    ...{ TERMINAL: "live", DATA_DIR: files.file("data"), LIVE_ACCOUNTS: "main=1000001@Broker-Demo" },
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
  });
});

afterEach(async () => {
  terminal.kill("SIGKILL");
  if (terminal.exitCode === null && terminal.signalCode === null) await once(terminal, "exit");
  await bridge.stop("SIGKILL");
  await collector.close();
  files.remove();
});

const sides = {
  "the fake terminal": (address: string) =>
    spawn(process.execPath, [fake, `--address=${address}`, "--market=still", "--symbols=EURUSD"], { stdio: "ignore" }),
  "the Expert Advisor": (address: string) =>
    spawn(eaHarness(true), {
      env: { ...process.env, BRIDGE_ADDRESS: address, TERMINAL_STATE: files.path },
      stdio: ["pipe", "ignore", "ignore"],
    }),
};

/** The first order that does not come too early. */
async function traded(): Promise<readonly Tree[]> {
  const client = new BridgeClient(bridge.grpcPort);
  const market = { symbol: "EURUSD", side: OrderSide.BUY, type: OrderType.MARKET, volume: 0.1, waitFor: WaitFor.FINAL };
  for (let n = 1; ; n++) {
    const { order } = await client
      .call(placeOrder, { ...market, account: "main", clientOrderId: `order-${n}` })
      .catch(() => ({ order: undefined }));
    if (order?.filledVolume !== 0.1) continue;
    client.close();
    expect(await bridge.stop()).toBe(0);
    return treesOf(collector.spans, order.traceId);
  }
}

describe("the trace of an order through", () => {
  it.skipIf(!eaCanBeBuilt).each(Object.keys(sides) as (keyof typeof sides)[])(
    "%s has the terminal's own steps in it, which add up to what was waited",
    async (side) => {
      terminal = sides[side](`127.0.0.1:${bridge.linkPort}`);
      const trees = await traded();
      const [asked] = named(trees, "order.terminal");
      const steps = ["there", "prepare", "send", "broker", "report", "back"].map((step) => `terminal.${step}`);
      expect(asked?.parts.map(outline).slice(0, steps.length)).toEqual(steps);
      expectParts(asked as Tree);
    },
    300_000,
  );
});
