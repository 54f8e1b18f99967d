/** An account as the disk has it, read at the start and after the journal has failed. */
import type { Valuation } from "../model/account.ts";
import { ChangeBook } from "../orders/change-book.ts";
import { OrderBook } from "../orders/order-book.ts";
import type { Journal } from "../ports/journal.ts";
import type { AccountEvent } from "./account-event.ts";
import type { Folded } from "./feeds.ts";
import { fold } from "./fold.ts";
import { Holdings } from "./holdings.ts";
import { Past } from "./past.ts";
import type { Part } from "./snapshots.ts";
import type { State } from "./state-parts.ts";

export interface Opening {
  readonly journal: Journal<AccountEvent>;
  readonly valuation: Valuation;
  /** Events between two snapshots. */
  readonly every: number;
}

/** What memory has of an account, and what has left it. */
export interface Held {
  readonly state: State;
  readonly past: Past;
}

/** A way through the journal begins, behind the event of that number, with what a snapshot has kept of the feeds. */
type Begin = (snapshot: number, feeds: readonly Part[]) => Folded;

/**
 * From the newest snapshot and the events behind it; from all events where what is beside the journal turns out to
 * be damaged on the way.
 */
export async function restored(opening: Opening, begin: Begin): Promise<Held> {
  const { held, feeds } = await fromSnapshot(opening);
  try {
    await foldRest(held, opening.journal, begin(held.past.snapshot, feeds));
    return held;
  } catch (error) {
    if (!held.past.isDamaged) throw error;
    await held.past.end().catch(() => undefined); // the next start finds it damaged again
    const anew = empty(opening);
    await foldRest(anew, opening.journal, begin(0, []));
    return anew;
  }
}

/** Empty where there is no snapshot that can be trusted: the journal tells the same, only later. */
async function fromSnapshot(opening: Opening): Promise<{ held: Held; feeds: Part[] }> {
  const held = empty(opening);
  const feeds: Part[] = [];
  try {
    const { sequence: last } = opening.journal.append([]);
    for await (const part of held.past.restore(held.state, last)) feeds.push(part);
    return { held, feeds };
  } catch {
    return { held: empty(opening), feeds: [] };
  }
}

function empty({ journal, valuation, every }: Opening): Held {
  const past = new Past(journal.shelf, every);
  const state: State = {
    orders: new OrderBook(),
    changes: new ChangeBook(),
    holdings: new Holdings(valuation, (deal) => past.hasDeal(deal)),
    contents: new Map(),
    owed: new Map(),
  };
  return { state, past };
}

/** Every event behind the snapshot. */
async function foldRest({ state, past }: Held, journal: Journal<AccountEvent>, each: Folded): Promise<void> {
  try {
    for await (const page of journal.pages(past.snapshot)) {
      for (const { sequence, event } of page) {
        if (event.type === "advanced" && state.orders.byNumber(event.number) === undefined) {
          const order = await past.order({ by: "number", value: event.number });
          if (order !== undefined) past.recall(order, state);
        }
        each(sequence, event, fold(state, past, event));
        if (past.isLong(sequence)) await past.shelve(sequence, state);
      }
    }
  } finally {
    await past.shelved();
  }
}
