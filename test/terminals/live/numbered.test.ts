import { describe, expect, it } from "vitest";
import { Intake, Outbox } from "../../../src/terminals/live/numbered.ts";
import { seeded } from "../../../src/terminals/paper/seeded.ts";

const roomy = { count: 100, bytes: 10_000 };
const filled = (count: number, room = roomy) => {
  const outbox = new Outbox<string>(room);
  for (let i = 1; i <= count; i++) outbox.add(`item ${i}`, 10);
  return outbox;
};

describe("an outbox", () => {
  it("numbers what it is given, 1, 2, 3 …", () => {
    const outbox = new Outbox<string>(roomy);
    expect([outbox.add("a", 1), outbox.add("b", 1), outbox.next]).toEqual([1, 2, 3]);
  });

  it("goes on behind an earlier life", () => {
    const outbox = new Outbox<string>(roomy, 41);
    expect([outbox.oldest, outbox.add("a", 1), outbox.oldest]).toEqual([41, 41, 41]);
  });

  it("sends again, under the same numbers, what the other side has not seen", () => {
    const outbox = filled(3);
    expect(outbox.after(1)).toEqual({
      missing: undefined,
      items: [
        [2, "item 2"],
        [3, "item 3"],
      ],
    });
  });

  it("keeps nothing that was acknowledged, and takes an acknowledgement twice", () => {
    const outbox = filled(3);
    expect([outbox.acknowledge(2), outbox.acknowledge(2), outbox.acknowledge(1)]).toEqual([true, true, true]);
    expect([outbox.oldest, outbox.length]).toEqual([3, 1]);
  });

  it("does not believe an acknowledgement of what was never given", () => {
    const outbox = filled(3);
    expect([outbox.acknowledge(4), outbox.length]).toEqual([false, 3]);
  });

  it("takes no more than it has room for, by count and by bytes", () => {
    expect(filled(2, { count: 2, bytes: 1000 }).add("c", 1)).toBeUndefined();
    expect(filled(2, { count: 9, bytes: 25 }).add("c", 6)).toBeUndefined();
    expect(filled(2, { count: 9, bytes: 25 }).add("c", 5)).toBe(3);
  });

  it("takes one thing that is larger than its room when it has nothing else", () => {
    expect(new Outbox<string>({ count: 1, bytes: 5 }).add("large", 6)).toBe(1);
  });

  it("says which numbers it has forgotten, to a side that has not seen them", () => {
    const outbox = filled(4, { count: 4, bytes: 40 });
    expect(outbox.forgetFor(20)).toEqual(["item 1", "item 2"]);
    expect(outbox.after(0).missing).toEqual({ from: 1, through: 2 });
    expect(outbox.after(1).missing).toEqual({ from: 2, through: 2 });
    expect(outbox.after(2).missing).toBeUndefined();
  });
});

describe("an intake", () => {
  it("takes numbers in order, each once", () => {
    const intake = new Intake();
    expect([intake.take(1), intake.take(2), intake.take(2), intake.take(1)]).toEqual([
      "next",
      "next",
      "repeated",
      "repeated",
    ]);
    expect(intake.taken).toBe(2);
  });

  it("does not take a number that leaves one out", () => {
    const intake = new Intake(7);
    expect([intake.take(9), intake.taken, intake.take(8)]).toEqual(["left_out", 7, "next"]);
  });

  it("steps over what the other side has declared to be missing", () => {
    const intake = new Intake(7);
    expect(intake.skip({ from: 9, through: 12 })).toBe("left_out");
    expect(intake.skip({ from: 6, through: 12 })).toBe("next");
    expect([intake.taken, intake.skip({ from: 8, through: 12 })]).toEqual([12, "repeated"]);
  });

  it("knows how many were taken that the other side has not been told of", () => {
    const intake = new Intake(7);
    intake.take(8);
    intake.take(9);
    expect([intake.untold, intake.acknowledge(), intake.untold]).toEqual([2, 9, 0]);
  });
});

describe("numbers and acknowledgements", () => {
  it("bring everything once and in order, or say what is missing, however often the cable is cut", () => {
    for (let seed = 0; seed < 500; seed++) {
      const chance = seeded(seed);
      const outbox = new Outbox<number>({ count: 5, bytes: 1000 });
      const intake = new Intake();
      const got: number[] = [];
      const lost: number[] = [];
      let cable: (readonly [number, number])[] = [];
      const deliver = (upTo: number) => {
        for (const [number, item] of cable.splice(0, upTo)) if (intake.take(number) === "next") got.push(item);
        if (chance.next() < 0.5) outbox.acknowledge(intake.acknowledge());
      };
      const reconnect = () => {
        const { missing, items } = outbox.after(intake.taken);
        if (missing !== undefined) {
          intake.skip(missing);
          for (let n = missing.from; n <= missing.through; n++) lost.push(n);
        }
        cable = [...items];
      };
      for (let item = 1; item <= 60; item++) {
        outbox.forgetFor(10);
        const number = outbox.add(item, 10) as number;
        if (chance.next() < 0.7) cable.push([number, item]);
        else reconnect(); // what was on the cable is gone
        if (chance.next() < 0.5) deliver(Math.floor(chance.next() * 4));
      }
      reconnect();
      deliver(60);
      const all = [...got, ...lost].toSorted((a, b) => a - b);
      expect(all, `seed ${seed}`).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
      expect(got, `seed ${seed}`).toEqual(got.toSorted((a, b) => a - b));
    }
  });
});
