/**
 * An account whose journal could not be written for a while.
 *
 * What failed is not tried again: an order that was refused is never sent later. What the
 * disk has kept is the truth, and what was under way is in doubt, as it is at a start.
 */
import { raiseDoubts, settleDoubts } from "../orders/doubts.ts";
import type { OrderDesk } from "../orders/order-desk.ts";
import type { Account } from "./account.ts";

/** Milliseconds before the journal is read again when that has failed. */
const pause = 5000;

/** Brings the account back after every failure of its journal, until `signal` aborts. `changed` is called when its health has. */
export async function recover(account: Account, changed: () => void, signal: AbortSignal): Promise<void> {
  const { desk, record, clock } = account;
  while (await failed(account, signal)) {
    try {
      await record.reopen();
      desk.observer.note("info", "orders", "orders are taken again: the journal can be written");
      changed();
      await settle(desk);
    } catch (error) {
      if (signal.aborted) return;
      desk.observer.note("error", "orders", "the journal could not be taken up again; tried again later", { error });
      await clock.sleep(pause, signal);
    }
  }
}

/**
 * What the last life left open, before anybody trades. Where that leads to something beside the journal that is
 * damaged, the account is made anew from the journal: the next start would find the same.
 */
export async function settleAtStart(desk: OrderDesk): Promise<void> {
  try {
    await settle(desk);
  } catch (error) {
    if (!desk.record.isDamaged) throw error;
    await desk.record.reopen();
    await settle(desk);
  }
}

async function settle(desk: OrderDesk): Promise<void> {
  await raiseDoubts(desk);
  if (desk.linkUp) await settleDoubts(desk); // else when the link comes up
}

/** Resolves when the journal has failed; false when `signal` aborted first. */
async function failed({ record }: Account, signal: AbortSignal): Promise<boolean> {
  if (record.failure !== undefined || signal.aborted) return !signal.aborted;
  await new Promise<void>((resolve) => {
    const done = () => {
      unwatch();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const unwatch = record.outage.watch(done);
    signal.addEventListener("abort", done);
  });
  return !signal.aborted;
}
