import { describe, expect, it } from "vitest";
import { BridgeError } from "../../../src/core/errors.ts";
import type { Bar } from "../../../src/core/model/bar.ts";
import type { Instant } from "../../../src/core/model/ids.ts";
import type { HistoryRange } from "../../../src/core/ports/history.ts";
import type { BarsAsked } from "../../../src/core/ports/terminal.ts";
import { pastBars } from "../../../src/core/ticks/past-bars.ts";
import { noon } from "../../terminals/paper/builders.ts";
import { openDesk } from "../desk.ts";
import { MemoryHistory } from "../memory-history.ts";
import { ScriptedTerminal } from "../scripted-terminal.ts";

const MINUTE = 60_000;
const at = (minute: number): Instant => (noon + minute * MINUTE) as Instant;
/** `whose` is told by the volume. */
const bar = (minute: number, whose: "ours" | "theirs") =>
  ({ symbol: "EURUSD", timeframe: "M1", time: at(minute), tickVolume: whose === "ours" ? 1 : 2, final: true }) as Bar;
const minutes = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** Our bars begin at minute 0, in the middle of it; the terminal has all of the last days. */
class Halves extends MemoryHistory {
  ours: Bar[] = minutes(0, 9).map((minute) => bar(minute, "ours"));

  override async bars({ from, to, limit, newest, skip }: HistoryRange): Promise<readonly Bar[]> {
    const edge = newest ? to : from;
    const within = this.ours.filter(({ time }) => time >= from && time <= to && !(skip > 0 && time === edge));
    return newest ? within.slice(-limit) : within.slice(0, limit);
  }
}

class WithBars extends ScriptedTerminal {
  questions = 0;
  failure: BridgeError | undefined;

  async pastBars({ from, to, most }: BarsAsked): Promise<readonly Bar[]> {
    this.questions++;
    if (this.failure !== undefined) throw this.failure;
    const all = minutes(-20_000, 9).map((minute) => bar(minute, "theirs"));
    return all.filter(({ time }) => time >= from && time <= to).slice(0, most);
  }
}

async function opened(terminal = new WithBars()) {
  const history = new Halves();
  const { account, clock } = await openDesk({ terminal, history });
  clock.advance(10 * MINUTE);
  const read = (more: Partial<HistoryRange>) => {
    const range = { symbol: "EURUSD", from: 0 as Instant, to: at(1000), limit: 100, newest: false, skip: 0, ...more };
    return pastBars(account, range, "M1");
  };
  const told = async (more: Partial<HistoryRange>) =>
    (await read(more)).map(({ time, tickVolume }) => [(time - noon) / MINUTE, tickVolume === 1 ? "ours" : "theirs"]);
  return { terminal, history, account, told };
}

describe("bars of the past", () => {
  it("are the terminal's up to where ours begin in the middle of one, and each is there once", async () => {
    const { told } = await opened();
    const joined = [
      [-1, "theirs"],
      [0, "theirs"],
      [1, "ours"],
      [2, "ours"],
    ];
    expect(await told({ from: at(-1), to: at(2) })).toEqual(joined);
    expect(await told({ to: at(2), limit: 4, newest: true })).toEqual(joined);
  });

  it("are ours alone where those are enough", async () => {
    const { terminal, told } = await opened();
    expect((await told({ limit: 9, newest: true })).length).toBe(9);
    expect((await told({ from: at(1) })).length).toBe(9);
    expect(terminal.questions).toBe(0);
  });

  it("fit page by page, forwards and backwards", async () => {
    const { told } = await opened();
    const whole = await told({ from: at(-50), to: at(8), limit: 1000 });
    for (const newest of [false, true]) {
      const pages: (string | number)[][] = [];
      let range: Partial<HistoryRange> = { from: at(-50), to: at(8), limit: 7, newest };
      for (let page = await told(range); page.length > 0; page = await told(range)) {
        if (newest) pages.unshift(...page);
        else pages.push(...page);
        const edge = at(Number((newest ? page[0] : page.at(-1))?.[0]));
        range = { ...range, ...(newest ? { to: edge } : { from: edge }), skip: 1 };
      }
      expect(pages).toEqual(whole);
    }
  });

  it("are looked for further and further back, where the market was closed", async () => {
    const { terminal, history, told } = await opened();
    history.ours = [];
    const pastBars = terminal.pastBars.bind(terminal);
    const closed = 13_000;
    terminal.pastBars = (asked) => pastBars({ ...asked, to: Math.min(asked.to, at(-closed)) as Instant });
    expect((await told({ limit: 5, newest: true })).map(([minute]) => minute)).toEqual(minutes(-closed - 4, -closed));
    expect(terminal.questions).toBe(2);
  });

  it("begin with our own where the terminal has forgotten that time", async () => {
    const { terminal, told } = await opened();
    terminal.pastBars = async () => [bar(-3, "theirs")];
    expect((await told({ from: at(-5), to: at(1) })).map(([minute]) => minute)).toEqual([-3, 0, 1]);
    expect((await told({ to: at(1), limit: 2, newest: true })).map(([minute]) => minute)).toEqual([0, 1]);
  });

  it("are what we have while the terminal cannot be asked", async () => {
    const { terminal, account, told } = await opened();
    terminal.failure = new BridgeError("terminal_offline", "gone");
    expect((await told({ from: at(-1) })).length).toBe(10);
    account.desk.linkUp = false;
    expect((await told({ from: at(-1) })).length).toBe(10);
    expect(terminal.questions).toBe(1);
  });
});
