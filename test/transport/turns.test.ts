import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { Turns } from "../../src/transport/turns.ts";

/** So many more than one turn serves. */
const MANY = 100;

describe("readers who have something to take", () => {
  it("are served at once while they are few", () => {
    const served: number[] = [];
    const turns = new Turns();
    for (let i = 0; i < 3; i++) turns.add(() => served.push(i));
    expect(served).toEqual([0, 1, 2]);
  });

  it("are all served, each once and in their order, and let others through meanwhile", async () => {
    const served: number[] = [];
    const turns = new Turns();
    for (let i = 0; i < MANY; i++) turns.add(() => served.push(i));
    const seen: number[] = [];
    while (served.length < MANY) {
      seen.push(served.length);
      await turn();
    }
    expect(served).toEqual(Array.from({ length: MANY }, (_, i) => i));
    expect(seen.length).toBeGreaterThan(3);
  });

  it("have their next turn behind those who wait already", async () => {
    const served: string[] = [];
    const turns = new Turns();
    for (let i = 0; i < MANY; i++) {
      turns.add(() => {
        served.push(`first of ${i}`);
        if (i === 0) turns.add(() => served.push("second of 0"));
      });
    }
    while (served.length < MANY + 1) await turn();
    expect(served.indexOf("second of 0")).toBeGreaterThan(0);
    expect(new Set(served).size).toBe(MANY + 1);
    turns.add(() => served.push("later"));
    expect(served.at(-1)).toBe("later");
  });
});
