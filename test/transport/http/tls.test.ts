/** The same port within TLS, with a certificate made for the test. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:http2";
import { type RequestOptions, request } from "node:https";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { machineClock } from "../../../src/telemetry/machine-clock.ts";
import { Certificate } from "../../../src/transport/tls.ts";
import { caseServices } from "../cases.ts";
import { folder, selfSigned } from "../credentials.ts";
import { shout } from "../raw-peer.ts";
import { type ServedHttp, servedHttp } from "./served-http.ts";

const files = folder();
const { certFile, keyFile } = selfSigned(files, "bridge");
let certificate: Certificate;
let server: ServedHttp;

beforeAll(async () => {
  certificate = new Certificate({ certFile, keyFile }, machineClock(), { note: () => undefined });
  server = await servedHttp(caseServices(), { certificate, limits: { silenceMs: 200 } });
});

afterAll(async () => {
  await server.stop(0);
  certificate.close();
  files.remove();
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
