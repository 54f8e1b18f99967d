/**
 * What a live account was worth when its terminal last said so, for a start without the terminal.
 *
 * What each position was worth is left out: prices have gone on.
 */
import { join } from "node:path";
import type { Valuation } from "../core/model/account.ts";
import type { Money } from "../core/model/decimals.ts";
import type { Instant } from "../core/model/ids.ts";
import { keepText, keptText } from "./kept-text.ts";

const file = "worth.json";
const none = 0 as Money;

/** Its time says that it is not known. */
const unknown: Valuation = {
  ...{ time: 0 as Instant, balance: none, credit: none, profit: none, equity: none, margin: none, freeMargin: none },
  ...{ marginLevel: 0, marginCall: false, positions: [] },
};

export function keptWorth(folder: string): Valuation {
  try {
    const kept = JSON.parse(keptText(join(folder, file)) ?? "{}") as Readonly<Record<string, unknown>>;
    const isSound = Object.entries(unknown).every(
      ([name, value]) => name === "positions" || (typeof kept[name] === typeof value && kept[name] !== null),
    );
    return isSound ? { ...unknown, ...kept, positions: [] } : unknown;
  } catch {
    return unknown; // by another hand: the terminal tells it again
  }
}

export function keepWorth(folder: string, { positions: _left, ...worth }: Valuation): void {
  keepText(join(folder, file), JSON.stringify(worth));
}
