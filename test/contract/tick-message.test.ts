import { clone, create, fromBinary, type Message, toBinary, toJson } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { StreamTicksResponseSchema } from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { envelopeHead } from "../../src/contract/envelope.ts";
import { jsonText } from "../../src/contract/json.ts";
import { batchMessage, frameMessage, readyEnvelope, type Symbols } from "../../src/contract/tick-message.ts";
import type { Price, Volume } from "../../src/core/model/decimals.ts";
import type { BrokerTime, Instant } from "../../src/core/model/ids.ts";
import type { SymbolSpec } from "../../src/core/model/symbol.ts";
import type { Tick } from "../../src/core/model/tick.ts";
import type { Frame } from "../../src/core/ticks/frame.ts";
import { numbers, tickAt } from "../any-ticks.ts";

const readyBytes = (message: Message) => readyEnvelope(message, false)?.subarray(envelopeHead);
const readyText = (message: Message) => readyEnvelope(message, true)?.subarray(envelopeHead).toString();

const names = ["EURUSD", "XAUUSD", "", "ДАКС.Ø–€", "漢".repeat(60), "#".repeat(200)];
const symbols: Symbols = new Map(names.map((name, i) => [name, { name, digits: [5, 2, 0, 8, 3, 1][i] } as SymbolSpec]));

/** Numbers of every size, the edges of what a varint's byte can hold among them. */
function anyFrame(seed: number): { frame: Frame; cursor: { epoch: string; sequence: number } } {
  const below = numbers(seed);
  const edges = [0, 1, 127, 128, 16_383, 16_384, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 49, Number.MAX_SAFE_INTEGER];
  const whole = () => (below(3) === 0 ? (edges[below(edges.length)] as number) : Math.floor(2 ** below(54) * 0.7));
  const signed = () => (below(8) === 0 ? -1 : 1) * whole();
  const uint32 = () => whole() % 2 ** 32;
  const any = (): Tick =>
    tickAt((below(3) === 0 ? signed() : 1_700_000_000_000 + below(2 ** 31)) as Instant, {
      symbol: [...names, "UNKNOWN"][below(names.length + 1)] as string,
      brokerTime: signed() as BrokerTime,
      bid: signed() as Price,
      ask: signed() as Price,
      last: signed() as Price,
      volume: whole() as Volume,
      flags: uint32(),
      sequence: whole(),
    });
  const ticks = Array.from({ length: below(20) === 0 ? 3000 : below(6) }, any);
  const skips = below(2) === 0 ? undefined : ticks.map(uint32);
  const epoch = ["b7a1c0de-0000-4000-8000-000000000000", "", "é"][below(3)] as string;
  return { frame: { length: ticks.length, ticks, sequence: whole(), skips }, cursor: { epoch, sequence: whole() } };
}

describe("a frame of ticks", () => {
  it("has the very bytes that the library would write, whatever is in it", () => {
    for (let seed = 0; seed < 400; seed++) {
      const { frame, cursor } = anyFrame(seed);
      const value = batchMessage(frame.ticks, frame.skips, cursor, symbols);
      const message = create(StreamTicksResponseSchema, { event: { case: "batch", value } });
      const ready = readyBytes(frameMessage(frame, cursor, symbols));
      const expected = Buffer.from(toBinary(StreamTicksResponseSchema, message));
      expect(ready?.equals(expected), `seed ${seed}`).toBe(true);
    }
  });

  it("is a message like any other to whoever looks into it", () => {
    const { frame, cursor } = anyFrame(7);
    const message = frameMessage(frame, cursor, symbols);
    const decoded = fromBinary(StreamTicksResponseSchema, toBinary(StreamTicksResponseSchema, message));
    expect(frame.ticks.length).toBeGreaterThan(0);
    expect(decoded.event).toEqual(message.event);
    expect(clone(StreamTicksResponseSchema, message).event).toEqual(message.event);
    expect(toJson(StreamTicksResponseSchema, message)).toEqual(toJson(StreamTicksResponseSchema, decoded));
  });

  it("has the very JSON text that the library would write, whatever is in it", () => {
    for (let seed = 0; seed < 400; seed++) {
      const { frame, cursor } = anyFrame(seed);
      const value = batchMessage(frame.ticks, frame.skips, cursor, symbols);
      const message = create(StreamTicksResponseSchema, { event: { case: "batch", value } });
      expect(readyText(frameMessage(frame, cursor, symbols)), `seed ${seed}`).toBe(
        jsonText(StreamTicksResponseSchema, message),
      );
    }
  });

  it("makes its message once", () => {
    const { frame, cursor } = anyFrame(3);
    const message = frameMessage(frame, cursor, symbols);
    expect(message.event.value).toBe(message.event.value);
  });

  it("leaves bytes alone that went out before", () => {
    const frames = [1, 2, 3, 4].map(anyFrame);
    const messages = frames.map(({ frame, cursor }) => frameMessage(frame, cursor, symbols));
    const first = messages.map((message) => readyBytes(message) as Buffer);
    const before = first.map((bytes) => Buffer.from(bytes));
    for (let seed = 0; seed < 50; seed++) {
      const { frame, cursor } = anyFrame(seed);
      readyBytes(frameMessage(frame, cursor, symbols));
    }
    expect(first).toEqual(before);
  });
});

describe("a message that is no frame", () => {
  it("has no ready bytes", () => expect(readyBytes(create(StreamTicksResponseSchema))).toBeUndefined());
});
