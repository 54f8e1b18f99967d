import type { DescMethod } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HealthService } from "../../gen/ts/mt5bridge/v1/health_pb.ts";
import { type StreamTicksResponse, TicksService } from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { type Failed, failureOf, TestClient } from "../transport/served.ts";
import { type BadRequestBytes, badRequests } from "./bad-input.ts";
import { type RunningBridge, startBridge } from "./bridge.ts";

const seed = 20_140_502;
const inFlight = 8;

let bridge: RunningBridge;
let innocent: TestClient;
let guilty: TestClient;

beforeAll(async () => {
  bridge = await startBridge();
  innocent = new TestClient(bridge.grpcPort);
  guilty = new TestClient(bridge.grpcPort);
});

afterAll(async () => {
  innocent.close();
  guilty.close();
  await bridge.stop();
});

/** What a client may be told of its own mistakes. */
const refusals = new Set([
  status.INVALID_ARGUMENT,
  status.NOT_FOUND,
  status.ALREADY_EXISTS,
  status.FAILED_PRECONDITION,
  status.RESOURCE_EXHAUSTED,
  status.UNIMPLEMENTED,
  status.UNAVAILABLE,
]);

/** How the bridge answers; undefined: with OK. */
async function answerTo(method: DescMethod, bytes: Uint8Array): Promise<Failed | undefined> {
  if (method.methodKind === "unary") {
    const result = await guilty.call(method, Buffer.from(bytes));
    return result.ok ? undefined : result.failed;
  }
  const stream = guilty.stream(method, Buffer.from(bytes));
  return new Promise((resolve) => {
    stream.on("error", (error) => resolve(failureOf(error as Parameters<typeof failureOf>[0])));
    stream.on("end", () => resolve(undefined));
    stream.once("data", () => {
      resolve(undefined);
      stream.cancel();
    });
  });
}

/** What is wrong with the answer, if anything. */
function complaint({ method, why, expect, expectViolationField }: BadRequestBytes, failed: Failed | undefined) {
  const say = (what: string) => `${method.parent.name}.${method.name}, ${why}: ${what}`;
  if (failed === undefined) return expect === "must_fail" ? say("answered with OK") : undefined;
  if (!refusals.has(failed.code)) return say(`${status[failed.code]} ${failed.message}`);
  if (failed.info?.domain !== "mt5bridge") return say("no details");
  const fields = failed.badRequest?.fieldViolations.map(({ field }) => field) ?? [];
  if (expectViolationField !== undefined && !fields.includes(expectViolationField)) {
    return say(`does not name ${expectViolationField}, but ${fields.join(", ") || "nothing"}: ${failed.message}`);
  }
  return undefined;
}

describe("bad input", () => {
  it("of every kind, in every field of every RPC, is refused by name and harms nobody", async () => {
    const stream = innocent.stream(TicksService.method.streamTicks, { symbols: ["EURUSD"] });
    let heard = 0;
    let interrupted: unknown;
    stream.on("data", () => heard++);
    stream.on("error", (error) => {
      interrupted = error;
    });
    stream.on("end", () => {
      interrupted ??= new Error("the stream ended");
    });

    const complaints: string[] = [];
    let sent = 0;
    const requests = badRequests(seed)[Symbol.iterator]();
    const worker = async () => {
      for (let next = requests.next(); !next.done; next = requests.next()) {
        sent++;
        const found = complaint(next.value, await answerTo(next.value.method, next.value.bytes));
        if (found !== undefined) complaints.push(found);
      }
    };
    await Promise.all(Array.from({ length: inFlight }, worker));

    expect(complaints).toEqual([]);
    expect(sent).toBeGreaterThan(2_000);
    expect((await innocent.call(HealthService.method.getHealth, {})).ok).toBe(true);
    const before = heard;
    const last = await new Promise<StreamTicksResponse>((resolve) => stream.once("data", resolve));
    expect(last.event.case).toMatch(/^(batch|heartbeat)$/);
    expect(before).toBeGreaterThan(0);
    expect(interrupted).toBeUndefined();
    stream.removeAllListeners("error").on("error", () => undefined);
    stream.cancel();
    expect(bridge.log.filter(({ level }) => level === "error")).toEqual([]);
    expect(bridge.errors()).toBe("");
  }, 240_000);
});
