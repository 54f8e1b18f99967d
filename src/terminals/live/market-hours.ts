/** Whether any symbol can have new prices now, by the sessions of its specification. */
import type { BrokerTime } from "../../core/model/ids.ts";
import type { SymbolSpec } from "../../core/model/symbol.ts";

const DAY = 86_400;

/** A symbol that names no sessions at all is always open: its broker does not tell. */
export function isAnyOpen(specs: readonly SymbolSpec[], now: BrokerTime): boolean {
  const seconds = Math.floor(now / 1000);
  const day = new Date(now).getUTCDay();
  const second = seconds % DAY;
  return specs.length === 0 || specs.some((spec) => isOpen(spec, day, second));
}

function isOpen({ quoteSessions }: SymbolSpec, day: number, second: number): boolean {
  const today = quoteSessions[day] ?? [];
  const yesterday = quoteSessions[(day + 6) % 7] ?? [];
  if (today.some(({ from, to }) => second >= from && second < to)) return true;
  if (yesterday.some(({ to }) => second + DAY < to)) return true; // across midnight
  return quoteSessions.every((sessions) => sessions.length === 0);
}
