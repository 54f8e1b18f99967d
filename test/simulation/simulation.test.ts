/** Everything that can go wrong does, in thousands of ways, and every promise is kept; CI has ten thousand. */
import { describe, expect, it } from "vitest";
import { regressions } from "./regressions.ts";
import { type Outcome, simulateAll } from "./seeds.ts";

const minutes = 60_000;

/** What was broken, with the seed that shows it. */
const broken = ({ failed }: Outcome): string[] =>
  failed.map(({ seed, wrong }) => `npm run simulate -- --seed ${seed}: ${wrong[0]}`);

describe("the bridge", () => {
  it(
    "keeps its promises over 2,000 seeds of faults, all of which fire",
    async () => {
      const outcome = await simulateAll({ from: 1, seeds: 2000 });
      expect(broken(outcome)).toEqual([]);
      expect(outcome.passed).toBe(2000);
      for (const fault of faults) expect(outcome.counts.of(fault), fault).toBeGreaterThan(9);
    },
    15 * minutes,
  );

  it(
    "keeps them over 300 seeds with the live link's own protocol between it and the broker",
    async () => {
      const outcome = await simulateAll({ from: 1, seeds: 300, linked: true });
      expect(broken(outcome).map((line) => `${line} (--linked)`)).toEqual([]);
      expect(outcome.passed).toBe(300);
      for (const fault of faults) expect(outcome.counts.of(fault), fault).toBeGreaterThan(0);
    },
    15 * minutes,
  );

  it.each(regressions)("keeps its promises in seed $seed: $was", async ({ seed }) => {
    expect(broken(await simulateAll({ from: seed, seeds: 1 }, 1))).toEqual([]);
  });
});

describe("a seed", () => {
  it("goes the same way every time, on one thread or on two", async () => {
    const once = await simulateAll({ from: 1, seeds: 60 }, 1);
    const again = await simulateAll({ from: 1, seeds: 60 }, 2);
    expect(again.hash).toBe(once.hash);
    expect(again.turns).toBe(once.turns);
  });

  it("goes the same way every time over the link too", async () => {
    const once = await simulateAll({ from: 1, seeds: 60, linked: true }, 1);
    const again = await simulateAll({ from: 1, seeds: 60, linked: true }, 2);
    expect(again.hash).toBe(once.hash);
    expect(again.turns).toBe(once.turns);
  });

  it("goes another way than the next", async () => {
    const [one, other] = await Promise.all([
      simulateAll({ from: 1, seeds: 1 }, 1),
      simulateAll({ from: 2, seeds: 1 }, 1),
    ]);
    expect(other.hash).not.toBe(one.hash);
  });
});

/** What has to happen often enough to count as tried. */
const faults = [
  ...["delay", "loss", "duplication", "reorder", "cut", "partition"],
  ...["unsynced loss", "torn write", "disk_full", "io_error", "slow sync"],
  ...["kill", "power cut", "pause", "restart", "terminal restart"],
  ...["refusal 10006", "refusal 10004", "10012 executed", "10012 not executed", "10031 executed", "10031 not executed"],
  ...["silent but executed", "silent and lost", "slow answer", "late history", "disorder", "server time jump"],
  ...["manual trade", "manual close", "manual order", "manual cancel", "manual change", "manual deposit"],
  ...["partial fill", "stop loss or take profit", "trigger", "expiry", "stop-out", "answer lost"],
  ...["trading halted", "trading reduce_only", "limits set", "burst of orders"],
  ...["held by max_position", "held by max_open_orders", "held by max_orders_per_second", "held by max_volume"],
  ...["netting account", "hedging account", "market closed", "control damaged", "halted by the bridge itself"],
  ...["snapshot kept", "start from a snapshot", "unsynced snapshot", "shelf damaged"],
  ...["dead-man switch armed", "canceled by a switch", "closed by a switch"],
];
