/** A market whose prices stand still, and are told ten times a second: what a script can count on. */
import { toBrokerTime } from "../../../src/core/model/broker-clock.ts";
import { lots, type Price, price } from "../../../src/core/model/decimals.ts";
import type { Instant } from "../../../src/core/model/ids.ts";
import type { SymbolSpec } from "../../../src/core/model/symbol.ts";
import { TickRows } from "../../../src/core/model/tick-rows.ts";
import type { Clock } from "../../../src/core/ports/clock.ts";
import type { Market } from "../../../src/terminals/paper/market.ts";

const prices: Readonly<Record<string, readonly [bid: number, ask: number]>> = {
  EURUSD: [1.1, 1.1001],
  GBPUSD: [1.25, 1.2501],
};

export class StillMarket implements Market {
  readonly patient = false;
  readonly #symbols: readonly SymbolSpec[];
  readonly #clock: Clock;

  constructor(symbols: readonly SymbolSpec[], clock: Clock) {
    const strange = symbols.find(({ name }) => prices[name] === undefined);
    if (strange !== undefined) throw new Error(`a still market has ${Object.keys(prices).join(" and ")} only`);
    this.#symbols = symbols;
    this.#clock = clock;
  }

  now(): Instant {
    return this.#clock.now();
  }

  async *batches(signal: AbortSignal): AsyncGenerator<TickRows> {
    while (!signal.aborted) {
      const time = this.now();
      const at = { time, brokerTime: toBrokerTime(time), last: 0 as Price, volume: lots(0), flags: 6 };
      yield TickRows.of(
        this.#symbols.map(({ name: symbol, digits }) => {
          const [bid, ask] = prices[symbol] as readonly [number, number];
          return { ...at, symbol, bid: price(bid, digits), ask: price(ask, digits) };
        }),
      );
      await this.#clock.sleep(100, signal);
    }
  }
}
