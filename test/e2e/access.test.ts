/** Keys, tokens and TLS on the bridge as users run it; and that no secret ever comes out of it. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { credentials, status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AccountService } from "../../gen/ts/mt5bridge/v1/account_pb.ts";
import { HealthService } from "../../gen/ts/mt5bridge/v1/health_pb.ts";
import { OrdersService, WaitFor } from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { bearer, everything, type Folder, folder, keysWith, rsa, token } from "../transport/credentials.ts";
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

describe("a secret", () => {
  it("is in no line of the log, no answer and no file, however it was sent", async () => {
    const [made] = keysWith(files.file("keys.json"), everything);
    const key = String(made?.key);
    const secret = "planted-shared-secret-0123456789abcdef";
    const good = await token(Buffer.from(secret), { exp: 4_000_000_000 }, { alg: "HS256" });
    const planted = [key, key.slice(14), secret, good, ...good.split(".").slice(1)];
    const forged = await token(rsa().privateKey);
    const wrong = `${key.slice(0, 14)}planted-wrong-key-of-the-very-same-length-0`;
    const password = Buffer.from("planted:planted-password").toString("base64");
    planted.push(forged, ...forged.split(".").slice(1), wrong.slice(14), password, "planted-password");

    await start({
      API_KEYS_FILE: files.file("keys.json"),
      JWT_SECRET: secret,
      MT5_PASSWORD: "planted-password",
      LOG_LEVEL: "debug",
    });
    const answers: unknown[] = [];
    for (const authorization of [
      key,
      `Bearer ${key}`,
      `Bearer ${good}`,
      `Bearer ${forged}`,
      `Bearer ${wrong}`,
      `Basic ${password}`,
      good,
      `Bearer ${key} ${good}`,
    ]) {
      answers.push(await client.call(getHealth, {}, { metadata: { authorization } }));
      answers.push(await client.call(placeOrder, order(`order-${answers.length}`), { metadata: { authorization } }));
    }
    const let_in = answers.filter((answer) => (answer as { ok: boolean }).ok);
    expect(let_in).toHaveLength(4); // with the key and with the good token, of each a look and an order
    await bridge?.stop();

    const written = readdirSync(files.file("data"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name)).toString("latin1"));
    expect(written.length).toBeGreaterThan(0);
    expect(written.some((content) => content.includes("order-"))).toBe(true);
    const told = JSON.stringify(answers, (_, value) => (typeof value === "bigint" ? String(value) : value));
    const everywhere = [JSON.stringify(bridge?.log), bridge?.errors() ?? "", told, ...written].join("\n");
    expect(everywhere).toContain("key-0#");
    expect(planted.filter((part) => everywhere.includes(part))).toEqual([]);
    bridge = undefined;
  });
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
    const [certFile, keyFile] = [files.file("cert.pem"), files.file("cert.key")];
    const subject = ["-subj", "/CN=bridge", "-addext", "subjectAltName=IP:127.0.0.1"];
    const make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", ...subject];
    execFileSync("openssl", [...make, "-keyout", keyFile, "-out", certFile], { stdio: "ignore" });
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
  });
});
