import { once } from "node:events";
import { createConnection } from "node:net";
import { gzipSync } from "node:zlib";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StatusSchema } from "../../../gen/ts/google/rpc/status_pb.ts";
import {
  GetSymbolRequestSchema,
  GetSymbolResponseSchema,
  TicksService,
} from "../../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { framed, type RawAnswer, RawPeer, shout } from "../raw-peer.ts";
import { pathOf, type Served, served, someOf, TestClient } from "../served.ts";

const { getSymbol } = TicksService.method;
const path = pathOf(getSymbol);
const good = toBinary(GetSymbolRequestSchema, create(GetSymbolRequestSchema, { symbol: "EURUSD" }));
const mebibyte = 1024 * 1024;

let server: Served;
let peer: RawPeer;

beforeEach(async () => {
  server = await served([someOf(TicksService, { getSymbol: async () => create(GetSymbolResponseSchema) })]);
  peer = new RawPeer(server.port);
});

afterEach(async () => {
  peer.close();
  await server.stop(0);
});

const detailsOf = ({ headers, trailers }: RawAnswer) => {
  const text = trailers["grpc-status-details-bin"] ?? headers["grpc-status-details-bin"];
  return fromBinary(StatusSchema, Buffer.from(String(text), "base64"));
};

/** An innocent client is still served. */
async function expectAlive(): Promise<void> {
  const client = new TestClient(server.port);
  expect((await client.call(getSymbol, { symbol: "EURUSD" })).ok).toBe(true);
  client.close();
}

describe("a damaged request", () => {
  const deep = Buffer.alloc(100_000, 0xfb); // groups within groups
  // biome-ignore format: a table is read by its columns
  it.each([
    ["has no message",                     Buffer.alloc(0),                                    status.INVALID_ARGUMENT],
    ["is cut off in its frame's head",     Buffer.from([0, 0, 0]),                             status.INVALID_ARGUMENT],
    ["is cut off in its message",          framed(good, { length: 100 }),                      status.INVALID_ARGUMENT],
    ["has two messages",                   Buffer.concat([framed(good), framed(good)]),        status.INVALID_ARGUMENT],
    ["is no protobuf",                     framed(Buffer.from("not protobuf at all")),         status.INVALID_ARGUMENT],
    ["is nested without end",              framed(deep),                                       status.INVALID_ARGUMENT],
    ["has bad UTF-8",                      framed(Buffer.from([0x12, 2, 0xc3, 0x28])),         status.INVALID_ARGUMENT],
    ["is larger than 1 MiB",               framed(Buffer.alloc(mebibyte + 1)),                 status.RESOURCE_EXHAUSTED],
    ["says that 4 GiB will come",          framed(good, { length: 0xffff_ffff }),              status.RESOURCE_EXHAUSTED],
    ["is compressed by nobody knows what", framed(good, { compressed: 1 }),                    status.INVALID_ARGUMENT],
  ])("that %s is answered with a code and details", async (_, body, code) => {
    const answer = await peer.send(path, body);
    if (body.length > 5 && body.readUInt8(0) === 1) expect(answer.code).toBeDefined();
    else expect(answer.code).toBe(code);
    if (answer.code !== 0) expect(detailsOf(answer)).toMatchObject({ code: answer.code });
    await expectAlive();
  });

  it("that is compressed is read up to 1 MiB after it is inflated", async () => {
    const gzip = { "grpc-encoding": "gzip" };
    const small = await peer.send(path, framed(gzipSync(good), { compressed: 1 }), gzip);
    expect(small.code).toBe(status.OK);
    const bomb = gzipSync(Buffer.alloc(512 * mebibyte));
    expect(bomb.length).toBeLessThan(mebibyte);
    const large = await peer.send(path, framed(bomb, { compressed: 1 }), gzip);
    expect(large.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(detailsOf(large).details).not.toEqual([]);
    const damaged = await peer.send(path, framed(Buffer.from("no gzip"), { compressed: 1 }), gzip);
    expect(damaged.code).toBe(status.INVALID_ARGUMENT);
    const unknown = await peer.send(path, framed(good, { compressed: 1 }), { "grpc-encoding": "zstd" });
    expect(unknown.code).toBe(status.UNIMPLEMENTED);
    await expectAlive();
  });

  it.each(["", "soon", "-1S", "99999999999S"])("with the deadline %j is answered", async (deadline) => {
    const answer = await peer.send(path, framed(good), { "grpc-timeout": deadline });
    expect([status.OK, status.INVALID_ARGUMENT, status.DEADLINE_EXCEEDED]).toContain(answer.code);
    await expectAlive();
  });

  it.each([
    "/",
    "/nobody/Knows",
    "/é/ÿ",
    "/a%",
    `/${"x".repeat(10_000)}`,
    "/%00%ff",
    "/mt5bridge.v1.TicksService/getSymbol",
  ])("for the path %j is unimplemented", async (strange) => {
    const answer = await peer.send(strange, framed(good));
    expect(answer.code).toBe(status.UNIMPLEMENTED);
    await expectAlive();
  });

  it("that is not of gRPC is told so", async () => {
    const answer = await peer.send(path, framed(good), { "content-type": "application/json" });
    expect(answer.headers[":status"]).toBe(415);
    await expectAlive();
  });
});

describe("a peer that does not speak HTTP/2", () => {
  it.each([
    ["HTTP/1.1", Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
    ["noise", Buffer.alloc(100_000, 0xa5)],
    ["TLS", Buffer.from("16030100c8010000c40303", "hex")],
    ["frames out of nowhere", Buffer.from(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${"\xff".repeat(1_000)}`, "latin1")],
  ])("is hung up on when it sends %s", async (_, bytes) => {
    if (bytes.length < 20) {
      const socket = createConnection(server.port, "127.0.0.1");
      socket.end(bytes);
      socket.resume();
      await once(socket, "close");
    } else await shout(server.port, bytes);
    await expectAlive();
  });

  it("or says nothing and leaves in the middle harms nobody", async () => {
    for (let n = 0; n < 50; n++) {
      const socket = createConnection(server.port, "127.0.0.1");
      await once(socket, "connect");
      socket.write("PRI * HTTP/2");
      socket.resetAndDestroy();
    }
    await expectAlive();
  });
});

describe("one connection too many", () => {
  it("is told so by its own protocol, noted in the log, and welcome again when another has left", async () => {
    const small = await served([someOf(TicksService, { getSymbol: async () => create(GetSymbolResponseSchema) })], {
      maxConnections: 2,
    });
    const clients = [1, 2].map(() => new TestClient(small.port));
    for (const client of clients) expect((await client.call(getSymbol, { symbol: "EURUSD" })).ok).toBe(true);

    const late = new TestClient(small.port);
    const refused = await late.call(getSymbol, { symbol: "EURUSD" });
    if (refused.ok) throw new Error("answered");
    expect([status.RESOURCE_EXHAUSTED, status.UNAVAILABLE]).toContain(refused.failed.code);
    late.close();
    const heard = await shout(
      small.port,
      Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", "latin1"),
    );
    expect(heard.toString("latin1")).toContain("too many connections");
    const { severity, context } = await small.line(({ message }) => message.includes("MAX_CONNECTIONS"));
    expect([severity, context["limit"]]).toEqual(["warn", 2]);
    for (const client of clients) expect((await client.call(getSymbol, { symbol: "EURUSD" })).ok).toBe(true);

    clients[0]?.close();
    let welcome = false;
    while (!welcome) {
      const next = new TestClient(small.port);
      welcome = (await next.call(getSymbol, { symbol: "EURUSD" })).ok;
      next.close();
    }
    clients[1]?.close();
    await small.stop(0);
  });
});

describe("a port that is taken", () => {
  it("is an error at the start", async () => {
    const other = createConnection(server.port, "127.0.0.1");
    await once(other, "connect");
    other.destroy();
    await expect(served([], { port: server.port })).rejects.toMatchObject({ code: "EADDRINUSE" });
  });
});
