import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { Course, type StreamMessage } from "../../../clients/typescript/src/course.ts";
import { StreamTicksResponseSchema } from "../../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { at } from "./scripted.ts";

type Said = MessageInitShape<typeof StreamTicksResponseSchema>;

describe("a stream of ticks", () => {
  it("is asked for anew with the symbols that it was changed to", () => {
    const course = new Course({ symbols: ["EURUSD"] }, undefined);
    course.request();
    const said: Said["event"][] = [
      { case: "opened", value: { cursor: at(0) } },
      { case: "snapshotEnd", value: { cursor: at(0) } },
      { case: "subscription", value: { symbols: ["EURUSD", "XAUUSD"] } },
      { case: "batch", value: { cursor: at(2) } },
    ];
    for (const event of said)
      course.take(create(StreamTicksResponseSchema, { event } as Said) as unknown as StreamMessage);
    expect(course.request()).toMatchObject({ symbols: ["EURUSD", "XAUUSD"], resumeAfter: { sequence: 2n } });
  });
});
