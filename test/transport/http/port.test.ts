import { once } from "node:events";
import { type ClientHttp2Session, connect as connect2 } from "node:http2";
import { createConnection, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { create } from "@bufbuild/protobuf";
import { afterEach, describe, expect, it } from "vitest";
import { GetHealthResponseSchema, HealthService } from "../../../gen/ts/mt5bridge/v1/health_pb.ts";
import { RawPeer, shout } from "../raw-peer.ts";
import { someOf } from "../served.ts";
import { type HttpSetup, type ServedHttp, servedHttp } from "./served-http.ts";

let server: ServedHttp;
const open: { destroy(): void }[] = [];

async function serve(setup: HttpSetup = {}): Promise<ServedHttp> {
  const getHealth = async () => create(GetHealthResponseSchema, { health: { version: "1" } });
  server = await servedHttp([someOf(HealthService, { getHealth })], setup);
  return server;
}

afterEach(async () => {
  for (const one of open.splice(0)) one.destroy();
  await server.stop(0);
});

function socketTo(): Socket {
  const socket = createConnection({ port: server.port, host: "127.0.0.1", noDelay: true });
  socket.on("error", () => undefined);
  open.push(socket);
  return socket;
}

function http2To(): ClientHttp2Session {
  const session = connect2(server.url);
  session.on("error", () => undefined);
  open.push(session);
  return session;
}

async function over2(session: ClientHttp2Session, path: string): Promise<number> {
  const stream = session.request({ ":path": path });
  stream.resume();
  const [headers] = (await once(stream, "response")) as [{ ":status": number }];
  return headers[":status"];
}

const get = (path: string, more = "") =>
  Buffer.from(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${more}\r\n`);

describe("one port", () => {
  it("speaks HTTP/1.1 and HTTP/2", async () => {
    await serve();
    expect((await fetch(`${server.url}/ready`)).status).toBe(200);
    expect(await over2(http2To(), "/ready")).toBe(200);
  });

  it("understands a peer that says one byte at a time", async () => {
    await serve();
    const socket = socketTo();
    for (const byte of get("/ready"))
      await new Promise<void>((sent) => socket.write(Buffer.from([byte]), () => sent()));
    expect(String((await once(socket, "data"))[0])).toMatch(/^HTTP\/1.1 200 /);

    const second = socketTo();
    const greeting = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", "latin1");
    for (const byte of greeting) await new Promise<void>((sent) => second.write(Buffer.from([byte]), () => sent()));
    const [settings] = (await once(second, "data")) as [Buffer];
    expect(settings.readUInt8(3)).toBe(4);
  });

  it.each([
    ["noise", Buffer.alloc(100_000, 0xa5)],
    ["TLS", Buffer.from("16030100c8010000c40303", "hex")],
    ["frames out of nowhere", Buffer.from(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${"\xff".repeat(1_000)}`, "latin1")],
    ["half a preface", Buffer.from("PRI * HTTX/2.0\r\n\r\nSM\r\n\r\n0123456789")],
    ["endless headers", Buffer.from(`GET / HTTP/1.1\r\nx: ${"y".repeat(100_000)}\r\n\r\n`)],
  ])("hangs up on %s and goes on", async (_, bytes) => {
    await serve({ limits: { headersMs: 200 } });
    await shout(server.port, bytes);
    expect((await fetch(`${server.url}/ready`)).status).toBe(200);
  });

  it.each([
    ["says nothing", ""],
    ["says half of its first word", "PR"],
    ["does not finish its headers", "GET / HTTP/1.1\r\nHost: x\r\n"],
    [
      "does not finish its request",
      "POST /order HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nContent-Type: application/json\r\n\r\n{",
    ],
  ])("hangs up on a peer that %s", async (_, words) => {
    await serve({ limits: { silenceMs: 100, headersMs: 100, requestMs: 150, keepAliveMs: 100 } });
    const socket = socketTo();
    socket.resume();
    socket.write(words);
    await once(socket, "close");
  });

  it("answers when a body does not come in time, over HTTP/2 too", async () => {
    await serve({ limits: { requestMs: 100 } });
    const peer = new RawPeer(server.port);
    open.push(peer.session);
    const stream = peer.session.request({
      ...{ ":method": "POST", ":path": "/mt5bridge.v1.HealthService/GetHealth" },
      "content-type": "application/proto",
    });
    stream.write("x");
    const [headers] = (await once(stream, "response")) as [{ ":status": number }];
    expect(headers[":status"]).toBe(504);
    stream.close();
  });

  it("holds only so much of what is on its way in, all requests together", async () => {
    await serve({ limits: { arrivingBytes: 30_000 } });
    const path = "/mt5bridge.v1.HealthService/GetHealth";
    const headers = { ":method": "POST", ":path": path, "content-type": "application/json" };
    const peer = http2To();
    const first = peer.request(headers);
    first.write(Buffer.alloc(20_000, " "));
    const small = async () => {
      const stream = peer.request(headers);
      stream.end(Buffer.concat([Buffer.alloc(15_000, " "), Buffer.from("{}")]));
      stream.resume();
      return ((await once(stream, "response")) as [{ ":status": number }])[0][":status"];
    };
    let status = await small();
    while (status === 200) status = await small(); // until the first has arrived
    expect(status).toBe(429);
    first.end("{}");
    first.resume();
    expect(((await once(first, "response")) as [{ ":status": number }])[0][":status"]).toBe(200);
    expect(await small()).toBe(200);
  });

  it("lets go of a peer of HTTP/2 that does not answer pings, and of one that does nothing", async () => {
    await serve({ limits: { pingEveryMs: 50, pingMs: 50 } });
    const deaf = socketTo();
    deaf.write(Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", "latin1"));
    deaf.resume();
    await once(deaf, "close");
    await server.stop(0);
    await serve({ limits: { pingEveryMs: 50, idleMs: 50 } });
    await once(http2To(), "goaway");
  });

  it("answers in HTTP/1.1 when curl offers to go on in HTTP/2", async () => {
    await serve();
    const offer = "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n";
    const head = `GET /ready HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\n${offer}\r\n`;
    const socket = socketTo();
    socket.write(head);
    expect(String((await once(socket, "data"))[0])).toMatch(/^HTTP\/1.1 200 /);
  });

  it("tells one connection too many in its own language, and lets it in again later", async () => {
    await serve({ maxConnections: 1 });
    const first = http2To();
    expect(await over2(first, "/ready")).toBe(200);
    expect(String(await shout(server.port, get("/ready")))).toMatch(/^HTTP\/1.1 503 [\s\S]*Too many connections/);
    const greeting = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", "latin1");
    expect((await shout(server.port, greeting)).toString("latin1")).toContain("too many connections");
    const { severity } = await server.line(({ message }) => message.includes("MAX_CONNECTIONS"));
    expect(severity).toBe("warn");
    first.destroy();
    let welcome = false;
    while (!welcome) welcome = String(await shout(server.port, get("/ready"))).startsWith("HTTP/1.1 200");
  });

  it("stops although connections are kept alive", async () => {
    await serve();
    expect((await fetch(`${server.url}/ready`)).status).toBe(200);
    const session = http2To();
    expect(await over2(session, "/ready")).toBe(200);
    const closed = once(session, "close");
    expect(await server.stop(60_000)).toEqual({ unary: 0, streams: 0 });
    await closed;
    await expect(fetch(`${server.url}/ready`)).rejects.toThrow();
  });

  it("that is taken is an error at the start", async () => {
    await serve();
    await expect(servedHttp([], { port: server.port })).rejects.toMatchObject({ code: "EADDRINUSE" });
  });
});

describe("paths", () => {
  it("that nobody serves are not found, and verbs that nobody answers are told", async () => {
    await serve();
    expect(await (await fetch(`${server.url}/nothing`)).json()).toMatchObject({ code: "not_found" });
    const wrong = await fetch(`${server.url}/health`, { method: "POST" });
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "GET"]);
    expect((await fetch(`${server.url}/health`, { method: "HEAD" })).status).toBe(503);
  });

  it("may be served by others", async () => {
    await serve({
      routes: [
        {
          ...{ verb: "GET", path: "/docs", below: true },
          serve({ response }, path) {
            response.writeHead(200, {});
            response.end(`this is ${path}`);
          },
        },
      ],
    });
    expect(await (await fetch(`${server.url}/docs?x=1`)).text()).toBe("this is /docs");
    expect(await (await fetch(`${server.url}/docs/a.css`)).text()).toBe("this is /docs/a.css");
    expect((await fetch(`${server.url}/docsx`)).status).toBe(404);
  });

  it("whose server throws cost the request only", async () => {
    await serve({
      routes: [
        {
          ...{ verb: "GET", path: "/broken" },
          serve() {
            throw new Error("broken");
          },
        },
      ],
    });
    await expect(fetch(`${server.url}/broken`)).rejects.toThrow();
    expect((await fetch(`${server.url}/ready`)).status).toBe(200);
    await server.line(({ severity }) => severity === "error");
  });
});

describe("an upgrade", () => {
  const webSocket = "Upgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n";
  const head = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n${webSocket}\r\n`;

  it.each(["/websocket/ws", "/ws", "/ws?token=x"])("of %s is handed over with the first bytes", async (path) => {
    const taken = Promise.withResolvers<{ url: string | undefined; socket: Duplex; head: Buffer }>();
    await serve({ onUpgrade: ({ url }, socket, head) => taken.resolve({ url, socket, head }) });
    const socket = socketTo();
    socket.write(`${head(path)}first`);
    const { url, socket: served, head: first } = await taken.promise;
    expect([url, first.toString()]).toEqual([path, "first"]);
    served.end("mine now");
    expect(String((await once(socket, "data"))[0])).toBe("mine now");
  });

  it("of anything else is not found", async () => {
    await serve({ onUpgrade: () => undefined });
    expect(String(await shout(server.port, Buffer.from(head("/order"))))).toMatch(/^HTTP\/1.1 404 /);
    await server.stop(0);
    await serve();
    expect(String(await shout(server.port, Buffer.from(head("/ws"))))).toMatch(/^HTTP\/1.1 404 /);
  });
});

describe("a web page", () => {
  const page = "https://console.example";
  const preflight = { "access-control-request-method": "POST", "access-control-request-headers": "content-type" };
  const from = (origin: string, init: RequestInit = {}) =>
    fetch(`${server.url}/ready`, { ...init, headers: { ...(init.headers as Record<string, string>), origin } });

  it("on the list may ask beforehand, call, and see what clients need", async () => {
    await serve({ origins: [page] });
    const before = await from(page, { method: "OPTIONS", headers: preflight });
    expect(before.status).toBe(204);
    expect(before.headers.get("access-control-allow-methods")).toBe("GET, POST");
    const allowed = before.headers.get("access-control-allow-headers")?.split(", ");
    expect(allowed).toEqual(
      expect.arrayContaining(["content-type", "authorization", "connect-timeout-ms", "x-grpc-web"]),
    );
    const answer = await from(page);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("access-control-allow-origin")).toBe(page);
    expect(answer.headers.get("vary")).toContain("origin");
    const exposed = answer.headers.get("access-control-expose-headers")?.split(", ");
    expect(exposed).toEqual(expect.arrayContaining(["grpc-status", "grpc-status-details-bin", "mt5bridge-mode"]));
  });

  it.each(["https://evil.example", "null", "https://console.example.evil.example", "http://console.example", ""])(
    "of the origin %j may neither ask nor call",
    async (origin) => {
      await serve({ origins: [page] });
      for (const init of [{ method: "OPTIONS", headers: preflight }, {}]) {
        const answer = await from(origin, init);
        expect(answer.status).toBe(403);
        expect(answer.headers.get("access-control-allow-origin")).toBeNull();
      }
    },
  );

  it("that the bridge serves itself may call, on an address but not on a name that was made to lead here", async () => {
    await serve();
    expect((await from(server.url)).status).toBe(200);
    const head = (host: string) =>
      get("/ready", `Origin: http://${host}\r\n`).toString().replace("Host: x", `Host: ${host}`);
    const ask = async (host: string) => String(await shout(server.port, Buffer.from(head(host))));
    expect(await ask(`localhost:${server.port}`)).toMatch(/^HTTP\/1.1 200 /);
    expect(await ask(`[::1]:${server.port}`)).toMatch(/^HTTP\/1.1 200 /);
    expect(await ask(`rebound.example:${server.port}`)).toMatch(/^HTTP\/1.1 403 /);
  });
});
