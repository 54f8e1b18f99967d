/** The kill switch: how soon it is acknowledged, and what is still executed after that. */
import { startBridge } from "./bridge.ts";
import { runClient } from "./client.ts";
import type { Size } from "./size.ts";
import type { SwitcherResult, SwitcherTask } from "./switcher.ts";
import { type Cell, printTable, progress } from "./table.ts";

const netting = { PAPER_MARGIN_MODE: "netting", PAPER_BALANCE: "1000000000" };

export async function benchKillSwitch({ throws }: Size): Promise<void> {
  const rows: Cell[][] = [];
  for (const inFlight of [0, 1, 32]) {
    progress(`the kill switch beside ${inFlight} orders in flight`);
    const bridge = await startBridge(`kill switch ${inFlight}`, netting);
    try {
      const task: SwitcherTask = { port: bridge.port, inFlight, throws };
      const { acknowledged, lastFill, executedAfter, givenAfter } = await runClient<SwitcherResult>(
        "switcher.ts",
        task,
      );
      const late = inFlight === 0 ? [undefined, undefined] : [lastFill.p50, lastFill.max];
      rows.push([`${inFlight} in flight`, acknowledged.p50, acknowledged.max, ...late, givenAfter, executedAfter]);
    } finally {
      await bridge.stop();
    }
  }
  const headings = ["orders", "ack p50 ms", "ack max ms", "last fill p50 ms", "max ms", "given after", "executed"];
  printTable(`HALTED, ${throws} times: acknowledged, then the last answer of an order given before`, headings, rows);
}
