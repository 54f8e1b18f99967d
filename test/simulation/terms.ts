/** What kind of account, market and bridge a seed has. */
import type { MarginMode } from "../../src/core/model/account.ts";
import type { Session, SymbolSpec, WeekSessions } from "../../src/core/model/symbol.ts";
import { eurusd } from "../terminals/paper/builders.ts";
import type { Dice } from "./dice.ts";

export interface Terms {
  readonly marginMode: MarginMode;
  readonly symbols: readonly SymbolSpec[];
  /** Events between two snapshots. */
  readonly snapshotEvery: number;
  /** Money is taken out when it is needed. */
  readonly withdraws: boolean;
  /** Positions are told so many milliseconds after the deals that made them. */
  readonly positionsLate: number;
}

/** The broker's second of the day in which a run begins. */
const opening = 12 * 3600;
const day = 86_400;

export function drawTerms(dice: Dice, rarer: Dice): Terms {
  const marginMode = dice.happens(0.3) ? "netting" : "hedging";
  const snapshotEvery = dice.pick([5, 20, 60, 50_000]);
  const gbpusd = { ...eurusd, name: "GBPUSD", currencyBase: "GBP", currencyMargin: "GBP" };
  return {
    marginMode,
    symbols: [eurusd, dice.happens(0.15) ? closing(gbpusd, dice) : gbpusd],
    snapshotEvery,
    withdraws: rarer.happens(0.2),
    positionsLate: rarer.happens(0.1) ? rarer.between(20, 800) : 0,
  };
}

/** Shut for some seconds of the storm; its price has moved when it opens again. */
function closing(spec: SymbolSpec, dice: Dice): SymbolSpec {
  const from = opening + dice.between(1, 5);
  const sessions = [
    { from: 0, to: from },
    { from: from + dice.between(1, 4), to: day },
  ];
  const week = Array.from({ length: 7 }, (): readonly Session[] => sessions) as unknown as WeekSessions;
  return { ...spec, quoteSessions: week, tradeSessions: week };
}
