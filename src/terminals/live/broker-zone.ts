/**
 * What the broker's clock shows, learned by watching it.
 *
 * MetaTrader gives every time by the broker's wall clock and never says how that stands to
 * UTC. The newest tick's time tells, but only while it runs: over a weekend it stands still,
 * and would pass for a clock that falls behind. So an offset is believed when that time has
 * run beside ours for a while, and the two are whole quarters of an hour apart, as zones are.
 *
 * Where nothing was watched New York + 7 stands in, the rule of most brokers, for the past
 * and for the next switch, for as long as nothing that was watched has contradicted it.
 */
import { fromBrokerTime, toBrokerTime } from "../../core/model/broker-clock.ts";
import type { BrokerTime, Instant } from "../../core/model/ids.ts";

/** From a moment on the broker's clock was so far ahead of UTC (ms). */
interface Segment {
  readonly from: Instant;
  readonly offset: number;
}

/** Plain data, for the next start. */
export interface ZoneMemory {
  /** What was watched, oldest first. */
  readonly segments: readonly Segment[];
  /** Nothing has contradicted New York + 7. */
  readonly newYork: boolean;
}

const QUARTER = 900_000;
/** So long a clock must run before it is believed. */
const runFor = 30_000;
/** So far it may fall behind or run ahead meanwhile: ticks come when they come. */
const tolerance = 15_000;
/** A clock that is further from a whole quarter is wrong, and tells no zone. */
const mostWrong = 300_000;
/** Switches of a few decades: the oldest are forgotten. */
const mostSegments = 64;
/** No zone is further from UTC. */
const furthest = 15 * 3_600_000;

interface Run {
  readonly since: Instant;
  readonly began: number;
  readonly lead: number;
}

export class BrokerZone {
  #segments: readonly Segment[];
  #newYork: boolean;
  #guess: number | undefined;
  #run: Run | undefined;

  constructor(memory: ZoneMemory = { segments: [], newYork: true }) {
    this.#segments = memory.segments;
    this.#newYork = memory.newYork;
  }

  get memory(): ZoneMemory {
    return { segments: this.#segments, newYork: this.#newYork };
  }

  /** What the terminal believes the broker's clock to be: better than nothing while nothing was watched. */
  hear(server: number, now: Instant): void {
    const offset = zoneOf(server - now);
    if (this.#segments.length > 0 || offset === undefined) return;
    this.#guess = offset === newYorkAt(now) ? undefined : offset;
  }

  /** The newest tick's time by the broker's clock, and ours. True when that has told something new. */
  watch(server: number, now: Instant): boolean {
    const lead = server - now;
    const run = this.#run;
    if (run === undefined || now < run.since || Math.abs(lead - run.began) > tolerance) {
      this.#run = { since: now, began: lead, lead };
      return false;
    }
    this.#run = { ...run, lead: Math.max(run.lead, lead) };
    if (now - run.since < runFor) return false;
    this.#run = undefined;
    const offset = zoneOf(Math.max(run.lead, lead));
    return offset !== undefined && this.#learn(offset, run.since);
  }

  toBroker(utc: Instant): BrokerTime {
    return (utc + this.#offsetAt(utc)) as BrokerTime;
  }

  /** Of an hour that the clock shows twice, the later where the switch was watched, else the earlier. */
  toUtc(broker: number): Instant {
    if (this.#guess === undefined && this.#newYork) return fromBrokerTime(broker as BrokerTime);
    const watched = this.#segments.findLast(({ from, offset }) => broker - offset >= from);
    return (broker - (this.#guess ?? watched?.offset ?? this.#first)) as Instant;
  }

  #offsetAt(utc: Instant): number {
    if (this.#guess !== undefined) return this.#guess;
    if (this.#newYork) return newYorkAt(utc);
    return this.#segments.findLast(({ from }) => from <= utc)?.offset ?? this.#first;
  }

  /** Before anything was watched it was as it was then. */
  get #first(): number {
    return this.#segments[0]?.offset ?? 0;
  }

  #learn(offset: number, since: Instant): boolean {
    this.#guess = undefined;
    if (this.#segments.length > 0 && this.#offsetAt(since) === offset) return false;
    if (offset !== newYorkAt(since)) this.#newYork = false;
    const before = this.#segments.filter(({ from }) => from < since);
    this.#segments = [...before, { from: since, offset }].slice(-mostSegments);
    return true;
  }
}

const newYorkAt = (utc: Instant): number => toBrokerTime(utc) - utc;

/** The zone of a clock that is so far ahead of UTC; undefined when none is. */
function zoneOf(ahead: number): number | undefined {
  const offset = Math.round(ahead / QUARTER) * QUARTER;
  return Math.abs(ahead - offset) <= mostWrong && Math.abs(offset) <= furthest ? offset : undefined;
}
