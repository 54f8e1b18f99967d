/** Ticks to replay where there are no recordings. */
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

const DAY = 86_400_000;

/** A day of EURUSD in LEAN's form, evenly spread; prices take small steps. */
export async function makeDay(folder: string, ticks: number): Promise<string> {
  const path = join(folder, "eurusd-2024-05-02-lean.csv");
  const lines = function* () {
    let bid = 109_301;
    let text = "";
    for (let i = 0; i < ticks; i++) {
      bid += ((i * 7919) % 5) - 2;
      const ask = bid + 8 + (i % 3);
      text += `${Math.floor((i * DAY) / ticks)},${(bid / 1e5).toFixed(5)},${(ask / 1e5).toFixed(5)}\n`;
      if (text.length < 65_536) continue;
      yield text;
      text = "";
    }
    yield text;
  };
  await pipeline(Readable.from(lines()), createWriteStream(path));
  return path;
}
