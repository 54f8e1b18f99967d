/** The tools that people reach for first: grpcurl and buf curl. */
import { execFile, spawn } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tool } from "../tools.ts";
import { type RunningBridge, startBridge } from "./bridge.ts";

const run = promisify(execFile);
let bridge: RunningBridge;
let address = "";

beforeAll(async () => {
  bridge = await startBridge();
  address = `127.0.0.1:${bridge.grpcPort}`;
});

afterAll(async () => {
  await bridge.stop();
});

const grpcurl = tool("grpcurl");
const inContinuousIntegration = process.env["CI"] !== undefined;

describe.skipIf(grpcurl === undefined && !inContinuousIntegration)(
  `grpcurl${grpcurl === undefined ? " [SKIPPED: grpcurl is not on this machine]" : ""}`,
  () => {
    const call = async (...args: string[]) => (await run(grpcurl ?? "grpcurl", ["-plaintext", ...args])).stdout;

    it("lists the services by reflection", async () => {
      const services = (await call(address, "list")).trim().split("\n");
      expect(services).toEqual([
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "mt5bridge.v1.AccountService",
        "mt5bridge.v1.AdminService",
        "mt5bridge.v1.HealthService",
        "mt5bridge.v1.OrdersService",
        "mt5bridge.v1.TicksService",
      ]);
    });

    it("describes an RPC and calls it", async () => {
      expect(await call(address, "describe", "mt5bridge.v1.OrdersService.PlaceOrder")).toContain("PlaceOrderRequest");
      const answer = JSON.parse(await call("-d", "{}", address, "mt5bridge.v1.AccountService/GetAccount"));
      expect(answer.account).toMatchObject({ account: "paper", balance: 10000 });
    });
  },
);

describe("buf curl", () => {
  const buf = new URL("../../node_modules/.bin/buf", import.meta.url).pathname;
  const call = async (method: string, data: string) => {
    const url = `http://${address}/mt5bridge.v1.${method}`;
    return (await run(buf, ["curl", "--protocol", "grpc", "--http2-prior-knowledge", "-d", data, url])).stdout;
  };

  it("reads the schema from the bridge itself and streams until the bridge goes", async () => {
    const own = await startBridge();
    const url = `http://127.0.0.1:${own.grpcPort}/mt5bridge.v1.TicksService/StreamTicks`;
    const args = ["curl", "--protocol", "grpc", "--http2-prior-knowledge", "-d", '{"symbols":["EURUSD"]}', url];
    const child = spawn(buf, args, { stdio: ["ignore", "pipe", "inherit"] });
    let said = "";
    for await (const chunk of child.stdout) {
      said += String(chunk);
      if (said.includes('"batch"')) await own.stop();
    }
    expect(said).toContain('"opened"');
    expect(said).toContain("CLOSING_REASON_SHUTDOWN");
  });

  it("places an order and is told what is wrong with another", async () => {
    const order = {
      clientOrderId: "buf-1",
      symbol: "EURUSD",
      side: "ORDER_SIDE_BUY",
      type: "ORDER_TYPE_MARKET",
      volume: 0.1,
    };
    const answer = JSON.parse(await call("OrdersService/PlaceOrder", JSON.stringify(order)));
    expect(answer.order).toMatchObject({ account: "paper", clientOrderId: "buf-1" });
    const wrong = { ...order, clientOrderId: "buf-2", volume: 0.123 };
    await expect(call("OrdersService/PlaceOrder", JSON.stringify(wrong))).rejects.toThrow("volume");
  });
});
