import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { TicksSchema } from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import { BrokerZone } from "../../../src/terminals/live/broker-zone.ts";
import { TickStream } from "../../../src/terminals/live/tick-stream.ts";
import { seeded } from "../../../src/terminals/paper/seeded.ts";
import { eurusd } from "../paper/builders.ts";

interface Told {
  readonly symbol: string;
  readonly time: number;
  readonly bid: number;
}
const brokerNoon = Date.UTC(2025, 0, 7, 12);
const symbols = ["EURUSD", "GBPUSD"];
const specs = symbols.map((name) => ({ ...eurusd, name }));
function streamOf(): TickStream {
  const stream = new TickStream(new BrokerZone());
  for (const spec of specs) stream.learn([spec], (name) => `${name}.m`);
  return stream;
}

function wire(told: readonly Told[]) {
  const times = told.map(({ time }, i) => BigInt(i === 0 ? time : time - (told[i - 1]?.time ?? 0)));
  return create(TicksSchema, {
    symbols: symbols.map((name) => `${name}.m`),
    symbol: told.map(({ symbol }) => symbols.indexOf(symbol)),
    timeMs: times,
    bid: told.map(({ bid }) => bid / 100_000),
  });
}

const rowsOf = (stream: TickStream, told: readonly Told[]): Told[] =>
  [...(stream.rows(wire(told)) ?? [])].map(({ symbol, brokerTime, bid }) => ({ symbol, time: brokerTime, bid }));

describe("a stream of ticks", () => {
  it("begins with what comes, and again just before what came last", () => {
    const stream = streamOf();
    expect(stream.begin(["EURUSD.m", "GBPUSD.m"], 0)).toEqual([0n, 0n]);
    stream.begun();
    rowsOf(stream, [{ symbol: "GBPUSD", time: brokerNoon, bid: 1 }]);
    expect(stream.begin(["EURUSD.m", "GBPUSD.m"], 0)).toEqual([0n, BigInt(brokerNoon - 1)]);
  });

  it("does not go back further than it may", () => {
    const stream = streamOf();
    rowsOf(stream, [{ symbol: "GBPUSD", time: brokerNoon, bid: 1 }]);
    expect(stream.begin(["GBPUSD.m"], brokerNoon + 1)).toEqual([0n]);
  });

  it("is not read when its columns do not fit each other", () => {
    const told = wire([{ symbol: "EURUSD", time: brokerNoon, bid: 1 }]);
    expect(streamOf().rows({ ...told, ask: [1, 2] })).toBeUndefined();
    expect(streamOf().rows({ ...told, timeMs: [] })).toBeUndefined();
  });

  it("passes over ticks of symbols it does not know, and prices that are none", () => {
    const told = wire([{ symbol: "EURUSD", time: brokerNoon, bid: 5 }]);
    expect(streamOf().rows({ ...told, symbol: [77] })?.length).toBe(0);
    expect(
      streamOf()
        .rows({ ...told, bid: [Number.NaN] })
        ?.at(0)?.bid,
    ).toBe(0);
  });

  it("goes on when the broker's clock is set back", () => {
    const stream = streamOf();
    const hour = 3_600_000;
    const told = [0, 5, 5 - hour, 9 - hour].map((ms) => ({ symbol: "EURUSD", time: brokerNoon + ms, bid: 7 }));
    expect(rowsOf(stream, told)).toEqual(told);
  });

  it("brings every tick once and in order, however often it is lost and begun again", () => {
    for (let seed = 0; seed < 300; seed++) {
      const chance = seeded(seed);
      const all: Told[] = [];
      let time = brokerNoon;
      for (let i = 1; i <= 80; i++) {
        if (chance.next() < 0.5) time += Math.floor(chance.next() * 3); // many ticks share their moment
        all.push({ symbol: symbols[Math.floor(chance.next() * 2)] as string, time, bid: i });
      }
      const stream = streamOf();
      const got: Told[] = [];
      // The broker has all; the terminal streams from a cursor, and is lost now and then.
      let cursor = 0;
      while (cursor < all.length) {
        const length = 1 + Math.floor(chance.next() * 9);
        got.push(...rowsOf(stream, all.slice(cursor, cursor + length)));
        cursor += length;
        if (chance.next() < 0.4) {
          const from = stream.begin(
            symbols.map((name) => `${name}.m`),
            0,
          );
          rowsOf(stream, all.slice(cursor, cursor + 5)); // of the stream before: comes again
          stream.begun();
          const after = new Map(symbols.map((name, i) => [name, from[i] === 0n ? 0 : Number(from[i])]));
          const again = all.filter((tick, i) => {
            const begins = after.get(tick.symbol) as number;
            return begins === 0 ? i >= cursor : tick.time > begins;
          });
          // What is new of it comes with what follows.
          const old = again.filter((tick) => all.indexOf(tick) < cursor);
          got.push(...rowsOf(stream, old));
        }
      }
      for (const symbol of symbols) {
        const of = (ticks: Told[]) => ticks.filter((tick) => tick.symbol === symbol).map(({ bid }) => bid);
        expect(of(got), `seed ${seed}`).toEqual(of(all));
      }
    }
  });
});
