/** The command line's client, which finds out by reflection what there is. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { caseServices } from "../cases.ts";
import { type ServedHttp, servedHttp } from "./served-http.ts";

const run = promisify(execFile);
const buf = new URL("../../../node_modules/.bin/buf", import.meta.url).pathname;
const protos = new URL("../../../proto", import.meta.url).pathname;

let server: ServedHttp;

beforeAll(async () => {
  server = await servedHttp(caseServices());
});

afterAll(() => server.stop(0));

const overHttp2 = ["--http2-prior-knowledge"];

describe.each([
  ["connect", overHttp2],
  ["grpcweb", overHttp2],
  ["grpc", overHttp2],
  ["connect", ["--schema", protos]],
  ["grpcweb", ["--schema", protos]],
] as const)("buf curl by %s with %s", (protocol, how) => {
  const curl = (rpc: string, data: object) =>
    run(buf, ["curl", "--protocol", protocol, ...how, "-d", JSON.stringify(data), `${server.url}/mt5bridge.v1.${rpc}`]);

  it("calls, streams, and is told of its mistakes", { timeout: 30_000 }, async () => {
    const { stdout } = await curl("HealthService/GetHealth", {});
    expect(JSON.parse(stdout)).toEqual({ health: { version: "1" } });
    const stream = await curl("TicksService/StreamTicks", { symbols: ["A", "B"] });
    expect(stream.stdout.match(/"symbol"/g)).toHaveLength(2);
    const refused = await curl("TicksService/StreamTicks", { symbols: [] }).catch((error: { stderr: string }) => error);
    expect(refused.stderr).toMatch(/"invalid_argument"[\s\S]*1 to 500 items/);
  });
});
