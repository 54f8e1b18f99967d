import { describe, expect, it } from "vitest";
import { type GetHealthResponse, GetHealthResponseSchema } from "../../gen/ts/mt5bridge/v1/health_pb.ts";
import { healthService } from "../../src/contract/health-service.ts";
import type { Limits } from "../../src/contract/principal.ts";
import { HealthWatch } from "../../src/core/health/health.ts";
import type { Price, Volume } from "../../src/core/model/decimals.ts";
import type { BrokerTime, Instant } from "../../src/core/model/ids.ts";
import { StreamIds } from "../../src/core/streams/stream-ids.ts";
import { contentOf } from "../../src/transport/frame.ts";
import { faultOf, openDesk } from "../core/desk.ts";

/** A bridge whose health is asked for, by whoever may read so much. */
async function asked() {
  const desk = await openDesk();
  const watch = new HealthWatch([desk.account], new StreamIds("e"), desk.clock);
  const about = { version: "1", runtime: "v24", streams: () => streams };
  let streams = 0;
  const service = () => healthService(watch, about).implementation["getHealth"] as Answer;
  type Answer = (request: object, call: object) => GetHealthResponse;
  const reader = (read: Limits) => ({ principal: { name: "reader", grants: { read } } });
  const [everything, nothing] = [reader({}), reader({ accounts: [] })];
  const running = service();
  const texts = (answer: Answer) =>
    [everything, nothing].map((who) => contentOf(GetHealthResponseSchema, answer({}, who), { json: true }).toString());
  return {
    ...desk,
    watch,
    open: (more: number) => {
      streams += more;
    },
    /** By the bridge that was asked before, and by one that never was. */
    told: () => texts(running),
    fresh: () => texts(service()),
  };
}

const tick = (time: number) => ({
  symbol: "EURUSD",
  time: time as Instant,
  brokerTime: time as BrokerTime,
  bid: 100_000 as Price,
  ask: 100_010 as Price,
  last: 0 as Price,
  volume: 0 as Volume,
  flags: 6,
});

describe("the health that is asked for", () => {
  it("tells how far the broker's clock is ahead of UTC, by its own ticks where they say otherwise", async () => {
    const { clock, hub, told } = await asked();
    const offset = () => JSON.parse(told()[0] as string).health.terminals[0].clockOffset;
    expect(offset()).toBe("7200s");
    hub.publish([{ ...tick(clock.now()), brokerTime: (clock.now() + 19_800_000) as BrokerTime }]);
    expect(offset()).toBe("19800s");
  });

  it("is told as it stands to each who asks, whatever was told in the very same moment before", async () => {
    const { account, clock, control, desk, fresh, hub, journal, open, place, told, watch } = await asked();
    const other = await openDesk();
    const changes: readonly (() => unknown)[] = [
      () => hub.publish([tick(clock.now())]),
      () => hub.publish([tick(clock.now() + 1)]),
      () => open(1),
      () => {
        account.desk.linkMessage = "since noon";
      },
      () => {
        account.marketOpen = false;
      },
      () => {
        desk.linkUp = false;
      },
      () => control.setMode({}, "halted", { reason: "test", by: "test" }),
      () => clock.advance(1),
      () => watch.add(other.account),
      async () => {
        journal.break();
        desk.linkUp = true;
        await control.setMode({}, "active", { reason: "test", by: "test" });
        await faultOf(place());
      },
      () => watch.drain(),
    ];
    const all = [told()];
    for (const change of changes) {
      await change();
      all.push(told());
      expect(all.at(-1)).toEqual(fresh());
      expect(told()).toEqual(all.at(-1));
    }
    expect(new Set(all.map(([everything]) => everything)).size).toBe(changes.length + 1);
  });
});
