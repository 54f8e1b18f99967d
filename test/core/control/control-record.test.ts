import { describe, expect, it } from "vitest";
import type { StrategyId } from "../../../src/core/model/ids.ts";
import { demo } from "../../terminals/paper/builders.ts";
import { faultOf, openDesk, quiet } from "../desk.ts";

const decision = { reason: "runaway", by: "operator" };

describe("a trading mode that is set", () => {
  it("is in force before it is on disk, and answered when it is", async () => {
    const { control, controlJournal } = await openDesk();
    controlJournal.hold();
    let answered = false;
    const setting = control.setMode({}, "halted", decision).then(() => {
      answered = true;
    });
    expect(control.modes.strictest).toBe("halted");
    await quiet();
    expect(answered).toBe(false);
    controlJournal.release();
    await setting;
    expect(answered).toBe(true);
  });

  it("is still in force after a restart, with who set it, when and why", async () => {
    const desk = await openDesk();
    await desk.control.setMode({ symbol: "EURUSD" }, "reduce_only", decision);
    const { control } = await desk.restart();
    expect(control.modes.entries).toEqual([
      { symbol: "EURUSD", mode: "reduce_only", reason: "runaway", setBy: "operator", setAt: desk.clock.now() },
    ]);
  });

  it("is eased after a restart, too, when it was eased before", async () => {
    const desk = await openDesk();
    for (const mode of ["halted", "reduce_only", "active"] as const) await desk.control.setMode({}, mode, decision);
    expect((await desk.restart()).control.modes.strictest).toBe("active");
  });

  it("stays in force when the journal cannot be written, and the call fails and says so", async () => {
    const { control, controlJournal, notes } = await openDesk();
    controlJournal.break();
    const failed = await faultOf(control.setMode({}, "halted", decision));
    expect(failed).toMatchObject({ fault: "journal_unavailable", message: expect.stringContaining("is in force") });
    expect(control.modes.strictest).toBe("halted");
    expect(notes.lines).toEqual(["warn risk: trading mode set", "error risk: a trading mode could not be journalled"]);
  });

  it("is not eased when the journal cannot be written, and the call says so", async () => {
    const { control, controlJournal } = await openDesk();
    await control.setMode({}, "halted", decision);
    controlJournal.break();
    const failed = await faultOf(control.setMode({}, "active", decision));
    expect(failed).toMatchObject({ fault: "journal_unavailable", message: expect.stringContaining("stays in force") });
    expect(control.modes.strictest).toBe("halted");
  });

  it("is told to those who watch, as it comes into force", async () => {
    const { control } = await openDesk();
    const seen: string[] = [];
    const unwatch = control.watch(() => seen.push(control.modes.strictest));
    await control.setMode({}, "halted", decision);
    await control.setMode({}, "active", decision);
    unwatch();
    await control.setMode({}, "halted", decision);
    expect(seen[0]).toBe("halted");
    expect(seen.at(-1)).toBe("active");
  });
});

describe("risk limits that are set", () => {
  const account = demo.alias;
  const seven = 7 as StrategyId;
  const configured = { account: { maxVolume: 1 }, strategies: new Map([[seven, { maxVolume: 0.5 }]]) };

  it("go before the configuration, scope by scope and as a whole, until they are reset", async () => {
    const { control } = await openDesk();
    control.limits.configured = configured;
    expect(control.limits.of({ account })).toEqual({ maxVolume: 1 });
    await control.setLimits({ account }, { maxOpenOrders: 3 }, decision);
    expect(control.limits.of({ account })).toEqual({ maxOpenOrders: 3 });
    expect(control.limits.of({ account, strategyId: seven })).toEqual({ maxVolume: 0.5 });
    await control.setLimits({ account }, undefined, decision);
    expect(control.limits.of({ account })).toEqual({ maxVolume: 1 });
    expect(control.limits.setOf({ account })).toMatchObject({ reason: "runaway", setBy: "operator" });
  });

  it("survive a restart, and go before what the configuration says by then", async () => {
    const desk = await openDesk();
    await desk.control.setLimits({ account, strategyId: seven }, { maxVolume: 0.1 }, decision);
    const { control } = await desk.restart();
    control.limits.configured = configured;
    expect(control.limits.of({ account, strategyId: seven })).toEqual({ maxVolume: 0.1 });
    expect(control.limits.scopesOf(account)).toEqual([{ account }, { account, strategyId: seven }]);
  });

  it("are what they were when the journal cannot be written, and the call says so", async () => {
    const { control, controlJournal } = await openDesk();
    controlJournal.break();
    const failed = await faultOf(control.setLimits({ account }, { maxVolume: 0.1 }, decision));
    expect(failed).toMatchObject({ fault: "journal_unavailable", message: expect.stringContaining("what they were") });
    expect(control.limits.of({ account })).toEqual({});
  });
});

describe("when the journal can be written again", () => {
  const account = demo.alias;

  it("a mode that was in force without it is on disk at last", async () => {
    const { control, controlJournal, reopen } = await openDesk();
    controlJournal.break();
    await faultOf(control.setMode({}, "halted", decision));
    controlJournal.mend();
    await quiet();
    const next = await reopen();
    expect(next.control.modes.entries).toMatchObject([{ mode: "halted", reason: "runaway" }]);
  });

  it("what was refused stays refused, though a sync that failed late has kept it", async () => {
    const { control, controlJournal, reopen } = await openDesk();
    await control.setMode({}, "halted", decision);
    controlJournal.hold();
    const easing = faultOf(control.setMode({}, "active", decision));
    const limiting = faultOf(control.setLimits({ account }, { maxVolume: 5 }, decision));
    controlJournal.break(2);
    await Promise.all([easing, limiting]);
    controlJournal.mend();
    await quiet();
    for (const { modes, limits } of [control, (await reopen()).control]) {
      expect([modes.strictest, limits.of({ account })]).toEqual(["halted", {}]);
    }
    await control.setMode({}, "active", decision);
    expect((await reopen()).control.modes.strictest).toBe("active");
  });
});
