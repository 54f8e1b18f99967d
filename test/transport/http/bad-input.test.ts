import { create, type DescMethod } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { badInputOver } from "../../e2e/bad-http.ts";
import { services } from "../../e2e/bad-input.ts";
import { someOf } from "../served.ts";
import { type ServedHttp, servedHttp } from "./served-http.ts";

const seed = 20_140_502;
let server: ServedHttp;

/** Takes whatever the contract lets through. */
function anything(method: DescMethod): unknown {
  const answer = create(method.output);
  if (method.methodKind === "unary") return async () => answer;
  return async function* () {
    yield answer;
  };
}

beforeAll(async () => {
  server = await servedHttp(
    services.map((descriptor) =>
      someOf(descriptor, Object.fromEntries(descriptor.methods.map((method) => [method.localName, anything(method)]))),
    ),
  );
});

afterAll(() => server.stop(0));

describe("bad input over HTTP", () => {
  it.each(["Connect JSON", "Connect protobuf", "gRPC-Web"] as const)(
    "of every kind, in every field of every RPC, is refused by name over %s",
    async (way) => {
      const { sent, complaints } = await badInputOver(way, server.port, seed);
      expect(complaints).toEqual([]);
      expect(sent).toBeGreaterThan(2_000);
      expect(server.lines.filter(({ severity }) => severity === "error")).toEqual([]);
      expect(server.drain.inFlight).toEqual({ unary: 0, streams: 0 });
    },
    120_000,
  );
});
