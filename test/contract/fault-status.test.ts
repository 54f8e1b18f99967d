import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { BadRequestSchema, ErrorInfoSchema, QuotaFailureSchema } from "../../gen/ts/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../gen/ts/google/rpc/status_pb.ts";
import { codes, encodeStatus, faultOf, statusOf } from "../../src/contract/fault-status.ts";
import { BridgeError, type Fault, faults } from "../../src/core/errors.ts";

/** What a client reads out of the bytes. */
function received(error: BridgeError) {
  const bytes = encodeStatus(statusOf(error));
  const { code, message, details } = fromBinary(StatusSchema, bytes);
  const [info] = details.flatMap((any) => anyUnpack(any, ErrorInfoSchema) ?? []);
  const [badRequest] = details.flatMap((any) => anyUnpack(any, BadRequestSchema) ?? []);
  const [quota] = details.flatMap((any) => anyUnpack(any, QuotaFailureSchema) ?? []);
  return { bytes, code, message, info, violations: badRequest?.fieldViolations ?? [], quota };
}

describe("a fault on the wire", () => {
  it.each(Object.keys(faults) as Fault[])(
    "%s says its code, whether an order may exist, and when to retry",
    (fault) => {
      const { code, message, info } = received(
        new BridgeError(fault, "A sentence.", { metadata: { retcode: "10019" } }),
      );
      expect(code).toBe(codes[faults[fault].status]);
      expect(message).toBe("A sentence.");
      expect(info).toMatchObject({
        reason: fault.toUpperCase(),
        domain: "mt5bridge",
        metadata: {
          order_may_exist: String(faults[fault].orderMayExist),
          retry: faults[fault].retry,
          retcode: "10019",
        },
      });
    },
  );

  it("fits into the trailers of every client, however much was wrong", () => {
    const violations = Array.from({ length: 5_000 }, (_, i) => ({ field: `f[${i}]`, description: "é".repeat(5_000) }));
    const metadata = Object.fromEntries(violations.map(({ field }) => [field, "x".repeat(1_000)]));
    const got = received(new BridgeError("invalid_argument", "m".repeat(100_000), { violations, metadata }));
    expect(got.bytes.length * (4 / 3) + got.message.length).toBeLessThan(8_000);
  });

  it("names the field even when the sentence is long", () => {
    const violations = [{ field: "volume", description: "d".repeat(10_000) }];
    const got = received(new BridgeError("invalid_argument", "no", { violations }));
    expect(got.violations).toMatchObject([{ field: "volume", description: expect.stringMatching(/^d+…$/) }]);
  });

  it("is well-formed text, whatever it was made from", () => {
    const half = "\ud83d";
    const violations = [{ field: half, description: half }];
    const got = received(new BridgeError("quota_exceeded", half, { violations, metadata: { quota: half, key: half } }));
    expect(got.message).toBe("\ufffd");
    expect(got.quota?.violations).toMatchObject([{ subject: "\ufffd" }]);
    expect(() => encodeURI(got.message)).not.toThrow();
  });
});

describe("whatever was thrown", () => {
  const trace = "0af7651916cd43dd8448eb211c80319c";

  it.each([new TypeError("x is undefined"), "text", undefined, null, new BridgeError("internal", "table missing")])(
    "is internal, without a word of the inside: %s",
    (thrown) => {
      const fault = faultOf(thrown, trace);
      expect(fault).toMatchObject({ fault: "internal", cause: thrown, metadata: { trace_id: trace } });
      expect(fault.message).toBe(
        `Something went wrong inside the bridge. It is in the bridge's log under trace id ${trace}.`,
      );
    },
  );

  it("stays what it is when it is a fault", () => {
    const fault = new BridgeError("unknown_symbol", "There is no EURUSDX.");
    expect(faultOf(fault, trace)).toBe(fault);
  });

  it("is the signal's own reason when that was what ended the call", () => {
    const late = new BridgeError("deadline_exceeded", "Too late.");
    const signal = AbortSignal.abort(late);
    expect(faultOf(new DOMException("aborted", "AbortError"), trace, signal)).toBe(late);
    expect(faultOf(late, trace, signal)).toBe(late);
    expect(faultOf(AbortSignal.abort().reason, trace, AbortSignal.abort())).toMatchObject({ fault: "canceled" });
  });

  it("is still a bug when it is one, though the caller has gone", () => {
    const signal = AbortSignal.abort(new BridgeError("canceled", "Gone."));
    expect(faultOf(new TypeError("x"), trace, signal)).toMatchObject({ fault: "internal" });
  });
});
