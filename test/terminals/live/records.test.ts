import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import {
  AccountSchema,
  AccountStateSchema,
  DealSchema,
  OrderSchema,
  PositionSchema,
  SymbolSchema,
} from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import type { AccountAlias, Instant } from "../../../src/core/model/ids.ts";
import { BrokerZone, type ZoneMemory } from "../../../src/terminals/live/broker-zone.ts";
import { Catalog } from "../../../src/terminals/live/catalog.ts";
import { seeded } from "../../../src/terminals/paper/seeded.ts";
import { Notes } from "../paper/scripted.ts";
import { eurusd } from "./scripted-side.ts";

const fingerprint = { login: 1n, server: "S", tradeMode: 0 };
const account = create(AccountSchema, { fingerprint, currencyDigits: 2, marginMode: 2, marginCallLevel: 50 });
const usual: ZoneMemory = { segments: [], newYork: true };
const catalogOf = (symbols = [create(SymbolSchema, eurusd)], notes = new Notes(), zone = usual) =>
  new Catalog(
    { account, symbols, zone },
    {
      ...{ alias: "a" as AccountAlias, zone: new BrokerZone(zone), observer: notes },
      names: { prefix: "", suffix: "", table: new Map() },
    },
  );

/** Whatever a terminal's side could put there. */
function anything(seed: number) {
  const chance = seeded(seed);
  const pick = <T>(of: readonly T[]): T => of[Math.floor(chance.next() * of.length)] as T;
  const double = () => pick([0, 1.1, 0.01, -5, 1e300, -1e17, Number.NaN, Infinity, 0.1 + 0.2, 65380.340000000004]);
  const int = () => pick([0, 1, 2, 5, 8, 13, 99, -1, 2 ** 31 - 1, -(2 ** 31)]);
  const long = () => pick([0n, 1n, 7n, 2n ** 63n - 1n, -1n, -(2n ** 63n), 1_736_251_200_000n]);
  const id = () => pick([0n, 1n, 2n ** 64n - 1n]);
  const text = () => pick(["", "EURUSD", "OTHER", "\u0000", "ü".repeat(99)]);
  const record = {
    ...{ ticket: id(), order: id(), identifier: id(), positionId: id(), positionById: id(), symbol: text() },
    ...{ type: int(), state: int(), reason: int(), entry: int(), typeFilling: int(), typeTime: int(), magic: long() },
    ...{ volume: double(), volumeInitial: double(), volumeCurrent: double(), price: double(), priceOpen: double() },
    ...{ priceStopLimit: double(), stopLoss: double(), takeProfit: double(), profit: double(), swap: double() },
    ...{ commission: double(), fee: double(), timeMs: long(), timeUpdateMs: long(), timeSetupMs: long() },
    ...{ timeDoneMs: long(), timeExpiration: long(), comment: text() },
  };
  const state = {
    ...{ timeMs: long(), balance: double(), equity: double(), margin: double(), marginLevel: double() },
    positions: [{ ticket: 1n, priceCurrent: double(), profit: double() }],
  };
  return { record, state };
}

/** The numbers in a record, however deep. */
function numbersIn(value: unknown): number[] {
  if (typeof value === "number") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(numbersIn) : [];
}

describe("a terminal's records", () => {
  it("are whole numbers of the core, whatever the terminal puts there", () => {
    for (let seed = 0; seed < 500; seed++) {
      const { records } = catalogOf();
      const { record, state } = anything(seed);
      const { marginLevel, ...valuation } = records.valuation(
        create(AccountStateSchema, state),
        0 as Instant,
        () => "EURUSD",
      );
      const read = [
        records.order(create(OrderSchema, record)),
        records.deal(create(DealSchema, record)),
        records.position(create(PositionSchema, record)),
        valuation,
      ];
      expect(
        numbersIn(read).filter((number) => !Number.isSafeInteger(number)),
        `seed ${seed}`,
      ).toEqual([]);
      expect(Number.isFinite(marginLevel), `seed ${seed}`).toBe(true);
    }
  });

  it("have the price that people wrote, whatever a double makes of it", () => {
    const { records } = catalogOf();
    for (const [told, points] of [
      [1.1000100000000002, 110001],
      [1.0999999999999999, 110000],
      [0.00001, 1],
    ] as const) {
      expect(records.level("EURUSD", told)).toBe(points);
    }
    expect(records.level("EURUSD", 0)).toBeUndefined();
  });

  it("of a symbol that nobody knew at the start are shown without decimals, and told of once", () => {
    const notes = new Notes();
    const { records } = catalogOf(undefined, notes);
    const deal = create(DealSchema, { ticket: 1n, symbol: "NEW", price: 12.34, volume: 1 });
    expect([records.deal(deal).price, records.deal(deal).symbol]).toEqual([12, "NEW"]);
    expect(notes.lines.filter((line) => line.includes("NEW is not known yet"))).toHaveLength(1);
  });

  it("of a close by have the side that closes its position", () => {
    const { records } = catalogOf();
    const position = records.position(create(PositionSchema, { ticket: 3n, symbol: "EURUSD", type: 0 }));
    const order = create(OrderSchema, { ticket: 4n, symbol: "EURUSD", type: 8, positionId: 3n, positionById: 5n });
    expect(records.order(order, position)).toMatchObject({
      type: "close_by",
      side: "sell",
      position: 3n,
      positionBy: 5n,
    });
  });

  it("keep a number that has no word as the number, and are told of each such number once", () => {
    const notes = new Notes();
    const { records } = catalogOf(undefined, notes);
    const order = { symbol: "EURUSD", type: 9, state: 10, reason: 11, typeFilling: 4, typeTime: -1 };
    const deal = { type: 21, entry: 4, reason: 99 };
    for (let twice = 0; twice < 2; twice++) {
      expect(records.order(create(OrderSchema, order))).toMatchObject({
        ...{ type: "#9", side: "#9", state: "#10", reason: "#11", filling: "#4", timeInForce: "#-1" },
      });
      expect(records.deal(create(DealSchema, deal))).toMatchObject({ type: "#21", entry: "#4", reason: "#99" });
      expect(records.position(create(PositionSchema, { type: 2, reason: 12 }))).toMatchObject({
        ...{ side: "#2", reason: "#12" },
      });
    }
    expect(notes.lines.filter((line) => line.includes("travels as its number"))).toHaveLength(10);
  });

  it("have a word of its own for every number that MetaTrader has written down", () => {
    const { records } = catalogOf();
    const words = (count: number, of: (number: number) => string) => {
      const all = Array.from({ length: count }, (_, number) => of(number));
      return new Set(all.filter((word) => !word.startsWith("#"))).size;
    };
    expect(words(99, (type) => records.deal(create(DealSchema, { type })).type)).toBe(21);
    expect(words(99, (reason) => records.deal(create(DealSchema, { reason })).reason)).toBe(11);
    expect(words(99, (entry) => records.deal(create(DealSchema, { entry })).entry)).toBe(4);
  });

  it("keep the broker's time as it was told, whatever his clock turns out to be", () => {
    const [time, later] = [1_736_251_200_000n, 1_736_251_260_000n];
    const told = { timeMs: time, timeUpdateMs: later, timeSetupMs: time, timeDoneMs: later };
    for (const hours of [0, 3, 9]) {
      const zone = { segments: [{ from: 0 as Instant, offset: hours * 3_600_000 }], newYork: false };
      const { records } = catalogOf(undefined, undefined, zone);
      const ahead = ({ utc, brokers }: { utc: number | undefined; brokers: number | undefined }) =>
        Number(brokers) - Number(utc);
      const deal = records.deal(create(DealSchema, told));
      const order = records.order(create(OrderSchema, told));
      const position = records.position(create(PositionSchema, told));
      expect([deal.brokerTime, order.setupBrokerTime, position.openBrokerTime]).toEqual(Array(3).fill(Number(time)));
      expect([order.doneBrokerTime, position.updateBrokerTime]).toEqual([Number(later), Number(later)]);
      const both = [
        { utc: deal.time, brokers: deal.brokerTime },
        { utc: order.setupTime, brokers: order.setupBrokerTime },
        { utc: order.doneTime, brokers: order.doneBrokerTime },
        { utc: position.openTime, brokers: position.openBrokerTime },
        { utc: position.updateTime, brokers: position.updateBrokerTime },
      ];
      expect(both.map(ahead)).toEqual(Array(5).fill(hours * 3_600_000));
    }
  });

  it("raise no margin call by a level whose unit is not known", () => {
    const told = { margin: 10, marginLevel: 1, equity: 1 };
    const at = (stopoutMode: number) =>
      new Catalog(
        {
          account: create(AccountSchema, { fingerprint, currencyDigits: 2, stopoutMode, marginCallLevel: 50 }),
          ...{ symbols: [], zone: { segments: [], newYork: true } },
        },
        {
          ...{ alias: "a" as AccountAlias, zone: new BrokerZone(), observer: new Notes() },
          names: { prefix: "", suffix: "", table: new Map() },
        },
      ).records.valuation(create(AccountStateSchema, told), 0 as Instant, () => undefined).marginCall;
    expect([0, 1, 2].map(at)).toEqual([true, true, false]);
  });
});

describe("a symbol's specification", () => {
  it("has what MetaTrader's numbers and bits mean", () => {
    const told = { ...eurusd, fillingMode: 2, expirationMode: 5, tradeExecution: 3, swapMode: 5, tradeMode: 3 };
    const sessions = [
      { day: 0, from: 79_200, to: 0 },
      { day: 1, from: 0, to: 86_400 },
    ];
    const [spec] = catalogOf([create(SymbolSchema, { ...told, tradeSessions: sessions })]).symbols;
    expect(spec).toMatchObject({
      ...{ tickSize: 1, fillingModes: ["ioc"], expirationModes: ["gtc", "specified"], execution: "exchange" },
      ...{ swapMode: "interest_current", tradeMode: "close_only", swapRates: [0, 1, 1, 3, 1, 1, 0] },
      orderModes: ["market", "limit", "stop", "stop_limit", "stop_loss", "take_profit", "close_by"],
    });
    expect(spec?.tradeSessions.slice(0, 3)).toEqual([[{ from: 79_200, to: 86_400 }], [{ from: 0, to: 86_400 }], []]);
  });

  it("keeps numbers and bits that have no word", () => {
    const told = { tradeCalcMode: 6, tradeMode: 5, tradeExecution: 4, orderGtcMode: 3, chartMode: 2, swapMode: 10 };
    const bits = { orderMode: 127 + 128, fillingMode: 2 + 8, expirationMode: 1 + 16 + 64 };
    const [spec] = catalogOf([create(SymbolSchema, { ...eurusd, ...told, ...bits })]).symbols;
    expect(spec).toMatchObject({
      ...{ calcMode: "#6", tradeMode: "#5", execution: "#4", gtcMode: "#3", chartMode: "#2", swapMode: "#10" },
      ...{ fillingModes: ["ioc"], expirationModes: ["gtc"] },
      unnamedModes: { orderModes: 128, fillingModes: 8, expirationModes: 80 },
    });
    expect(spec?.orderModes).toHaveLength(7);
  });
});
