/** Keys and TLS on the bridge as users run it. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { get } from "node:https";
import { credentials, status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AccountService } from "../../gen/ts/mt5bridge/v1/account_pb.ts";
import { HealthService } from "../../gen/ts/mt5bridge/v1/health_pb.ts";
import { OrdersService, WaitFor } from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { bearer, everything, type Folder, folder, keysWith, selfSigned } from "../transport/credentials.ts";
import { TestClient } from "../transport/served.ts";
import { type RunningBridge, startBridge } from "./bridge.ts";

const { placeOrder, getOrder, cancelOrder, closePosition } = OrdersService.method;
const { listAccounts, listPositions } = AccountService.method;
const { getHealth } = HealthService.method;

let files: Folder;
let bridge: RunningBridge | undefined;
let client: TestClient;

beforeEach(() => {
  files = folder();
  bridge = undefined;
});

afterEach(async () => {
  client?.close();
  await bridge?.stop();
  files.remove();
});

async function start(env: Readonly<Record<string, string>>): Promise<void> {
  bridge = await startBridge({ DATA_DIR: files.file("data"), ...env });
  client = new TestClient(bridge.grpcPort);
}

const order = (clientOrderId: string) => ({
  clientOrderId,
  symbol: "EURUSD",
  side: 1,
  type: 1,
  volume: 0.1,
  waitFor: WaitFor.FINAL,
});

describe("a key for one symbol", () => {
  it("cannot see, cancel or close what is of another", async () => {
    const [all, euro, gold] = keysWith(
      files.file("keys.json"),
      everything,
      { read: { symbols: ["EURUSD"] }, trade: { symbols: ["EURUSD"], maxVolume: 0.1 } },
      { read: { symbols: ["XAUUSD"], accounts: ["elsewhere"] }, trade: { symbols: ["XAUUSD"] } },
    ).map(({ key }) => bearer(key));
    await start({ API_KEYS_FILE: files.file("keys.json") });
    const codeOf = async (...call: Parameters<TestClient["call"]>) => {
      const result = await client.call(...call);
      return result.ok ? status.OK : result.failed.code;
    };

    expect(await codeOf(placeOrder, order("first"), gold)).toBe(status.PERMISSION_DENIED);
    expect(await codeOf(placeOrder, { ...order("first"), volume: 0.2 }, euro)).toBe(status.PERMISSION_DENIED);
    expect(await codeOf(placeOrder, order("first"), euro)).toBe(status.OK);
    const resting = { ...order("resting"), type: 2, price: 0.5, waitFor: WaitFor.ANSWERED };
    expect(await codeOf(placeOrder, resting, euro)).toBe(status.OK);
    const named = (value: string) => ({ order: { name: { case: "clientOrderId", value } } });

    expect(await codeOf(getOrder, { ...named("first") }, euro)).toBe(status.OK);
    expect(await codeOf(cancelOrder, { clientOrderId: "c1", ...named("resting") }, gold)).toBe(
      status.PERMISSION_DENIED,
    );
    expect(await codeOf(cancelOrder, { clientOrderId: "c1", ...named("nothing") }, gold)).toBe(status.NOT_FOUND);
    expect(await codeOf(cancelOrder, { clientOrderId: "c1", ...named("resting") }, euro)).toBe(status.OK);

    const positions = await client.call(listPositions, {}, all);
    if (!positions.ok) throw new Error(positions.failed.message);
    const [{ ticket = 0n } = {}] = (
      positions.answer as { positions: { ticket?: bigint; positionTicket?: bigint }[] }
    ).positions.map(({ positionTicket }) => ({ ticket: positionTicket }));
    const close = { clientOrderId: "close", positionTicket: ticket };
    expect(await codeOf(closePosition, close, gold)).toBe(status.PERMISSION_DENIED);
    expect(await codeOf(closePosition, close, euro)).toBe(status.OK);

    const accounts = await Promise.all([all, gold].map((caller) => client.call(listAccounts, {}, caller)));
    const counts = accounts.map((result) =>
      result.ok ? (result.answer as { accounts: unknown[] }).accounts.length : -1,
    );
    expect(counts).toEqual([1, 0]);
  });
});

describe("an address that others can reach", () => {
  it("is refused without keys and TLS, and says so in sentences", async () => {
    await expect(start({ BIND_ADDRESS: "0.0.0.0" })).rejects.toThrow(/needs keys or tokens.*\n.*needs TLS/);
  });

  it("is served with both", async () => {
    const [made] = keysWith(files.file("keys.json"), everything);
    const { certFile, keyFile } = selfSigned(files, "bridge");
    await start({
      BIND_ADDRESS: "0.0.0.0",
      API_KEYS_FILE: files.file("keys.json"),
      TLS_CERT_FILE: certFile,
      TLS_KEY_FILE: keyFile,
    });
    expect(await client.call(getHealth, {})).toMatchObject({ ok: false, failed: { code: status.UNAVAILABLE } });
    client.close();
    client = new TestClient(bridge?.grpcPort ?? 0, {}, credentials.createSsl(readFileSync(certFile)));
    expect(await client.call(getHealth, {})).toMatchObject({ ok: false, failed: { code: status.UNAUTHENTICATED } });
    expect((await client.call(getHealth, {}, bearer(String(made?.key)))).ok).toBe(true);
    const scraped = get({ host: "127.0.0.1", port: bridge?.metricsPort, path: "/metrics", ca: readFileSync(certFile) });
    const [answer] = (await once(scraped, "response")) as [IncomingMessage];
    expect(answer.resume().statusCode).toBe(200);
    const warned = bridge?.log.find(({ message }) => message.includes("metrics are told without a key"));
    expect(warned).toMatchObject({ level: "warn", context: { port: `0.0.0.0:${bridge?.metricsPort}` } });
  });
});
