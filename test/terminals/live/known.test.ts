import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { AccountSchema, SymbolSchema } from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import type { Instant } from "../../../src/core/model/ids.ts";
import { knownFrom, textOfKnown } from "../../../src/terminals/live/known.ts";

const known = {
  account: create(AccountSchema, { fingerprint: { login: 2n ** 63n, server: "S", tradeMode: 2 }, currency: "USD" }),
  symbols: [create(SymbolSchema, { name: "EURUSD", digits: 5, volumeMin: 0.01, swapRates: [0, 1, 1, 3, 1, 1, 0] })],
  zone: { segments: [{ from: 7 as Instant, offset: 7_200_000 }], newYork: true },
};

describe("what is known of a terminal", () => {
  it("is the same after it was kept", () => expect(knownFrom(textOfKnown(known))).toEqual(known));

  it.each([
    "",
    "{}",
    "null",
    textOfKnown(known).slice(0, -9),
    textOfKnown(known).replace('"format":1', '"format":2'),
    textOfKnown(known).replace('"newYork":true', '"newYork":7'),
    textOfKnown(known).replace('"fingerprint"', '"fingerprints"'),
  ])("is nothing when it cannot be read: %s", (text) => expect(knownFrom(text)).toBeUndefined());
});
