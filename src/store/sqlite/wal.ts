/**
 * What became of the newest commits in SQLite's write-ahead log.
 *
 * SQLite takes the log up to the first frame that does not match its checksum, and says
 * nothing of what comes after. Behind that frame a power cut leaves the frames of one
 * commit, the one that nobody was told of: every commit before it was synced. More than
 * one commit behind it were synced and acknowledged, and something has changed the file
 * since: they must not be passed over in silence.
 *
 * The format: https://www.sqlite.org/fileformat.html#the_write_ahead_log
 */

export type WalTail =
  | { readonly kind: "whole" }
  /** `bytes` behind the last whole commit belong to one that was never acknowledged. */
  | { readonly kind: "torn"; readonly bytes: number }
  /** `commits` behind the byte `at` cannot be read, though all but the last were acknowledged. */
  | { readonly kind: "damaged"; readonly at: number; readonly commits: number };

const HEADER = 32;
const FRAME_HEADER = 24;

export function inspectWal(wal: Buffer): WalTail {
  if (wal.length <= HEADER) return { kind: "whole" };
  const stride = FRAME_HEADER + pageSizeOf(wal);
  const little = (wal.readUInt32BE(0) & 1) === 0;
  let sums: Sums = checked([0, 0], wal, 0, 24, little);
  const sound = matches(sums, wal, 24);
  const salts = wal.subarray(sound ? 16 : HEADER + 8, sound ? 24 : HEADER + 16);
  let at = HEADER;
  let end = HEADER;
  if (sound) {
    for (; at + stride <= wal.length; at += stride) {
      if (!saltedWith(salts, wal, at)) break;
      sums = checked(checked(sums, wal, at, at + 8, little), wal, at + FRAME_HEADER, at + stride, little);
      if (!matches(sums, wal, at + 16)) break;
      if (isCommit(wal, at)) end = at + stride;
    }
  }
  return tailFrom(wal, { at, end, stride, salts });
}

interface Break {
  /** The first frame that does not match. */
  readonly at: number;
  /** The end of the last whole commit. */
  readonly end: number;
  readonly stride: number;
  readonly salts: Buffer;
}

/** Frames of an older life of the file carry other salts and do not count. */
function tailFrom(wal: Buffer, { at, end, stride, salts }: Break): WalTail {
  let commits = 0;
  let last = (wal.length - HEADER) % stride === 0 ? at : wal.length; // a frame of which only a part is there
  for (let frame = at; frame + stride <= wal.length; frame += stride) {
    if (!saltedWith(salts, wal, frame)) continue;
    last = Math.max(last, frame + stride);
    if (isCommit(wal, frame)) commits++;
  }
  if (commits > 1) return { kind: "damaged", at, commits };
  return last > end ? { kind: "torn", bytes: last - end } : { kind: "whole" };
}

function pageSizeOf(wal: Buffer): number {
  const size = wal.readUInt32BE(8);
  return size >= 512 && size <= 65_536 && (size & (size - 1)) === 0 ? size : 4096;
}

const isCommit = (wal: Buffer, frame: number): boolean => wal.readUInt32BE(frame + 4) !== 0;

const saltedWith = (salts: Buffer, wal: Buffer, frame: number): boolean =>
  salts.equals(wal.subarray(frame + 8, frame + 16));

type Sums = readonly [number, number];

function checked([first, second]: Sums, wal: Buffer, from: number, to: number, little: boolean): Sums {
  let a = first;
  let b = second;
  for (let i = from; i < to; i += 8) {
    a = (a + (little ? wal.readUInt32LE(i) : wal.readUInt32BE(i)) + b) >>> 0;
    b = (b + (little ? wal.readUInt32LE(i + 4) : wal.readUInt32BE(i + 4)) + a) >>> 0;
  }
  return [a, b];
}

const matches = ([a, b]: Sums, wal: Buffer, at: number): boolean =>
  wal.readUInt32BE(at) === a && wal.readUInt32BE(at + 4) === b;
