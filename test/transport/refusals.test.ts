/** What the log is told of those who were turned away: all kinds of them, enough of it, and never too much. */
import { once } from "node:events";
import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { GetHealthResponseSchema, HealthService } from "../../gen/ts/mt5bridge/v1/health_pb.ts";
import { type Authenticate, developer, unauthenticated } from "../../src/transport/authenticate.ts";
import type { Rates } from "../../src/transport/rates.ts";
import { ratesOf } from "../../src/transport/rates.ts";
import type { RefusalKind } from "../../src/transport/refusals.ts";
import { quiet, ScriptedClock } from "../terminals/paper/scripted.ts";
import { callOptions, type Line, type Lines } from "./call-options.ts";
import { now } from "./credentials.ts";
import { servedHttp } from "./http/served-http.ts";
import { RawPeer, shout } from "./raw-peer.ts";
import { type Served, served, someOf, TestClient } from "./served.ts";
import { type Speaking, speaking, upgradeText, WebsocketClient } from "./websocket/speaking.ts";

const { getHealth } = HealthService.method;
const healthy = () => [someOf(HealthService, { getHealth: async () => create(GetHealthResponseSchema) })];

describe("a flood of refusals", () => {
  let clock: ScriptedClock;
  let told: ReturnType<typeof callOptions>;

  beforeEach(() => {
    clock = new ScriptedClock(now);
    told = callOptions({ clock });
  });

  const flood = (count: number, kind: RefusalKind = "origin") => {
    for (let n = 0; n < count; n++) told.calls.refusals.note(kind, "http", "refused", { peer: "127.0.0.1" });
  };

  it("is ten lines a minute and one with the rest, of each kind", async () => {
    flood(1_000);
    flood(3, "size");
    expect(told.lines).toHaveLength(13);
    clock.advance(60_000);
    await quiet();
    expect(told.lines.slice(13)).toMatchObject([{ severity: "warn", context: { kind: "origin", more: 990 } }]);
  });

  it("begins anew with the next minute", async () => {
    flood(11);
    clock.advance(60_000);
    await quiet();
    flood(11);
    expect(told.lines).toHaveLength(10 + 1 + 10);
  });

  it("is summed up when the bridge goes, and stays within its limit then", async () => {
    flood(12);
    told.calls.drain.begin();
    await quiet();
    expect(told.lines.at(-1)?.context).toEqual({ kind: "origin", more: 2 });
    flood(50);
    expect(told.lines).toHaveLength(10 + 1 + 10);
  });
});

describe("the log", () => {
  const secret = "planted-secret-0123456789";
  const authenticate: Authenticate = (credentials) => {
    if (credentials.header("authorization") === "Bearer good-0123456789") return { ...developer, name: "somebody" };
    throw unauthenticated("That is no API key of this bridge.");
  };
  const getHealthPath = "/mt5bridge.v1.HealthService/GetHealth";
  const json = { headers: { "content-type": "application/json" } };
  const rates = (): Rates => ratesOf({ requests: 1, messages: 1 }, developer);

  const stops: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });

  async function overGrpc(setup: Parameters<typeof served>[1] = {}): Promise<{ server: Served; client: TestClient }> {
    const server = await served(healthy(), { calls: { authenticate }, ...setup });
    const client = new TestClient(server.port);
    stops.push(async () => {
      client.close();
      await server.stop(0);
    });
    return { server, client };
  }
  async function overHttp(more: Parameters<typeof servedHttp>[1] = {}) {
    const server = await servedHttp(healthy(), { calls: { authenticate }, limits: { silenceMs: 500 }, ...more });
    stops.push(() => server.stop(0));
    return server;
  }
  async function overWebsocket(more: Parameters<typeof speaking>[1] = {}): Promise<Speaking> {
    const server = await speaking(healthy(), { calls: { authenticate }, ...more });
    stops.push(() => server.stop());
    return server;
  }

  /** The line about it, which shows no secret. */
  async function told({ line }: Lines, kind: RefusalKind): Promise<Line> {
    const found = await line(({ context }) => context["kind"] === kind);
    expect(JSON.stringify(found)).not.toContain("planted");
    expect(String(found.context["peer"])).toContain("127.0.0.1");
    return found;
  }

  it("tells of a credential that is not good, at whichever door", async () => {
    const { server, client } = await overGrpc();
    await client.call(getHealth, {}, { metadata: { authorization: `Bearer ${secret}` } });
    expect(await told(server, "credential")).toMatchObject({
      severity: "warn",
      context: { status: "UNAUTHENTICATED" },
    });
    const http = await overHttp();
    await fetch(`${http.url}/health`, { headers: { authorization: `Bearer ${secret}` } });
    await told(http, "credential");
    const websocket = await overWebsocket();
    const headers = { authorization: `Bearer ${secret}` };
    expect((await new WebsocketClient(websocket.port, "mt5bridge.v1.json", headers).closed).code).toBe(4401);
    await told(websocket, "credential");
  });

  it("tells of a scope that is missing, and whose", async () => {
    const reader = () => ({ name: "reader", grants: {} });
    const { server, client } = await overGrpc({ calls: { authenticate: reader } });
    await client.call(getHealth, {});
    expect(await told(server, "permission")).toMatchObject({ severity: "warn", context: { principal: "reader" } });
  });

  it("tells of too many calls, and whose", async () => {
    const metadata = { authorization: "Bearer good-0123456789" };
    const { server, client } = await overGrpc({ calls: { authenticate, rates: rates() } });
    for (let n = 0; n < 2; n++) await client.call(getHealth, {}, { metadata });
    expect((await told(server, "quota")).context["principal"]).toBe("somebody");
    const websocket = await overWebsocket({ calls: { authenticate, rates: rates() } });
    const one = new WebsocketClient(websocket.port, "mt5bridge.v1.json", metadata);
    await one.type("welcome");
    for (let n = 0; n < 3; n++) one.send("ping", undefined, undefined, { id: `p${n}` });
    expect((await told(websocket, "quota")).context["principal"]).toBe("somebody");
    one.socket.terminate();
  });

  it("tells of what is too large, at whichever door", async () => {
    const { server, client } = await overGrpc();
    await client.call(getHealth, Buffer.alloc(2 ** 20 + 1));
    await told(server, "size");
    const http = await overHttp();
    await shout(http.port, Buffer.from(`GET /ready HTTP/1.1\r\nx: ${"x".repeat(20_000)}\r\n\r\n`));
    await told(http, "size");
    const websocket = await overWebsocket();
    const one = await new WebsocketClient(websocket.port, "mt5bridge.v1.json").opened();
    one.socket.send("x".repeat(2 ** 20 + 1));
    expect((await one.closed).code).toBe(4413);
    await told(websocket, "size");
  });

  it("tells of pages that may not call, by their origin", async () => {
    const origin = "https://page.example";
    const http = await overHttp();
    expect((await fetch(`${http.url}/ready`, { headers: { origin } })).status).toBe(403);
    expect((await told(http, "origin")).context["origin"]).toBe(origin);
    const websocket = await overWebsocket();
    const answer = String(await shout(websocket.port, Buffer.from(upgradeText({ origin }))));
    expect(answer).toMatch(/^HTTP\/1.1 403 /);
    expect((await told(websocket, "origin")).context["origin"]).toBe(origin);
  });

  it("tells of what is no HTTP, no frame and no message", async () => {
    const http = await overHttp();
    const answer = String(await shout(http.port, Buffer.from(`GIMME ${secret}\r\n\r\n`)));
    expect(answer).toMatch(/^HTTP\/1.1 400 [\s\S]*"code":"invalid_argument"/);
    await told(http, "malformed");
    const websocket = await overWebsocket();
    const one = await new WebsocketClient(websocket.port, "mt5bridge.v1.json").opened();
    one.socket.send(`{"type":"auth","token":"${secret}`);
    expect((await one.closed).code).toBe(4400);
    await told(websocket, "malformed");
    const { server } = await overGrpc();
    const peer = new RawPeer(server.port);
    await peer.send("/mt5bridge.v1.HealthService/GetHealth", Buffer.alloc(0));
    peer.close();
    expect((await told(server, "malformed")).context["method"]).toBe("/mt5bridge.v1.HealthService/GetHealth");
  });

  it.each([
    ["a path where nothing is", "/nothing", {}, 404],
    ["a method that is not there", "/mt5bridge.v1.HealthService/GetHealthy", { method: "POST", ...json }, 404],
    ["another verb", "/ready", { method: "DELETE" }, 405],
    ["an RPC asked by another verb", getHealthPath, { method: "PUT", ...json }, 405],
    ["an RPC in no language of ours", getHealthPath, { method: "POST", headers: { "content-type": "text/csv" } }, 415],
  ])("tells of %s", async (_, path, request, status) => {
    const http = await overHttp();
    expect((await fetch(`${http.url}${path}?key=${secret}`, request)).status).toBe(status);
    expect((await told(http, "malformed")).context).toMatchObject({ status, peer: expect.stringMatching(/^127/) });
  });

  it("tells of handshakes that are none, and of upgrades of other paths", async () => {
    const websocket = await overWebsocket();
    const broken = upgradeText({ "sec-websocket-version": "7" });
    expect(String(await shout(websocket.port, Buffer.from(broken)))).toMatch(
      /^HTTP\/1.1 400 [\s\S]*sec-websocket-version: 13/,
    );
    await told(websocket, "malformed");
    const http = await overHttp();
    const elsewhere = upgradeText().replace(/^GET \S+/, "GET /nothing");
    expect(String(await shout(http.port, Buffer.from(elsewhere)))).toMatch(/^HTTP\/1.1 404 /);
    await told(http, "malformed");
  });

  it("tells a caller of Connect when to come back, in the header for it too", async () => {
    const http = await overHttp({ calls: { rates: rates() } });
    const ask = () => fetch(`${http.url}${getHealthPath}`, { method: "POST", body: "{}", ...json });
    let answer = await ask();
    for (let n = 0; n < 5 && answer.ok; n++) answer = await ask();
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  it("tells of those who never say who they are", async () => {
    const clock = new ScriptedClock(now);
    const { port, line } = await overWebsocket({ clock, calls: { authenticate, clock } });
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, "mt5bridge.v1.json");
    await once(socket, "message");
    const closed = once(socket, "close");
    clock.advance(15_000);
    const [code] = await closed;
    expect(code).toBe(4401);
    await line(({ context }) => context["kind"] === "credential");
  });

  it("is not filled by anybody who has no credential", async () => {
    const { server, client } = await overGrpc();
    const metadata = { authorization: `Bearer ${secret}` };
    await Promise.all(Array.from({ length: 200 }, () => client.call(getHealth, {}, { metadata })));
    expect(server.lines.filter(({ context }) => context["kind"] === "credential")).toHaveLength(10);
    expect(server.lines.length).toBeLessThan(20);
  });
});
