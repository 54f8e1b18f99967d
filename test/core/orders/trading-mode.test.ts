import { describe, expect, it } from "vitest";
import type { Instant } from "../../../src/core/model/ids.ts";
import {
  type ModeEntry,
  type ModeScope,
  type TradingMode,
  TradingModes,
} from "../../../src/core/orders/trading-mode.ts";
import { demo } from "../../terminals/paper/builders.ts";

const account = demo.alias;

const entry = (mode: TradingMode, scope: ModeScope = {}): ModeEntry => ({
  ...scope,
  ...{ mode, reason: "why", setBy: "who", setAt: 0 as Instant },
});

function kept(...entries: readonly ModeEntry[]): TradingModes {
  const modes = new TradingModes();
  for (const one of entries) {
    modes.ask(one);
    modes.keep(one);
  }
  return modes;
}

const modeOf = (modes: TradingModes, symbol = "EURUSD") => modes.of(account, symbol)?.mode ?? "active";

describe("the trading mode", () => {
  it("of an order is the strictest of those that apply: global, its account's, its symbol's", () => {
    expect(modeOf(kept())).toBe("active");
    for (const scope of [{}, { account }, { symbol: "EURUSD" }, { account, symbol: "EURUSD" }]) {
      expect(modeOf(kept(entry("halted", scope), entry("reduce_only"), entry("active", { account })))).toMatch(
        /halted|reduce_only/,
      );
      expect(modeOf(kept(entry("halted", scope)))).toBe("halted");
    }
    expect(modeOf(kept(entry("halted", { symbol: "EURUSD" })), "GBPUSD")).toBe("active");
    expect(modeOf(kept(entry("reduce_only"), entry("active", { account, symbol: "EURUSD" })))).toBe("reduce_only");
    expect(kept(entry("reduce_only", { account }), entry("halted", { symbol: "GBPUSD" })).strictest).toBe("halted");
  });

  it("is stricter at once, and easier only when that is on disk", () => {
    const modes = kept(entry("reduce_only"));
    const [halt, ease] = [entry("halted"), entry("active")];
    modes.ask(halt);
    expect(modeOf(modes)).toBe("halted");
    modes.keep(halt);
    modes.ask(ease);
    expect(modeOf(modes)).toBe("halted");
    modes.keep(ease);
    expect(modeOf(modes)).toBe("active");
  });

  it("that was tightened while an easier one was on its way stays tight", () => {
    const modes = kept(entry("reduce_only"));
    const [ease, halt] = [entry("active"), entry("halted")];
    modes.ask(ease);
    modes.ask(halt);
    modes.keep(ease);
    expect(modeOf(modes)).toBe("halted");
  });

  it("that could not be written is forgotten with the next one that is", () => {
    const modes = kept(entry("active"));
    modes.ask(entry("halted"));
    const ease = entry("active");
    modes.ask(ease);
    expect(modeOf(modes)).toBe("halted");
    modes.keep(ease);
    expect(modeOf(modes)).toBe("active");
  });

  it("is listed once for each scope: global, accounts, symbols", () => {
    const modes = kept(
      entry("halted", { account, symbol: "EURUSD" }),
      ...[entry("active", { account }), entry("halted"), entry("reduce_only", { symbol: "XAUUSD" }), entry("active")],
    );
    expect(modes.entries.map((one) => [one.account, one.symbol, one.mode])).toEqual([
      [undefined, undefined, "active"],
      [account, undefined, "active"],
      [undefined, "XAUUSD", "reduce_only"],
      [account, "EURUSD", "halted"],
    ]);
  });
});
