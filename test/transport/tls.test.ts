/** TLS with certificates made for the test: who gets through, and what changes when the files do. */
import { once } from "node:events";
import { copyFileSync, readFileSync } from "node:fs";
import { createSecureServer, connect as http2Connect } from "node:http2";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { connect } from "node:tls";
import { create } from "@bufbuild/protobuf";
import { credentials, status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { GetHealthResponseSchema, HealthService } from "../../gen/ts/mt5bridge/v1/health_pb.ts";
import { Certificate } from "../../src/transport/tls.ts";
import { Notes, quiet } from "../terminals/paper/scripted.ts";
import { clockAtNow, type Folder, folder, selfSigned } from "./credentials.ts";
import { type Served, served, someOf, TestClient } from "./served.ts";

const { getHealth } = HealthService.method;

let files: Folder;
let clock: ReturnType<typeof clockAtNow>;
let notes: Notes;
let certificate: Certificate;
let server: Served | undefined;
let clients: TestClient[];

function clientTrusting(certFile: string, port: number): TestClient {
  const client = new TestClient(port, {}, credentials.createSsl(readFileSync(certFile)));
  clients.push(client);
  return client;
}

async function codeOf(client: TestClient): Promise<number> {
  const result = await client.call(getHealth, {});
  return result.ok ? status.OK : result.failed.code;
}

/** As if a look at the files were due. */
async function look(): Promise<void> {
  clock.advance(1_000);
  await quiet();
}

async function serve(name: string): Promise<number> {
  certificate = new Certificate(selfSigned(files, name), clock, notes);
  const health = someOf(HealthService, { getHealth: async () => create(GetHealthResponseSchema) });
  server = await served([health], { certificate });
  return server.port;
}

beforeEach(() => {
  files = folder();
  clock = clockAtNow();
  notes = new Notes();
  clients = [];
  server = undefined;
});

afterEach(async () => {
  for (const client of clients) client.close();
  certificate?.close();
  await server?.stop(0);
  files.remove();
});

describe("gRPC over TLS", () => {
  it("answers who trusts the certificate, and knows who asks", async () => {
    const port = await serve("bridge");
    expect(await codeOf(clientTrusting(files.file("bridge.pem"), port))).toBe(status.OK);
    const line = await server?.line(({ message }) => message === "answered");
    expect(line?.context["peer"]).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  it("does not answer who does not trust it, nor who speaks without TLS, and goes on", async () => {
    const port = await serve("bridge");
    selfSigned(files, "stranger");
    const plain = new TestClient(port);
    clients.push(plain);
    expect(await codeOf(clientTrusting(files.file("stranger.pem"), port))).toBe(status.UNAVAILABLE);
    expect(await codeOf(plain)).toBe(status.UNAVAILABLE);
    expect(await codeOf(clientTrusting(files.file("bridge.pem"), port))).toBe(status.OK);
  });

  it("speaks HTTP/2 and nothing older than TLS 1.2", async () => {
    const port = await serve("bridge");
    const ca = readFileSync(files.file("bridge.pem"));
    const good = connect({ port, host: "127.0.0.1", ca, ALPNProtocols: ["h2", "http/1.1"] });
    await once(good, "secureConnect");
    expect([good.alpnProtocol, good.getProtocol()]).toEqual(["h2", "TLSv1.3"]);
    good.destroy();
    const old = connect({
      port,
      host: "127.0.0.1",
      ca,
      minVersion: "TLSv1",
      maxVersion: "TLSv1.1",
      ciphers: "ALL@SECLEVEL=0",
    });
    await expect(once(old, "secureConnect")).rejects.toThrow();
  });

  it("has the new certificate when the files change, and keeps the connections it has", async () => {
    const port = await serve("bridge");
    const before = clientTrusting(files.file("bridge.pem"), port);
    copyFileSync(files.file("bridge.pem"), files.file("old.pem"));
    expect(await codeOf(before)).toBe(status.OK);

    selfSigned(files, "bridge");
    await look();
    expect(notes.lines).toEqual(["info access: The certificate was read anew"]);
    expect(await codeOf(before)).toBe(status.OK);
    expect(await codeOf(clientTrusting(files.file("bridge.pem"), port))).toBe(status.OK);
    expect(await codeOf(clientTrusting(files.file("old.pem"), port))).toBe(status.UNAVAILABLE);
  });

  it("keeps the old one while certificate and key do not belong together", async () => {
    const port = await serve("bridge");
    copyFileSync(files.file("bridge.pem"), files.file("old.pem"));
    selfSigned(files, "new");
    copyFileSync(files.file("new.pem"), files.file("bridge.pem"));
    await look();
    expect(notes.lines).toEqual(["warn access: The certificate was not renewed; the one before stays"]);
    expect(await codeOf(clientTrusting(files.file("old.pem"), port))).toBe(status.OK);
    copyFileSync(files.file("new.key"), files.file("bridge.key"));
    await look();
    expect(await codeOf(clientTrusting(files.file("new.pem"), port))).toBe(status.OK);
  });
});

describe("one connection too many", () => {
  it("is told so within TLS", async () => {
    certificate = new Certificate(selfSigned(files, "bridge"), clock, notes);
    const health = someOf(HealthService, { getHealth: async () => create(GetHealthResponseSchema) });
    server = await served([health], { certificate, maxConnections: 1 });
    const { port } = server;
    expect(await codeOf(clientTrusting(files.file("bridge.pem"), port))).toBe(status.OK);
    const late = connect({
      port,
      host: "127.0.0.1",
      ca: readFileSync(files.file("bridge.pem")),
      ALPNProtocols: ["h2"],
    });
    late.on("error", () => undefined);
    expect(await text(late)).toContain("too many connections");
  });
});

describe("a certificate", () => {
  it("is good for any server of Node's, and renewed there too", async () => {
    certificate = new Certificate(selfSigned(files, "bridge"), clock, notes);
    const other = createSecureServer(
      { ...certificate.options, allowHTTP1: true },
      (_, response) => void response.end(),
    );
    certificate.supply(other);
    other.listen(0, "127.0.0.1");
    await once(other, "listening");
    const subject = async () => {
      const session = http2Connect(`https://127.0.0.1:${(other.address() as AddressInfo).port}`, {
        ca: readFileSync(files.file("bridge.pem")),
      });
      await once(session, "connect");
      session.destroy();
    };
    await subject();
    selfSigned(files, "bridge");
    await look();
    await subject();
    other.close();
  });

  it("is missed at start when the files are not what they should be", () => {
    const { certFile } = selfSigned(files, "one");
    const { keyFile } = selfSigned(files, "two");
    expect(() => new Certificate({ certFile, keyFile }, clock, notes)).toThrow(/are no certificate and its key/);
    expect(() => new Certificate({ certFile: files.file("gone"), keyFile }, clock, notes)).toThrow("ENOENT");
  });
});
