import { toBrokerTime } from "../../src/core/model/broker-clock.ts";
import { lots, price } from "../../src/core/model/decimals.ts";
import { machineClock } from "../../src/telemetry/machine-clock.ts";
import { PaperTerminal } from "../../src/terminals/paper/terminal.ts";
import { MemoryJournal } from "../memory-journal.ts";
import { terminalSuite } from "../suites/terminal.ts";
import { draws, noon, settingsWith } from "../terminals/paper/builders.ts";
import { Notes, quiet, ScriptedMarket } from "../terminals/paper/scripted.ts";
import { Linked } from "./linked.ts";

terminalSuite("a terminal behind the link as a terminal", async () => {
  const clock = { ...machineClock(), now: () => noon }; // snapshots are compared, and say when they were asked for
  const market = new ScriptedMarket(clock);
  const paper = await PaperTerminal.open({
    ...{ settings: settingsWith(), latencyMs: 0, market, ledger: new MemoryJournal(), clock },
    ...{ chance: draws(0), observer: new Notes(), start: Promise.resolve() },
  });
  const quote = async (bid: number, ask: number) => {
    const time = clock.now();
    const at = { symbol: "EURUSD", time, brokerTime: toBrokerTime(time), last: price(0, 5), volume: lots(0), flags: 6 };
    market.push({ ...at, bid: price(bid, 5), ask: price(ask, 5) });
    await quiet();
  };
  await quote(1.1, 1.1001);
  const linked = new Linked(paper, clock);
  await linked.connect();
  const close = async () => {
    await linked.close();
    await paper.close();
  };
  return { terminal: linked.terminal, symbol: "EURUSD", quote, close };
});
