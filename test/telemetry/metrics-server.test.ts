/** The metrics' port where others can reach it: within TLS, renewed, and never for more than it has room for. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { get as getSecurely } from "node:https";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CommitCounts, HttpCounts } from "../../src/telemetry/counts.ts";
import { type MetricsPort, type MetricsServer, serveMetrics } from "../../src/telemetry/metrics-server.ts";
import { Watch } from "../../src/telemetry/watch.ts";
import { Certificate } from "../../src/transport/tls.ts";
import { Notes, quiet } from "../terminals/paper/scripted.ts";
import { clockAtNow, type Folder, folder, selfSigned } from "../transport/credentials.ts";

let files: Folder;
let clock: ReturnType<typeof clockAtNow>;
let certificate: Certificate | undefined;
let server: MetricsServer;

beforeEach(() => {
  files = folder();
  clock = clockAtNow();
  certificate = undefined;
});

afterEach(async () => {
  await server.close();
  certificate?.close();
  files.remove();
});

async function serve(more: Partial<MetricsPort> = {}): Promise<number> {
  const watch = new Watch(undefined);
  const sources = {
    build: { version: "1", runtime: "v24", environment: "test" },
    ...{ watch, accounts: [], spans: undefined, commits: new CommitCounts() },
    journal: { counts: { appended: 0, refused: 0 }, failure: undefined },
    served: { watch, http: new HttpCounts(), webSockets: () => 0, encoded: { made: 0, reused: 0 }, hubs: [] },
  };
  server = await serveMetrics({ host: "127.0.0.1", port: 0, ...more }, sources, new Notes());
  return server.port;
}

describe("the metrics' port with a certificate", () => {
  const serveSecurely = (more: Partial<MetricsPort> = {}) => {
    certificate = new Certificate(selfSigned(files, "bridge"), clock, new Notes());
    return serve({ certificate, ...more });
  };
  const scrape = async (port: number, ca: Buffer): Promise<string> => {
    const [answer] = await once(
      getSecurely({ host: "127.0.0.1", port, path: "/metrics", ca, agent: false }),
      "response",
    );
    return text(answer);
  };
  const trusted = () => readFileSync(files.file("bridge.pem"));

  it("tells them within TLS, without asking for a key, and says nothing without TLS", async () => {
    const failed: string[] = [];
    const port = await serveSecurely({ refused: (kind) => void failed.push(kind) });
    expect(await scrape(port, trusted())).toContain("mt5bridge_build_info");
    await expect(fetch(`http://127.0.0.1:${port}/metrics`)).rejects.toThrow();
    expect(failed).toEqual(["tls"]);
  });

  it("has the new certificate when the files change", async () => {
    const port = await serveSecurely();
    const before = trusted();
    selfSigned(files, "bridge");
    clock.advance(1_000);
    await quiet();
    expect(await scrape(port, trusted())).toContain("mt5bridge_build_info");
    await expect(scrape(port, before)).rejects.toThrow();
  });
});

describe("the metrics' port without room", () => {
  it("says so, tells whose connection it was, and has room again later", async () => {
    const refused: unknown[] = [];
    const port = await serve({ refused: (...one) => void refused.push(one) });
    const idle = await Promise.all(
      Array.from({ length: 16 }, async () => {
        const socket = connect(port, "127.0.0.1");
        await once(socket, "connect");
        return socket;
      }),
    );
    const late = await fetch(`http://127.0.0.1:${port}/metrics`);
    expect([late.status, late.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(refused).toEqual([["connection", "127.0.0.1"]]);
    for (const socket of idle) socket.destroy();
    let status = 503;
    while (status === 503) status = (await fetch(`http://127.0.0.1:${port}/livez`)).status;
    expect(status).toBe(200);
  });
});
