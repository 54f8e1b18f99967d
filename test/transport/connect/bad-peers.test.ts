import { once } from "node:events";
import { request as http1Request, type IncomingHttpHeaders } from "node:http";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from "vitest";
import { ServerReflectionRequestSchema } from "../../../gen/ts/grpc/reflection/v1/reflection_pb.ts";
import {
  GetSymbolRequestSchema,
  GetSymbolResponseSchema,
  StreamTicksResponseSchema,
  TicksService,
} from "../../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { type ServedHttp, servedHttp } from "../http/served-http.ts";
import { framed, RawPeer, shout } from "../raw-peer.ts";
import { pathOf, someOf } from "../served.ts";
import { allOf, envelopesIn } from "./raw-call.ts";

const { getSymbol, streamTicks } = TicksService.method;
const path = pathOf(getSymbol);
const good = toBinary(GetSymbolRequestSchema, create(GetSymbolRequestSchema, { symbol: "EURUSD" }));
const goodJson = Buffer.from('{"symbol":"EURUSD"}');
const mebibyte = 1024 * 1024;

let server: ServedHttp;
let said: MockInstance;

beforeEach(async () => {
  said = vi.spyOn(console, "error");
  server = await servedHttp([
    someOf(TicksService, {
      getSymbol: async () => create(GetSymbolResponseSchema),
      streamTicks: async function* () {
        yield create(StreamTicksResponseSchema);
      },
    }),
  ]);
});

afterEach(async () => {
  await expectAlive();
  expect(server.lines.filter(({ severity }) => severity === "error")).toEqual([]);
  await server.stop(0);
  expect(said).not.toHaveBeenCalled();
  vi.restoreAllMocks();
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Over HTTP/1.1, with nothing added to what is given. */
function post(to: string, body: Buffer, headers: Record<string, string>, method = "POST"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http1Request({ port: server.port, host: "127.0.0.1", path: to, method, headers, agent: false });
    request.on("error", reject);
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
      response.on("error", reject);
    });
    request.end(body);
  });
}

const json = { "content-type": "application/json" };
const proto = { "content-type": "application/proto" };
const codeOf = ({ body }: Answer): string => (JSON.parse(body.toString()) as { code: string }).code;

/** An innocent client is still served. */
async function expectAlive(): Promise<void> {
  expect((await post(path, goodJson, json)).status).toBe(200);
}

describe("a damaged request of Connect", () => {
  // biome-ignore format: a table is read by its columns
  it.each([
    ["no JSON",                    json,  Buffer.from("{"),                        400, "invalid_argument"],
    ["nothing",                    json,  Buffer.alloc(0),                         400, "invalid_argument"],
    ["a list",                     json,  Buffer.from("[]"),                       400, "invalid_argument"],
    ["null",                       json,  Buffer.from("null"),                     400, "invalid_argument"],
    ["an unknown field",           json,  Buffer.from('{"symbol":"A","volum":1}'), 400, "invalid_argument"],
    ["a field of another type",    json,  Buffer.from('{"symbol":7}'),             400, "invalid_argument"],
    ["a field twice",              json,  Buffer.from('{"symbol":"A","symbol":"B"}'), 400, "invalid_argument"],
    ["bad UTF-8",                  json,  Buffer.from('{"symbol":"\xff"}', "latin1"), 400, "invalid_argument"],
    ["half a character",           json,  Buffer.from('{"symbol":"\\ud800"}'),     400, "invalid_argument"],
    ["lists in lists without end", json,  Buffer.alloc(500_000, "["),              400, "invalid_argument"],
    ["no protobuf",                proto, Buffer.from("not protobuf at all"),      400, "invalid_argument"],
    ["another wire type",          proto, Buffer.from([0x10, 1]),                  400, "invalid_argument"],
    ["bad UTF-8 in protobuf",      proto, Buffer.from([0x12, 2, 0xc3, 0x28]),      400, "invalid_argument"],
    ["groups without end",         proto, Buffer.alloc(100_000, 0xfb),             400, "invalid_argument"],
    ["more than 1 MiB of JSON",    json,  Buffer.alloc(mebibyte + 1, " "),         429, "resource_exhausted"],
    ["more than 1 MiB",            proto, Buffer.alloc(mebibyte + 1),              429, "resource_exhausted"],
    ["much more than 1 MiB",       proto, Buffer.alloc(20 * mebibyte),             429, "resource_exhausted"],
  ])("with %s is answered with a code and details", async (_, headers, body, httpStatus, code) => {
    const answer = await post(path, body, headers);
    expect([answer.status, codeOf(answer)]).toEqual([httpStatus, code]);
    expect(JSON.parse(answer.body.toString()).details[0].type).toBe("google.rpc.ErrorInfo");
    expect(answer.headers["mt5bridge-mode"]).toBe("test");
  });

  it("names the unknown field", async () => {
    const answer = await post(path, Buffer.from('{"symbol":"A","volum":1}'), json);
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      details: [{}, { type: "google.rpc.BadRequest", debug: { fieldViolations: [{ field: "volum" }] } }],
    });
  });

  it("that says too much of its length is answered before it comes", async () => {
    const heard = await shout(
      server.port,
      Buffer.from(
        `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 9999999\r\n\r\n{`,
      ),
    );
    expect(heard.toString()).toMatch(/^HTTP\/1.1 429 /);
  });

  it.each([
    ["gzip", gzipSync],
    ["deflate", deflateSync],
    ["br", brotliCompressSync],
  ] as const)("that is compressed by %s is read up to 1 MiB after it is inflated", async (encoding, compress) => {
    const encoded = { ...proto, "content-encoding": encoding };
    expect((await post(path, compress(Buffer.from(good)), encoded)).status).toBe(200);
    const bomb = compress(Buffer.alloc(64 * mebibyte));
    expect(bomb.length).toBeLessThan(mebibyte);
    expect(codeOf(await post(path, bomb, encoded))).toBe("resource_exhausted");
    expect(codeOf(await post(path, Buffer.from("not compressed"), encoded))).toBe("invalid_argument");
    expect(codeOf(await post(path, compress(Buffer.from(good)).subarray(0, -4), encoded))).toBe("invalid_argument");
  });

  it("that is compressed by nobody knows what is unimplemented", async () => {
    const answer = await post(path, Buffer.from(good), { ...proto, "content-encoding": "zip" });
    expect([answer.status, codeOf(answer)]).toEqual([501, "unimplemented"]);
  });

  it.each(["", "soon", "-1", "99999999999", "1e3"])("with the timeout %j is refused", async (timeout) => {
    const answer = await post(path, goodJson, { ...json, "connect-timeout-ms": timeout });
    expect(codeOf(answer)).toBe("invalid_argument");
  });

  it.each(["1000", "9999999999"])("with the timeout %j is answered", async (timeout) => {
    expect((await post(path, goodJson, { ...json, "connect-timeout-ms": timeout })).status).toBe(200);
  });

  it.each(["text/plain", "application/grpc-web-text", "application/connect+json", "application/xml", ""])(
    "of the type %j is told which are spoken",
    async (type) => {
      const answer = await post(path, goodJson, { "content-type": type });
      expect(answer.status).toBe(415);
      expect(answer.headers["accept-post"]).toContain("application/json");
    },
  );

  it.each(["GET", "PUT", "HEAD", "DELETE"])("by %s is told to POST", async (method) => {
    const answer = await post(path, Buffer.alloc(0), json, method);
    expect([answer.status, answer.headers.allow]).toEqual([405, "POST"]);
  });

  it.each([
    ["/mt5bridge.v1.TicksService/getSymbol", 404],
    ["/mt5bridge.v1.Nobody/Knows", 404],
    ["/nobody", 404],
    ["/", 404],
    ["//", 404],
    [`/${"x".repeat(10_000)}`, 404],
    ["/%00%ff", 404],
    ["/é".normalize(), 404],
  ])("for the path %j finds nothing", async (strange, httpStatus) => {
    const answer = await post(encodeURI(strange).replaceAll("%25", "%"), goodJson, json);
    expect(answer.status).toBe(httpStatus);
    expect(codeOf(answer)).toMatch(/unimplemented|not_found/);
  });

  it.each([
    ["[", 400],
    ["a:b", 400],
    ["http://", 200],
    ["x y", 400],
    ["\x01", 400],
    ["a".repeat(5_000), 200],
  ])("for the host %j is answered", async (host, httpStatus) => {
    const head = `POST ${path}?x=[%zz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n`;
    const heard = await shout(
      server.port,
      Buffer.from(`${head}Content-Type: application/json\r\nContent-Length: 19\r\n\r\n${goodJson}`, "latin1"),
    );
    expect(heard.toString()).toMatch(new RegExp(`^HTTP/1.1 ${httpStatus} `));
  });

  it("that names no host is refused, and so is one over HTTP/2 whose host is none", async () => {
    const head = `POST ${path} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 19\r\n\r\n`;
    expect(String(await shout(server.port, Buffer.from(head + goodJson)))).toMatch(/^HTTP\/1.1 400 /);
    const peer = new RawPeer(server.port);
    expect((await peer.send(path, framed(good), { ":authority": "[" })).headers[":status"]).toBe(400);
    peer.close();
  });
});

describe("a damaged request of gRPC or gRPC-Web", () => {
  const twice = Buffer.concat([framed(good), framed(good)]);
  // biome-ignore format: a table is read by its columns
  it.each([
    ["has no message",                     Buffer.alloc(0),                       status.INVALID_ARGUMENT],
    ["is cut off in its frame's head",     Buffer.from([0, 0, 0]),                status.INVALID_ARGUMENT],
    ["is cut off in its message",          framed(good, { length: 100 }),         status.INVALID_ARGUMENT],
    ["has two messages",                   twice,                                 status.INVALID_ARGUMENT],
    ["is no protobuf",                     framed(Buffer.from("not protobuf")),   status.INVALID_ARGUMENT],
    ["has bad UTF-8",                      framed(Buffer.from([0x12, 2, 0xc3, 0x28])), status.INVALID_ARGUMENT],
    ["is larger than 1 MiB",               framed(Buffer.alloc(mebibyte + 1)),    status.RESOURCE_EXHAUSTED],
    ["says that 4 GiB will come",          framed(good, { length: 0xffff_ffff }), status.RESOURCE_EXHAUSTED],
    ["is compressed by nobody knows what", framed(good, { compressed: 1 }),       status.INVALID_ARGUMENT],
    ["is nothing but empty envelopes",     Buffer.alloc(1_000),                   status.INVALID_ARGUMENT],
    ["has unknown flags",                  framed(good, { compressed: 0x80 }),    status.INVALID_ARGUMENT],
    ["is sound",                           framed(good),                          status.OK],
  ])("that %s gets the same code in both", async (_, body, code) => {
    const peer = new RawPeer(server.port);
    expect((await peer.send(path, body)).code).toBe(code);
    peer.close();
    const web = await post(path, body, { "content-type": "application/grpc-web+proto" });
    const trailers = envelopesIn(web.body).at(-1);
    expect(trailers?.flags).toBe(0x80);
    expect(trailers?.content.toString()).toContain(`grpc-status: ${code}\r\n`);
  });

  it("that is a bomb is not inflated beyond 1 MiB", async () => {
    const peer = new RawPeer(server.port);
    const gzip = { "grpc-encoding": "gzip" };
    expect((await peer.send(path, framed(gzipSync(good), { compressed: 1 }), gzip)).code).toBe(status.OK);
    const bomb = gzipSync(Buffer.alloc(512 * mebibyte));
    expect((await peer.send(path, framed(bomb, { compressed: 1 }), gzip)).code).toBe(status.RESOURCE_EXHAUSTED);
    const unknown = await peer.send(path, framed(good), { "grpc-encoding": "zstd" });
    expect([unknown.code, unknown.headers["grpc-accept-encoding"]]).toEqual([status.UNIMPLEMENTED, "gzip,deflate,br"]);
    peer.close();
  });

  it.each(["", "soon", "-1S", "999999999S", "1h"])("with the deadline %j is refused", async (deadline) => {
    const peer = new RawPeer(server.port);
    const answer = await peer.send(path, framed(good), { "grpc-timeout": deadline });
    expect(answer.code).toBe(status.INVALID_ARGUMENT);
    peer.close();
  });

  it("for an unknown path is unimplemented", async () => {
    const peer = new RawPeer(server.port);
    expect((await peer.send("/nobody/Knows", framed(good))).code).toBe(status.UNIMPLEMENTED);
    expect((await peer.send("/", framed(good))).code).toBe(status.UNIMPLEMENTED);
    peer.close();
  });
});

describe("a conversation both ways", () => {
  const talk = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
  const question = toBinary(
    ServerReflectionRequestSchema,
    create(ServerReflectionRequestSchema, { messageRequest: { case: "listServices", value: "*" } }),
  );

  it("with a message that is too large is answered while the rest is still being sent, and then ended", async () => {
    const peer = new RawPeer(server.port);
    const headers = { ":method": "POST", ":path": talk, "content-type": "application/grpc", te: "trailers" };
    const stream = peer.session.request(headers);
    const [trailers, closed] = [once(stream, "trailers"), once(stream, "close")];
    stream.resume();
    stream.on("error", () => undefined);
    const rest = Buffer.alloc(64 * 1024);
    const send = () => {
      while (stream.writable && stream.write(rest));
    };
    stream.on("drain", send);
    stream.write(framed(rest, { length: 2 * mebibyte }));
    send();
    expect((await trailers)[0]).toMatchObject({ "grpc-status": String(status.RESOURCE_EXHAUSTED) });
    await closed;
    peer.close();
  });

  it.each([1, 2, 3, 7, 1_000])("is understood in pieces of %i bytes", async (size) => {
    const peer = new RawPeer(server.port);
    const headers = { ":method": "POST", ":path": talk, "content-type": "application/grpc", te: "trailers" };
    const stream = peer.session.request({ ...headers, "grpc-encoding": "gzip" });
    const answers = allOf(stream);
    const empty = framed(Buffer.alloc(0));
    const all = Buffer.concat([framed(question), framed(gzipSync(question), { compressed: 1 }), empty, empty]);
    for (let at = 0; at < all.length; at += size) {
      await new Promise<void>((sent) => stream.write(all.subarray(at, at + size), () => sent()));
    }
    stream.end();
    expect(envelopesIn(await answers)).toHaveLength(4);
    peer.close();
  });
});

describe("a damaged request for a stream", () => {
  it.each([
    ["no envelope", Buffer.from("{}"), "invalid_argument"],
    ["no JSON in it", framed(Buffer.from("{")), "invalid_argument"],
    ["two of them", Buffer.concat([framed(goodJson), framed(goodJson)]), "invalid_argument"],
    ["an unknown field", framed(Buffer.from('{"symbols":["A"],"x":1}')), "invalid_argument"],
    ["too much", framed(Buffer.alloc(mebibyte + 1)), "resource_exhausted"],
  ])("with %s ends with a code", async (_, body, code) => {
    const answer = await post(pathOf(streamTicks), body, { "content-type": "application/connect+json" });
    expect(answer.status).toBe(200);
    const [end, ...more] = envelopesIn(answer.body);
    expect([end?.flags, more]).toEqual([2, []]);
    expect(JSON.parse(String(end?.content))).toMatchObject({ error: { code } });
  });
});

describe("a peer that leaves in the middle", () => {
  it("of its request harms nobody, on either version", async () => {
    for (let n = 0; n < 20; n++) {
      const request = http1Request({
        ...{ port: server.port, host: "127.0.0.1", path, method: "POST", agent: false },
        headers: { ...json, "content-length": "100" },
      });
      request.on("error", () => undefined);
      await new Promise<void>((resolve) => request.write("{", () => resolve()));
      request.destroy();
      const peer = new RawPeer(server.port);
      const stream = peer.session.request({ ":method": "POST", ":path": path, "content-type": "application/proto" });
      stream.on("error", () => undefined);
      await new Promise<void>((resolve) => stream.write("x", () => resolve()));
      if (n % 2 === 0) stream.close(8);
      peer.close();
    }
    expect(server.drain.inFlight).toEqual({ unary: 0, streams: 0 });
  });
});
