/**
 * Secrets are planted in every place where a client or an operator may put one, in good form and in bad, and then
 * looked for in everything that comes out of the bridge: its log at its most talkative, its answers, what it tells the
 * collector of traces and Prometheus, and every file that it writes.
 */
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { type AddressInfo, createConnection } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GetHealthRequestSchema, HealthService } from "../../gen/ts/mt5bridge/v1/health_pb.ts";
import { OrdersService, PlaceOrderRequestSchema } from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { everything, type Folder, folder, keysWith, rsa, token } from "../transport/credentials.ts";
import { framed } from "../transport/raw-peer.ts";
import { pathOf, TestClient } from "../transport/served.ts";
import { upgradeText } from "../transport/websocket/speaking.ts";
import { type RunningBridge, startBridge } from "./bridge.ts";

const { getHealth } = HealthService.method;
const { placeOrder } = OrdersService.method;

let files: Folder;
let bridge: RunningBridge;
let client: TestClient;
let collector: Server;
/** What may be nowhere, by what it is. */
const planted = new Map<string, string>();
/** What came back, byte for byte. */
const answers: string[] = [];
/** The `authorization` headers that are sent: two let their caller in, the others do not. */
let headers: string[];
let orders = 0;

/** Bytes on a connection of their own, and what came back until the bridge hung up or had said what is waited for. */
async function said(port: number, bytes: Buffer | string, last?: RegExp): Promise<void> {
  const socket = createConnection(port, "127.0.0.1");
  let heard = "";
  socket.on("data", (chunk) => {
    heard += chunk.toString("latin1");
    if (last?.test(heard)) socket.destroy();
  });
  socket.on("error", () => undefined);
  socket.write(bytes);
  await once(socket, "close");
  answers.push(heard);
}

const httpText = (path: string, head: Readonly<Record<string, string>>, body: Buffer | string = "", verb = "POST") => {
  const all = { host: "127.0.0.1", connection: "close", "content-length": String(Buffer.byteLength(body)), ...head };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`${verb} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`), Buffer.from(body)]);
};

const orderText = () => `{"client_order_id":"order-${++orders}","symbol":"EURUSD","order_type":"BUY","volume":0.1}`;
const orderMessage = () =>
  create(PlaceOrderRequestSchema, {
    ...{ clientOrderId: `order-${++orders}`, symbol: "EURUSD", side: 1, type: 1, volume: 0.1 },
  });

/** A frame of a WebSocket client's: masked with nothing, so that the bytes stay readable. */
function frameOf(text: string | Buffer, opcode = 1): Buffer {
  const content = Buffer.from(text);
  const head = Buffer.from([0x80 | opcode, 0x80 | 126, 0, 0, 0, 0, 0, 0]);
  head.writeUInt16BE(content.length, 2);
  return Buffer.concat([head, content]);
}

beforeAll(async () => {
  files = folder();
  const [made] = keysWith(files.file("keys.json"), everything);
  const key = String(made?.key);
  const secret = "planted-shared-secret-0123456789abcdef";
  const good = await token(Buffer.from(secret), { exp: 4_000_000_000 }, { alg: "HS256" });
  const forged = await token(rsa().privateKey);
  const wrong = `${key.slice(0, 14)}planted-wrong-key-of-the-very-same-length-0`;
  const basic = Buffer.from("planted:planted-basic-password").toString("base64");
  for (const [what, value] of Object.entries({ key: key.slice(14), secret, wrong: wrong.slice(14), basic })) {
    planted.set(what, value);
  }
  for (const [name, jwt] of Object.entries({ good, forged })) {
    for (const [at, part] of jwt.split(".").slice(1).entries()) planted.set(`${name}, part ${at + 1}`, part);
  }
  for (const word of ["mt5-password", "basic-password", "otlp-key", "in-a-url", "in-an-origin", "loose-token"]) {
    planted.set(word, `planted-${word}`);
  }
  headers = [
    `Bearer ${key}`,
    `Bearer ${good}`,
    `Bearer ${forged}`,
    `Bearer ${wrong}`,
    `Basic ${basic}`,
    key,
    good,
    `Bearer ${key} ${good}`,
    `Bearer\t${key}`,
    `Bearer "${key}"`,
    `Token ${key}`,
    `Bearer ${key}\u00e9`,
  ];

  const bodies: Buffer[] = [];
  collector = createServer(async (request, response) => {
    bodies.push(await buffer(request));
    response.end();
  });
  collector.listen(0, "127.0.0.1");
  await once(collector, "listening");
  bridge = await startBridge({
    DATA_DIR: files.file("data"),
    API_KEYS_FILE: files.file("keys.json"),
    JWT_SECRET: secret,
    MT5_PASSWORD: "planted-mt5-password",
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer planted-otlp-key",
    OTEL_BSP_SCHEDULE_DELAY: "50",
    LOG_LEVEL: "debug",
  });
  client = new TestClient(bridge.grpcPort);

  // Each bad one once, while the log still tells of them one by one; then all that can be done with them.
  for (const authorization of headers) {
    await said(bridge.httpPort, httpText("/account", { authorization }, "", "GET"));
  }
  for (const authorization of headers) {
    await overGrpc(authorization);
    await overHttp(authorization);
    await overWebsocket(authorization);
  }
  await bridge.stop();
  traces = Buffer.concat(bodies).toString("latin1");
}, 240_000);

let traces = "";

afterAll(() => {
  client?.close();
  collector?.close();
  files?.remove();
});

const asJson = (value: unknown) => JSON.stringify(value, (_, one) => (typeof one === "bigint" ? String(one) : one));

async function overGrpc(authorization: string): Promise<void> {
  for (const metadata of [{ authorization }, { authorization, "x-api-key": "planted-loose-token" }]) {
    try {
      answers.push(asJson(await client.call(getHealth, {}, { metadata })));
      answers.push(asJson(await client.call(placeOrder, orderMessage(), { metadata })));
      answers.push(asJson(await client.call(placeOrder, Buffer.from("no order"), { metadata })));
    } catch {
      // the library does not send what is no header
    }
  }
}

async function overHttp(authorization: string): Promise<void> {
  const { httpPort, metricsPort } = bridge;
  const health = Buffer.from(toBinary(GetHealthRequestSchema, create(GetHealthRequestSchema)));
  const order = () => Buffer.from(toBinary(PlaceOrderRequestSchema, orderMessage()));
  const json = "application/json";
  for (const [path, type, body] of [
    [pathOf(getHealth), json, "{}"],
    [pathOf(getHealth), json, `{"authorization": "${authorization}`],
    [pathOf(getHealth), json, `${authorization}`],
    [pathOf(placeOrder), "application/proto", order()],
    [pathOf(getHealth), "application/grpc-web", framed(health)],
    [pathOf(placeOrder), "application/grpc-web+proto", framed(order())],
    [pathOf(placeOrder), "application/grpc-web-text", framed(order()).toString("base64")],
    [pathOf(placeOrder), "application/grpc", framed(order())],
    [pathOf(placeOrder), "application/connect+json", framed(Buffer.from(authorization))],
    [`${pathOf(getHealth)}?access_token=planted-in-a-url`, json, "{}"],
    [`/nothing/planted-in-a-url?key=${encodeURIComponent(authorization)}`, json, "{}"],
    ["/order", json, orderText()],
    ["/order", json, `{"symbol": ${authorization}}`],
    ["/order?token=planted-in-a-url", "text/plain", authorization],
  ] as const) {
    await said(httpPort, httpText(path, { authorization, "content-type": type }, body));
  }
  for (const path of ["/account", "/health?access_token=planted-in-a-url", "/docs?key=planted-in-a-url", "/metrics"]) {
    await said(httpPort, httpText(path, { authorization }, "", "GET"));
    await said(metricsPort, httpText(path, { authorization }, "", "GET"));
  }
  const origin = "https://somebody:planted-in-an-origin@page.example";
  await said(httpPort, httpText("/account", { authorization, origin, cookie: "planted-loose-token" }, "", "GET"));
  await said(httpPort, `GET /account HTTP/1.1\r\nauthorization ${authorization}\r\n\r\n`);
  await said(httpPort, httpText("/account", { authorization, pad: "x".repeat(20_000) }, "", "GET"));
  await said(bridge.grpcPort, httpText("/account", { authorization }, "", "GET"), /./s);
}

async function overWebsocket(authorization: string): Promise<void> {
  const bare = authorization.replace(/^\w+ /, "");
  const call = `{"type":"call","id":"1","method":"HealthService/GetHealth","data":{}}`;
  const place = `{"type":"call","id":"2","method":"OrdersService/PlaceOrder","data":${orderText()}}`;
  const signal = `{"type":"trading_signal","data":{"signal_id":"order-${++orders}","symbol":"EURUSD","action":"BUY","volume":0.1}}`;
  const frames = (...texts: string[]) => Buffer.concat(texts.map((text) => frameOf(text)));
  /** The answer to the last frame, or why there is none. */
  const over = (texts: readonly string[]) =>
    new RegExp(`"signal_result"|"error"|HTTP/1.1 4|"id":"${texts.at(-1) === place ? 2 : 1}"`);
  const talk = (head: Record<string, string>, ...texts: string[]) =>
    said(bridge.httpPort, Buffer.concat([Buffer.from(upgradeText(head)), frames(...texts)]), over(texts));
  const profile = (more = "") => ({ "sec-websocket-protocol": `mt5bridge.v1.json${more}` });

  await talk({ ...profile(), authorization }, call, place);
  await talk({ ...profile(`, bearer.${bare}`) }, call, place);
  await talk({ "sec-websocket-protocol": `bearer.${bare}` }, call);
  await talk({ authorization }, signal);
  await talk({ ...profile(), origin: "https://somebody:planted-in-an-origin@page.example", authorization });
  for (const first of [
    JSON.stringify({ type: "auth", data: { token: bare } }),
    JSON.stringify({ type: "auth", token: bare }),
    JSON.stringify({ type: "auth", data: { token: [bare] } }),
    JSON.stringify({ type: "auth", data: bare }),
    JSON.stringify({ type: "auth", data: { token: bare } }).slice(0, -3),
    authorization,
  ]) {
    await talk(profile(), first, call);
    await talk({}, first, signal);
    const binary = frameOf(first, 2);
    await said(bridge.httpPort, Buffer.concat([Buffer.from(upgradeText(profile())), binary]), over([]));
  }
}

const found = (where: string) => [...planted].filter(([, value]) => where.includes(value)).map(([what]) => what);
const written = () =>
  readdirSync(files.file("data"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => [entry.name, readFileSync(join(entry.parentPath, entry.name)).toString("latin1")] as const);

describe("a secret", () => {
  it("is in no line of the log, however talkative", () => {
    const log = `${JSON.stringify(bridge.log)}\n${bridge.errors()}`;
    expect(bridge.log.some(({ level }) => level === "debug")).toBe(true);
    expect(log).toContain("key-0#");
    const told = bridge.log.filter(({ context, message }) => context["kind"] === "credential" && message === "refused");
    expect(told.length).toBeGreaterThanOrEqual(10);
    expect(found(log)).toEqual([]);
  });

  it("is in no answer, not even in one that says what is wrong with it", () => {
    const all = answers.join("\n");
    expect(answers.length).toBeGreaterThan(headers.length * 40);
    for (const word of ["UNAUTHENTICATED", "unauthenticated", "filled", "FILLED", "101 Switching", "403 Forbidden"]) {
      expect(all, word).toContain(word);
    }
    expect(found(all)).toEqual([]);
  });

  it("is in no trace", () => {
    expect(traces).toContain("OrdersService/PlaceOrder");
    expect(found(traces)).toEqual([]);
  });

  it("is in no file that the bridge keeps", () => {
    const all = written();
    expect(all.map(([name]) => name)).toEqual(expect.arrayContaining(["journal.db", "history.db"]));
    expect(all.some(([, content]) => content.includes("order-1"))).toBe(true);
    for (const [name, content] of all) expect(found(content), name).toEqual([]);
  });
});
