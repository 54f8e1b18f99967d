/** Frames out of pieces of any size. */
import { describe, expect, it } from "vitest";
import { FrameCutter } from "../../../src/transport/link/frame-cutter.ts";
import { Dice } from "../../simulation/dice.ts";

const largest = 1_000;

function framed(frame: Uint8Array): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(frame.length);
  return Buffer.concat([head, frame]);
}

function cut(pieces: Iterable<Buffer>): Buffer[] {
  const cutter = new FrameCutter(largest);
  const frames: Uint8Array[] = [];
  for (const piece of pieces) {
    cutter.add(piece);
    for (let frame = cutter.next(); frame !== undefined; frame = cutter.next()) frames.push(frame);
  }
  return frames.map((frame) => Buffer.from(frame)); // read at the end: what was given out must not have changed
}

describe("frames behind their length", () => {
  const frames = [Buffer.from("first"), Buffer.alloc(0), Buffer.alloc(largest, 7), Buffer.from([0, 0, 0, 1])];
  const bytes = Buffer.concat(frames.map(framed));

  it("come out whole wherever the bytes are split in two", () => {
    for (let at = 0; at <= bytes.length; at++) {
      expect(cut([bytes.subarray(0, at), bytes.subarray(at)]), `split at ${at}`).toEqual(frames);
    }
  });

  it("come out whole byte by byte", () => {
    expect(cut([...bytes].map((byte) => Buffer.from([byte])))).toEqual(frames);
  });

  it("come out whole from pieces of any size", () => {
    for (let seed = 0; seed < 500; seed++) {
      const roll = new Dice(seed, "frames");
      const many = Array.from({ length: roll.below(20) }, () => Buffer.alloc(roll.below(largest), roll.below(256)));
      const all = Buffer.concat(many.map(framed));
      const pieces: Buffer[] = [];
      for (let from = 0; from < all.length; ) {
        const to = from + 1 + roll.below(300);
        pieces.push(all.subarray(from, to));
        from = to;
      }
      expect(cut(pieces), `seed ${seed}`).toEqual(many);
    }
  });

  it("are refused by their length alone when they would be too large", () => {
    const cutter = new FrameCutter(largest);
    cutter.add(framed(Buffer.alloc(largest)));
    expect(cutter.next()?.length).toBe(largest);
    cutter.add(Buffer.from([0, 0, 3, 0xe9]));
    expect(() => cutter.next()).toThrow("a frame of 1001 bytes was announced; the largest is 1000");
  });

  it("leave nothing behind when all are out", () => {
    const cutter = new FrameCutter(largest);
    cutter.add(bytes.subarray(0, 12));
    expect(cutter.next()).toEqual(frames[0]);
    expect(cutter.isWithinFrame).toBe(true);
    cutter.add(bytes.subarray(12, 13));
    cutter.next();
    expect(cutter.isWithinFrame).toBe(false);
  });
});
