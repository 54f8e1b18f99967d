/** The same port within TLS, with a certificate made for the test. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:http2";
import { type RequestOptions, request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { machineClock } from "../../../src/telemetry/machine-clock.ts";
import { Certificate } from "../../../src/transport/tls.ts";
import { caseServices } from "../cases.ts";
import { shout } from "../raw-peer.ts";
import { type ServedHttp, servedHttp } from "./served-http.ts";

const folder = mkdtempSync(join(tmpdir(), "mt5-bridge-tls-"));
const [certFile, keyFile] = [join(folder, "cert.pem"), join(folder, "key.pem")];
let certificate: Certificate;
let server: ServedHttp;

beforeAll(async () => {
  const subject = ["-subj", "/CN=bridge", "-addext", "subjectAltName=IP:127.0.0.1"];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  const files = ["-keyout", keyFile, "-out", certFile];
  execFileSync("openssl", ["req", "-x509", ...kind, ...subject, ...files], { stdio: "ignore" });
  certificate = new Certificate({ certFile, keyFile }, machineClock(), { note: () => undefined });
  server = await servedHttp(caseServices(), { certificate, limits: { silenceMs: 200 } });
});

afterAll(async () => {
  await server.stop(0);
  certificate.close();
  rmSync(folder, { recursive: true });
});

describe("within TLS", () => {
  it("HTTP/1.1 is spoken", async () => {
    const options: RequestOptions = { port: server.port, host: "127.0.0.1", path: "/ready", agent: false };
    const asked = request({ ...options, ca: readFileSync(certFile) }).end();
    const [answer] = (await once(asked, "response")) as [{ statusCode: number; resume(): void }];
    answer.resume();
    expect(answer.statusCode).toBe(200);
  });

  it("HTTP/2 is spoken", async () => {
    const session = connect(`https://127.0.0.1:${server.port}`, { ca: readFileSync(certFile) });
    const stream = session.request({ ":path": "/ready" }).resume();
    const [headers] = (await once(stream, "response")) as [{ ":status": number }];
    expect(headers[":status"]).toBe(200);
    session.destroy();
  });

  it("nothing is said without it", async () => {
    expect(String(await shout(server.port, Buffer.from("GET /ready HTTP/1.1\r\nHost: x\r\n\r\n")))).not.toContain(
      "200",
    );
  });
});
