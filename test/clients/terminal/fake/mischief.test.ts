import { describe, expect, it } from "vitest";
import { BadLine, type Mischief, none } from "../../../../clients/terminal/fake/mischief.ts";
import { pair } from "../../../link/pair.ts";
import { draws, noon } from "../../../terminals/paper/builders.ts";
import { quiet, ScriptedClock } from "../../../terminals/paper/scripted.ts";

const never = new AbortController().signal;

/** A bad line, what has come out at its other end, and whether it still stands. */
async function line(mischief: Partial<Mischief>, chance = 0.5) {
  const clock = new ScriptedClock(noon);
  const { bridge, terminal } = pair();
  const bad = new BadLine(terminal, { ...none, ...mischief }, clock, draws(chance));
  const came: number[] = [];
  const got: number[] = [];
  let over = false;
  void (async () => {
    for await (const [first = 0] of bridge.frames(never)) came.push(first);
  })();
  void (async () => {
    for await (const [first = 0] of bad.frames(never)) got.push(first);
    over = true;
  })();
  await quiet();
  return { bad, bridge, clock, came, got, isOver: () => over };
}

const frame = (n: number) => Uint8Array.of(n);

describe("a line that misbehaves", () => {
  it("is as good as any when nothing is asked of it", async () => {
    const { bad, bridge, came, got } = await line({});
    for (const n of [1, 2, 3]) bad.send(frame(n));
    bridge.send(frame(9));
    await quiet();
    expect([came, got]).toEqual([[1, 2, 3], [9]]);
  });

  it("sends frames twice, never the first", async () => {
    const { bad, came } = await line({ duplicate: 1 });
    for (const n of [1, 2, 3]) bad.send(frame(n));
    await quiet();
    expect(came).toEqual([1, 2, 2, 3, 3]);
  });

  it("ends over a frame that it drops: nothing is lost in silence", async () => {
    const { bad, came, isOver } = await line({ drop: 1 });
    bad.send(frame(1));
    await quiet();
    expect([came, isOver()]).toEqual([[], true]);
    expect(bad.fault).toMatch(/cut/);
  });

  it("is cut after its time", async () => {
    const { clock, isOver } = await line({ cutAfterMs: 500 });
    clock.advance(499);
    await quiet();
    expect(isOver()).toBe(false);
    clock.advance(1);
    await quiet();
    expect(isOver()).toBe(true);
  });

  it("goes silent after its time, and stays", async () => {
    const { bad, clock, came, isOver } = await line({ muteAfterMs: 500 });
    bad.send(frame(1));
    clock.advance(500);
    bad.send(frame(2));
    await quiet();
    expect([came, isOver()]).toEqual([[1], false]);
  });

  it("holds frames up without changing their order", async () => {
    const { bad, clock, came } = await line({ delayMs: 100 });
    for (const n of [1, 2]) bad.send(frame(n));
    await quiet();
    expect(came).toEqual([]);
    for (let step = 0; step < 4; step++) {
      clock.advance(50);
      await quiet();
    }
    expect(came).toEqual([1, 2]);
  });
});
