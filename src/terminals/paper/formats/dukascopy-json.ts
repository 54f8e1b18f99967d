/**
 * An hour of Dukascopy ticks as one JSON object, UTC.
 *
 * `times`, `asks` and `bids` are steps from the tick before (the first from `timestamp`,
 * `ask` and `bid`), prices in units of `multiplier`. Sums are kept in those units, whole.
 */
import type { Row, Sample, WholeFormat } from "./format.ts";

interface Hour {
  readonly timestamp: number;
  readonly multiplier: number;
  readonly ask: number;
  readonly bid: number;
  readonly times: readonly unknown[];
  readonly asks: readonly unknown[];
  readonly bids: readonly unknown[];
}

const text = ({ head }: Sample): string => head.toString("latin1");

export const dukascopyJson: WholeFormat = {
  kind: "whole",
  name: "dukascopy-json",
  fits: (sample) =>
    /^\s*\{/.test(text(sample)) && /"timestamp"\s*:\s*\d+/.test(text(sample)) && /"multiplier"/.test(text(sample)),
  zone: () => "UTC",
  starts: (sample) => Number(/"timestamp"\s*:\s*(\d+)/.exec(text(sample))?.[1]),
  *rows(_sample, bytes, { digits }, row) {
    const hour = parsed(JSON.parse(bytes.toString("utf8")));
    const scale = hour.multiplier * 10 ** digits;
    let time = hour.timestamp;
    let ask = Math.round(hour.ask / hour.multiplier);
    let bid = Math.round(hour.bid / hour.multiplier);
    for (let i = 0; i < hour.times.length; i++) {
      const [after, askStep, bidStep] = [hour.times[i], hour.asks[i], hour.bids[i]];
      if (!Number.isFinite(after) || !Number.isFinite(askStep) || !Number.isFinite(bidStep)) {
        throw new Error(`tick ${i + 1}: a step is not a number, and all later ticks stand on it`);
      }
      time += after as number;
      ask += askStep as number;
      bid += bidStep as number;
      row.time = time;
      row.ask = inPoints(ask * scale, row);
      row.bid = inPoints(bid * scale, row);
      yield row.bid > 0 && row.ask > 0 ? undefined : "the bid or the ask is not a positive price";
    }
  },
};

function inPoints(exact: number, row: Row): number {
  const whole = Math.round(exact);
  if (Math.abs(exact - whole) > 1e-3) row.rounded = true;
  return whole;
}

function parsed(value: unknown): Hour {
  const hour = value as Partial<Hour> | null;
  for (const field of ["timestamp", "multiplier", "ask", "bid"] as const) {
    if (!Number.isFinite(hour?.[field])) throw new Error(`its "${field}" is not a number`);
  }
  for (const field of ["times", "asks", "bids"] as const) {
    if (!Array.isArray(hour?.[field])) throw new Error(`it has no list "${field}"`);
  }
  const whole = hour as Hour;
  if (!(whole.multiplier > 0)) throw new Error('its "multiplier" is not positive');
  if (whole.asks.length !== whole.times.length || whole.bids.length !== whole.times.length) {
    throw new Error("its lists differ in length");
  }
  return whole;
}
