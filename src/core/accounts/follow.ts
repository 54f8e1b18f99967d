/**
 * What the terminal tells, to where it belongs, for as long as the bridge runs.
 *
 * Ticks do not wait for the journal and trades do not wait for readers. A source that
 * can wait (`patient`) is waited for: its next ticks are fetched when every lossless
 * reader has room.
 */
import { applyReport, type TradeReport } from "../orders/apply-report.ts";
import { settleDoubts } from "../orders/doubts.ts";
import type { Broadcast } from "../ports/broadcast.ts";
import type { TerminalReport } from "../ports/terminal.ts";
import type { Account } from "./account.ts";

/** `changed` is called when the account's health may have; `elsewhere` are copies of its prices. */
export async function follow(
  account: Account,
  changed: () => void,
  signal: AbortSignal,
  elsewhere?: Broadcast,
): Promise<void> {
  const { desk, hub, history, clock } = account;
  for await (const report of desk.terminal.reports(signal)) {
    switch (report.type) {
      case "ticks": {
        const ticks = hub.publish(report.ticks);
        elsewhere?.publish(ticks);
        history.record(ticks);
        account.ticked();
        if (report.patient) {
          await clock.sleep(0, signal); // a turn for those who read
          await hub.room(clock);
          await elsewhere?.room();
          await history.room();
        }
        break;
      }
      case "valuation":
        account.value(report.valuation);
        break;
      case "market":
        account.marketOpen = report.open;
        changed();
        break;
      case "symbols":
        account.learnSymbols();
        break;
      case "link":
        account.learnSymbols(); // the terminal was away, and may have more by now
        link(account, report);
        changed();
        break;
      default:
        void trade(account, report);
    }
  }
}

function link(account: Account, report: Extract<TerminalReport, { type: "link" }>): void {
  const { up } = report;
  const wasUp = account.desk.linkUp;
  account.desk.linkUp = up;
  account.desk.apartSince = up ? undefined : (account.desk.apartSince ?? account.clock.now());
  account.desk.linkMessage = report.why;
  const lost = wasUp && !up;
  account.desk.observer.note(lost ? "error" : "info", "terminal", up ? "link up" : lost ? "link down" : "link not up", {
    account: account.info.alias,
    why: report.why,
  });
  if (up) void settleDoubts(account.desk);
}

/** Never throws: what cannot be journalled is read again from the terminal's records. */
async function trade(account: Account, report: TradeReport): Promise<void> {
  const { desk } = account;
  try {
    const contradicted = await applyReport(desk, report);
    if (contradicted) await settleDoubts(desk);
  } catch (error) {
    desk.missReport();
    desk.observer.note("error", "orders", "a report of the terminal could not be journalled", {
      report: report.type,
      error,
    });
  }
}
