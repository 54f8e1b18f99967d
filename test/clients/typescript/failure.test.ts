import { create } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { BridgeError, refusedSymbol, retries } from "../../../clients/typescript/src/failure.ts";
import { StreamOpenedSchema } from "../../../gen/ts/mt5bridge/v1/types_pb.ts";
import { faults } from "../../../src/core/errors.ts";
import { fault } from "./scripted.ts";

describe("a failure", () => {
  it("knows every word that the bridge has for another try", () => {
    expect(new Set(retries)).toEqual(new Set(Object.values(faults).map(({ retry }) => retry)));
  });

  it.each([
    ["later", true],
    ["after_reconcile", true],
    ["never", false],
    ["with_new_credential", false],
    ["with_new_key", false],
  ])("that says %s may pass: %s", (retry, passing) => {
    expect(BridgeError.from(fault(Code.Internal, "ANY", { retry })).passing).toBe(passing);
  });
});

it("a symbol that is not there is a failure of the stream that asked for it", () => {
  const refused = { symbol: "EURUSDD", reason: "UNKNOWN_SYMBOL", message: "There is no such symbol." };
  const symbols = [{ symbol: "EURUSD", accepted: true }, refused];
  expect(refusedSymbol(create(StreamOpenedSchema, { symbols }))).toMatchObject({
    reason: "UNKNOWN_SYMBOL",
    rawMessage: "EURUSDD: There is no such symbol.",
    orderMayExist: false,
    passing: false,
  });
  expect(refusedSymbol(create(StreamOpenedSchema, { symbols: symbols.slice(0, 1) }))).toBeUndefined();
});
