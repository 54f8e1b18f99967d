/**
 * An hour of Dukascopy ticks as Dukascopy serves it: an LZMA-alone stream of 20-byte
 * big-endian records `uint32 ms, uint32 ask, uint32 bid, float32 volumes`, UTC.
 *
 * The ask comes before the bid. The hour is in the path only: `2019/01/04/10h_ticks.bi5`
 * as on the server, whose months count from 0 (that is 4 February), or
 * `…-2019-02-04-10h….bi5`, whose months do not. A file of no bytes is an hour without ticks.
 */
import { createRequire } from "node:module";
import { HOUR, midnight } from "./calendar.ts";
import { flaw, type Sample, type WholeFormat, wholeLimit } from "./format.ts";

// Required, not imported: what the package declares as its types are its own sources,
// which do not pass this project's stricter settings. And required late: few replays need it.
const decompress = (packed: Uint8Array): Uint8Array =>
  (createRequire(import.meta.url)("lzma1") as { decompress(packed: Uint8Array): Uint8Array }).decompress(packed);

const RECORD = 20;
const HEADER = 13;
const UNKNOWN = 0xffff_ffff_ffff_ffffn;

export const dukascopyBi5: WholeFormat = {
  kind: "whole",
  name: "dukascopy-bi5",
  fits: ({ path, head }) => /\.bi5(\.gz)?$/i.test(path) && (head.length === 0 || head[0] === 0x5d),
  zone: () => "UTC",
  starts: hourOf,
  *rows(sample, bytes, { name, digits }, row) {
    if (bytes.length === 0) return;
    const hour = hourOf(sample);
    const records = unpack(bytes);
    const more = decimals(name) - digits;
    const scale = 10 ** Math.abs(more);
    for (let at = 0; at < records.length; at += RECORD) {
      const into = records.readUInt32BE(at);
      const ask = records.readUInt32BE(at + 4);
      const bid = records.readUInt32BE(at + 8);
      row.time = hour + into;
      row.ask = more > 0 ? Math.round(ask / scale) : ask * scale;
      row.bid = more > 0 ? Math.round(bid / scale) : bid * scale;
      if (more > 0 && (ask % scale !== 0 || bid % scale !== 0)) row.rounded = true;
      yield into < HOUR ? flaw(row) : "the time is past the hour's end";
    }
  },
};

/** The decoder runs on past the end of a stream that was cut off, so the stated size decides. */
function unpack(bytes: Buffer): Buffer {
  if (bytes.length < HEADER) throw new Error("the LZMA stream is cut off");
  const stated = bytes.readBigUInt64LE(5);
  if (stated === UNKNOWN) throw new Error("the LZMA stream does not state its size");
  if (stated > wholeLimit) throw new Error(`the LZMA stream unpacks to more than ${wholeLimit} bytes`);
  let records: Uint8Array;
  try {
    records = decompress(bytes);
  } catch (cause) {
    throw new Error(`the LZMA stream is damaged: ${(cause as Error).message}`, { cause });
  }
  if (BigInt(records.length) !== stated) throw new Error("the LZMA stream is cut off");
  if (records.length % RECORD !== 0) throw new Error(`its ${records.length} bytes are no whole number of records`);
  return Buffer.from(records.buffer, records.byteOffset, records.length);
}

function hourOf({ path }: Sample): number {
  const served = /(\d{4})[/\\](\d\d)[/\\](\d\d)[/\\](\d\d)h_ticks\.bi5/.exec(path);
  const named = /(\d{4})-(\d\d)-(\d\d)[-_T](\d\d)h?/.exec(path);
  const [, year, month, day, hour] = (served ?? named ?? []).map(Number);
  const start = midnight(year ?? 0, (month ?? 0) + (served === null ? 0 : 1), day ?? 0) + (hour ?? 0) * HOUR;
  if (Number.isNaN(start) || (hour ?? 0) > 23) {
    throw new Error(
      "a Dukascopy file needs its hour in its name, as in EURUSD/2019/01/04/10h_ticks.bi5 (months from 0)",
    );
  }
  return start;
}

/** How many decimals Dukascopy's whole numbers have; the files do not say. */
function decimals(symbol: string): number {
  if (/^(BTC|ETH)/i.test(symbol)) return 1;
  return /^[A-Z]{6}(?![A-Z])/i.test(symbol) && !/^(XAU|XAG|XPT|XPD)|JPY|RUB|HUF/i.test(symbol) ? 5 : 3;
}
