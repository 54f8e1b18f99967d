import { describe, expect, it } from "vitest";
import { toBrokerTime } from "../../../src/core/model/broker-clock.ts";
import type { Price } from "../../../src/core/model/decimals.ts";
import type { Instant } from "../../../src/core/model/ids.ts";
import type { Side } from "../../../src/core/model/order.ts";
import type { SourceTick } from "../../../src/core/model/tick.ts";
import { TickRows } from "../../../src/core/model/tick-rows.ts";
import type { PaperBroker } from "../../../src/terminals/paper/broker.ts";
import { numbers, tickAt } from "../../any-ticks.ts";
import { asks, eurusd, HOUR, noon, Session } from "./builders.ts";

const symbols = [eurusd, { ...eurusd, name: "GBPUSD", currencyBase: "GBP", currencyMargin: "GBP" }];

/** What the broker would tell anybody now, orders to come included. */
const standing = (broker: PaperBroker, now: Instant) => broker.snapshot(0 as Instant, now, now);

describe("a batch of ticks", () => {
  it("does what its ticks do one by one, whatever is open, and on whichever days", () => {
    for (let seed = 0; seed < 40; seed++) {
      const below = numbers(seed);
      const [whole, single] = [new Session({ settings: { symbols } }), new Session({ settings: { symbols } })];
      let now = noon;
      for (let round = 0; round < 30; round++) {
        const ticks = Array.from({ length: 1 + below(20) }, (): SourceTick => {
          now = (now + (below(12) === 0 ? 9 * HOUR : below(1000))) as Instant;
          const bid = (110_000 + below(300)) as Price;
          return tickAt(now, { symbol: symbols[below(2)]?.name as string, bid, ask: (bid + below(30)) as Price });
        });
        const set = whole.broker.ticks(TickRows.of(ticks)).flatMap(({ events }) => events);
        const each = ticks.flatMap((tick) => single.broker.ticks(TickRows.of([tick]))).flatMap(({ events }) => events);
        expect(set, `seed ${seed}, round ${round}`).toEqual(each);
        for (const session of [whole, single]) session.now = now;
        if (below(3) > 0) continue;
        const { positions } = whole.broker.books;
        const [open] = positions.values();
        const side: Side = open?.side === "buy" ? "sell" : "buy";
        const order = asks(side, { symbol: open?.symbol ?? "GBPUSD", ...(open && { position: open.ticket }) });
        expect(whole.submit(order), `seed ${seed}, round ${round}`).toEqual(single.submit(order));
        expect(standing(whole.broker, now), `seed ${seed}, round ${round}`).toEqual(standing(single.broker, now));
      }
      expect(toBrokerTime(now) - toBrokerTime(noon), `seed ${seed}`).toBeGreaterThan(24 * HOUR);
    }
  });

  it("begins each day with its first tick, though nothing is open", () => {
    const { broker } = new Session();
    const ticks = [0, 1, 24, 25, 48].map((hours) => tickAt((noon + hours * HOUR) as Instant));
    const episodes = broker.ticks(TickRows.of(ticks));
    const days = episodes.map(({ ticks, events }) => [ticks.length, events.map(({ type }) => type)]);
    expect(days).toEqual([
      [1, ["day"]],
      [2, ["day"]],
      [2, ["day"]],
    ]);
  });
});
