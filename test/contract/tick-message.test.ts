import { clone, create, fromBinary, type Message, toBinary, toJson } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { ticksIn } from "../../clients/typescript/src/columns.ts";
import { StreamTicksResponseSchema } from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { envelopeHead } from "../../src/contract/envelope.ts";
import { frameMessage, readyEnvelope } from "../../src/contract/frame-message.ts";
import { jsonText } from "../../src/contract/json.ts";
import { batchMessage, type Symbols } from "../../src/contract/tick-message.ts";
import type { Price, Volume } from "../../src/core/model/decimals.ts";
import type { BrokerTime, Instant } from "../../src/core/model/ids.ts";
import type { SymbolSpec } from "../../src/core/model/symbol.ts";
import type { Tick } from "../../src/core/model/tick.ts";
import { TickRows } from "../../src/core/model/tick-rows.ts";
import { countOf, type Frame, RowFrame, Selection } from "../../src/core/ticks/frame.ts";
import { numbers, tickAt } from "../any-ticks.ts";

const readyBytes = (message: Message) => readyEnvelope(message, false)?.subarray(envelopeHead);
const readyText = (message: Message) => readyEnvelope(message, true)?.subarray(envelopeHead).toString();

const names = ["EURUSD", "XAUUSD", "", "ДАКС.Ø–€", "漢".repeat(60), "#".repeat(200)];
const symbols: Symbols = new Map(names.map((name, i) => [name, { name, digits: [5, 2, 0, 8, 3, 1][i] } as SymbolSpec]));

/** Numbers of every size, the edges of what a varint's byte can hold among them. */
function anyFrame(
  seed: number,
  most = Number.MAX_SAFE_INTEGER,
): { frame: Frame; cursor: { epoch: string; sequence: number } } {
  const below = numbers(seed);
  const edges = [0, 1, 127, 128, 16_383, 16_384, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 49, Number.MAX_SAFE_INTEGER];
  const whole = () =>
    (below(3) === 0 ? (edges[below(edges.length)] as number) : Math.floor(2 ** below(54) * 0.7)) % most;
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
  return { frame: new RowFrame(TickRows.of(ticks), whole(), skips), cursor: { epoch, sequence: whole() } };
}

describe("a frame of ticks", () => {
  it("has the very bytes that the library would write, whatever is in it", () => {
    for (let seed = 0; seed < 400; seed++) {
      const { frame, cursor } = anyFrame(seed);
      const value = batchMessage(frame.ticks, frame.skips, cursor, symbols);
      const message = create(StreamTicksResponseSchema, { event: { case: "batch", value } });
      const ready = readyBytes(frameMessage(frame, "rows", cursor, symbols));
      const expected = Buffer.from(toBinary(StreamTicksResponseSchema, message));
      expect(ready?.equals(expected), `seed ${seed}`).toBe(true);
    }
  });

  it("is a message like any other to whoever looks into it", () => {
    const { frame, cursor } = anyFrame(7);
    const message = frameMessage(frame, "rows", cursor, symbols);
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
      expect(readyText(frameMessage(frame, "rows", cursor, symbols)), `seed ${seed}`).toBe(
        jsonText(StreamTicksResponseSchema, message),
      );
    }
  });

  it("makes its message once", () => {
    const { frame, cursor } = anyFrame(3);
    const message = frameMessage(frame, "rows", cursor, symbols);
    expect(message.event.value).toBe(message.event.value);
  });

  it("leaves bytes alone that went out before", () => {
    const frames = [1, 2, 3, 4].map(anyFrame);
    const messages = frames.map(({ frame, cursor }) => frameMessage(frame, "rows", cursor, symbols));
    const first = messages.map((message) => readyBytes(message) as Buffer);
    const before = first.map((bytes) => Buffer.from(bytes));
    for (let seed = 0; seed < 50; seed++) {
      const { frame, cursor } = anyFrame(seed);
      readyBytes(frameMessage(frame, "rows", cursor, symbols));
    }
    expect(first).toEqual(before);
  });
});

/** Whole numbers have none. */
const withoutMinusZero = (tick: Tick): Tick =>
  ({
    ...tick,
    bid: tick.bid + 0,
    ask: tick.ask + 0,
    last: tick.last + 0,
    time: tick.time + 0,
    brokerTime: tick.brokerTime + 0,
  }) as Tick;

/** What the TypeScript client makes of a batch. */
function decoded(bytes: Buffer | undefined) {
  const { event } = fromBinary(StreamTicksResponseSchema, bytes ?? Buffer.alloc(0));
  if (event.case !== "batch") throw new Error("no batch");
  return { ticks: ticksIn(event.value), cursor: event.value.cursor };
}

describe("a frame of ticks as columns", () => {
  it("holds the very ticks of its rows, in their order, for whoever wants whichever symbols", () => {
    for (let seed = 0; seed < 300; seed++) {
      const below = numbers(seed);
      const { frame, cursor } = anyFrame(seed, 2 ** 50);
      const places = frame.ticks.map((tick, i) => ({ ...withoutMinusZero(tick), place: 10 * i + below(10) }));
      const whole = new RowFrame(TickRows.of(places), frame.sequence, below(2) ? undefined : frame.skips);
      const wanted = Uint8Array.from(whole.rows.symbols, () => below(2));
      const some = new Selection(whole, wanted, countOf(whole.rows, wanted));
      for (const one of whole.skips === undefined ? [whole, some] : [whole]) {
        const message = frameMessage(one, "columns", cursor, symbols);
        const { ticks, cursor: marked } = decoded(readyBytes(message));
        const expected = batchMessage(one.ticks, one.skips, cursor, symbols);
        expect(ticks, `seed ${seed}`).toEqual(expected.ticks);
        expect(marked, `seed ${seed}`).toEqual(expected.cursor);
        expect(toBinary(StreamTicksResponseSchema, message), `seed ${seed}`).toEqual(
          new Uint8Array(readyBytes(message) as Buffer),
        );
      }
    }
  });

  it("takes 5 bytes a tick where little changes, a ninth of its rows", () => {
    const symbol = names[0] as string;
    const ticks = Array.from({ length: 1000 }, (_, i) =>
      tickAt((1_700_000_000_000 + 40 * i) as Instant, {
        ...{ symbol, bid: (108_000 + (i % 7)) as Price, ask: (108_009 + (i % 5)) as Price, flags: 6 },
        ...{ brokerTime: (1_700_007_200_000 + 40 * i) as BrokerTime, sequence: 5000 + i, place: 9000 + 8 * i },
      }),
    );
    const frame = new RowFrame(TickRows.of(ticks));
    const cursor = { epoch: "e", sequence: 1 };
    const [rows, columns] = (["rows", "columns"] as const).map(
      (form) => readyBytes(frameMessage(frame, form, cursor, symbols))?.length ?? 0,
    );
    expect(columns).toBeLessThan(5_000);
    expect(rows).toBeGreaterThan(9 * (columns as number));
  });
});

describe("some symbols of a frame", () => {
  it("have the same bytes and text as if there were nothing else in it", () => {
    for (let seed = 0; seed < 100; seed++) {
      const below = numbers(seed);
      const { frame, cursor } = anyFrame(seed);
      const whole = new RowFrame(frame.rows, frame.sequence);
      const wanted = Uint8Array.from(whole.rows.symbols, () => below(2));
      const some = frameMessage(new Selection(whole, wanted, countOf(whole.rows, wanted)), "rows", cursor, symbols);
      const ticks = whole.ticks.filter(
        ({ symbol }) => wanted[whole.rows.symbols.findIndex(({ name }) => name === symbol)],
      );
      const alone = frameMessage(new RowFrame(TickRows.of(ticks), frame.sequence), "rows", cursor, symbols);
      expect(readyBytes(some)?.equals(readyBytes(alone) as Buffer), `seed ${seed}`).toBe(true);
      expect(readyText(some), `seed ${seed}`).toBe(readyText(alone));
    }
  });
});

describe("a message that is no frame", () => {
  it("has no ready bytes", () => expect(readyBytes(create(StreamTicksResponseSchema))).toBeUndefined());
});
