/**
 * What the market says now: its time, and the prices that are good enough to measure by.
 *
 * The market's time is the newest tick's, and what has passed since it came. So the hours and days of a market that is
 * replayed are the recorded ones.
 */
import type { Instant } from "../model/ids.ts";
import type { Tick } from "../model/tick.ts";
import type { Clock } from "../ports/clock.ts";
import type { TickHub } from "./hub.ts";

/** A symbol's last price is no price to measure by when it is older (ms). */
const freshFor = 60_000;

export class Prices {
  readonly #hub: TickHub;
  readonly #clock: Clock;
  /** When prices came last, by the bridge's clock. */
  heardAt = 0 as Instant;

  constructor(hub: TickHub, clock: Clock) {
    this.#hub = hub;
    this.#clock = clock;
  }

  /** Prices have come. */
  heard(): void {
    this.heardAt = this.#clock.now();
  }

  get now(): Instant {
    const newest = this.#hub.newest;
    const now = this.#clock.now();
    return newest === undefined ? now : ((newest.time + now - this.heardAt) as Instant);
  }

  /** The symbol's last tick, unless it is too old. */
  fresh(symbol: string): Tick | undefined {
    const tick = this.#hub.latest(symbol);
    return tick !== undefined && this.now - tick.time <= freshFor ? tick : undefined;
  }
}
