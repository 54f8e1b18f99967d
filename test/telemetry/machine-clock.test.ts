import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { machineClock } from "../../src/telemetry/machine-clock.ts";

describe("the machine's clock", () => {
  it("tells UTC in whole milliseconds", () => {
    const before = Date.now();
    const now = machineClock().now();
    expect(Number.isInteger(now)).toBe(true);
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThanOrEqual(Date.now());
  });

  it("stands still rather than go back", () => {
    const times = [1000.7, 1500, 900, 1499, 1501];
    const clock = machineClock(() => times.shift() ?? 0);
    expect([1, 2, 3, 4, 5].map(() => clock.now())).toEqual([1000, 1500, 1500, 1500, 1501]);
  });

  it("sleeps for its time, never less", async () => {
    const start = performance.now();
    await machineClock().sleep(20);
    expect(performance.now() - start).toBeGreaterThanOrEqual(20);
  });

  it("calls back, unless it is called off", async () => {
    const clock = machineClock();
    const called: string[] = [];
    clock.after(1, () => called.push("called off"))();
    await new Promise<void>((resolve) => clock.after(2, resolve));
    expect(called).toEqual([]);
  });

  it("wakes when told to, and at once when told before", async () => {
    const alarm = new AbortController();
    const sleeping = machineClock().sleep(1e12, alarm.signal);
    alarm.abort();
    await sleeping;
    await machineClock().sleep(1e12, alarm.signal);
    await machineClock().sleep(-5);
  });

  it("neither wakes early nor spins in a sleep longer than a timer takes", async () => {
    const warnings: string[] = [];
    const onWarning = ({ name }: Error) => warnings.push(name);
    process.on("warning", onWarning);
    const alarm = new AbortController();
    const asleep = machineClock()
      .sleep(2 ** 33, alarm.signal)
      .then(() => "woke");
    const awake = machineClock()
      .sleep(30)
      .then(() => "still asleep");
    expect(await Promise.race([asleep, awake])).toBe("still asleep");
    alarm.abort();
    process.off("warning", onWarning);
    expect(warnings).toEqual([]); // a timer that overflows says so, and fires at once
  });

  it("keeps no process alive once its sleep is called off", async () => {
    const clock = new URL("../../src/telemetry/machine-clock.ts", import.meta.url).href;
    const code = `
      import { machineClock } from ${JSON.stringify(clock)};
      const alarm = new AbortController();
      machineClock().sleep(1e9, alarm.signal);
      alarm.abort();`;
    const [exit] = await once(spawn("node", ["--input-type=module", "-e", code], { stdio: "inherit" }), "exit");
    expect(exit).toBe(0);
  });
});
