/**
 * A terminal's ticks as rows, each once, though a stream was cut and begun again.
 *
 * A stream is begun again just before the last tick that came of each symbol. Of that
 * moment so many ticks come again as had come of it, and those are left out. While it is
 * being begun again nothing is taken: what comes then comes again.
 */

import type { Ticks } from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import type { SymbolSpec } from "../../core/model/symbol.ts";
import { RowWriter, type TickRows } from "../../core/model/tick-rows.ts";
import { brokerMoment, priceOf, volumeOf } from "./amounts.ts";
import type { BrokerZone } from "./broker-zone.ts";

/** Zones change at whole quarters of an hour (ms): within one, all ticks are as far from UTC. */
const QUARTER = 900_000;

/** What came of a symbol. */
interface Course {
  readonly row: number;
  readonly digits: number;
  /** The last moment, by the broker's clock (ms), and how many ticks came of it. */
  last: number;
  atLast: number;
  /** How many ticks of that moment are still to come again; 0 as soon as one of another moment has come. */
  again: number;
}

export class TickStream {
  /** In the order of their rows; another list when one has come. */
  #symbols: readonly SymbolSpec[] = [];
  readonly #zone: BrokerZone;
  /** By the broker's names. */
  readonly #courses = new Map<string, Course>();
  #held = false;

  constructor(zone: BrokerZone) {
    this.#zone = zone;
  }

  /** From now on their ticks are known. `brokers`: the broker's name of each. */
  learn(symbols: readonly SymbolSpec[], brokers: (ours: string) => string): void {
    for (const [i, { name, digits }] of symbols.entries()) {
      const row = this.#symbols.length + i;
      this.#courses.set(brokers(name), { row, digits, last: 0, atLast: 0, again: 0 });
    }
    this.#symbols = [...this.#symbols, ...symbols];
  }

  /** What a new subscription has to begin after, ms of the broker's clock; 0: from now on. `oldest`: no earlier than this. */
  begin(symbols: readonly string[], oldest: number): bigint[] {
    this.#held = true;
    return symbols.map((name) => {
      const course = this.#courses.get(name);
      return BigInt(course === undefined || course.last === 0 || course.last < oldest ? 0 : course.last - 1);
    });
  }

  /** The subscription has begun: what comes from here on is of it. */
  begun(): void {
    this.#held = false;
    for (const course of this.#courses.values()) course.again = course.atLast;
  }

  /** The ticks that have not come before, of symbols that are known; undefined when the columns do not fit each other. */
  rows(told: Ticks): TickRows | undefined {
    const { symbol: symbols, timeMs, bid, ask, last, volume, flags } = told;
    const count = symbols.length;
    const fits = [bid, ask, last, volume, flags].every(({ length }) => length === 0 || length === count);
    if (!fits || timeMs.length !== count) return undefined;
    const courses = told.symbols.map((name) => this.#courses.get(name));
    const rows = new RowWriter(this.#symbols, count);
    let quarter = Number.NaN;
    let ahead = 0;
    for (let i = 0, time = 0; i < count; i++) {
      time += Number(timeMs[i]);
      const course = courses[symbols[i] as number];
      if (course === undefined || this.#held || brokerMoment(time) === undefined || cameBefore(course, time)) continue;
      if (Math.floor(time / QUARTER) !== quarter) {
        quarter = Math.floor(time / QUARTER);
        ahead = time - this.#zone.toUtc(time);
      }
      const { row, digits } = course;
      const bidAt = priceOf(bid[i] ?? 0, digits);
      const askAt = priceOf(ask[i] ?? 0, digits);
      const lastAt = priceOf(last[i] ?? 0, digits);
      rows.add(row, time - ahead, time, bidAt, askAt, lastAt, volumeOf(volume[i] ?? 0), flags[i] ?? 0);
    }
    return rows.take();
  }
}

function cameBefore(course: Course, time: number): boolean {
  if (time === course.last && course.again > 0) {
    course.again--;
    return true;
  }
  course.again = 0;
  course.atLast = time === course.last ? course.atLast + 1 : 1;
  course.last = time;
  return false;
}
