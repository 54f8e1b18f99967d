/** What has to happen in a run over many seeds: what never does is not tried. */
import type { Counts } from "./counts.ts";

/** So many seeds are enough for each of them to happen. */
export const enough = 400;

const expected: readonly string[] = [
  ...["delay", "loss", "duplication", "reorder", "cut", "partition"],
  ...["unsynced loss", "torn write", "disk_full", "io_error", "slow sync"],
  ...["kill", "power cut", "pause", "restart", "terminal restart"],
  ...["refusal 10006", "refusal 10004", "10012 executed", "10012 not executed", "10031 executed", "10031 not executed"],
  ...["silent but executed", "silent and lost", "slow answer", "late history", "disorder", "server time jump"],
  ...["manual trade", "manual close", "manual order", "manual cancel", "manual change", "manual deposit"],
  ...[
    "partial fill",
    "rest of an order rejected",
    "withdrawal",
    "position told late",
    "stop loss or take profit",
    "trigger",
    "expiry",
    "stop-out",
    "answer lost",
  ],
  ...["trading halted", "trading reduce_only", "limits set", "burst of orders"],
  ...["held by max_position", "held by max_open_orders", "held by max_orders_per_second", "held by max_volume"],
  ...["netting account", "hedging account", "market closed", "control damaged", "halted by the bridge itself"],
  ...["snapshot kept", "start from a snapshot", "unsynced snapshot", "shelf damaged"],
  ...["dead-man switch armed", "canceled by a switch", "closed by a switch"],
];

export const neverFired = (counts: Counts): string[] => expected.filter((what) => counts.of(what) === 0);
