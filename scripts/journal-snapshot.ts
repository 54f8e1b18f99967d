/** A snapshot held against the journal that it is made of. */
import { createHash } from "node:crypto";
import type { AccountEvent } from "../src/core/accounts/account-event.ts";
import { AccountRecord } from "../src/core/accounts/record.ts";
import type { Valuation } from "../src/core/model/account.ts";
import type { Money } from "../src/core/model/decimals.ts";
import type { ClientOrderId, Instant } from "../src/core/model/ids.ts";
import type { Journal } from "../src/core/ports/journal.ts";
import type { LogState } from "../src/store/journal-disk.ts";
import { decodeEvent, encodeEvent } from "../src/store/journal-record.ts";
import type { KeptJournal } from "./journal-places.ts";

const none = 0 as Money;
const unknown: Valuation = {
  ...{ time: 0 as Instant, balance: none, credit: none, profit: none, equity: none, margin: none, freeMargin: none },
  ...{ marginLevel: 0, marginCall: false, positions: [] },
};

/** Whether the orders' snapshot and what came after it come to the same as all events; undefined where there is none. */
export async function snapshotHolds(kept: KeptJournal, log: LogState): Promise<boolean | undefined> {
  if ((await kept.text(log.id, "head")) === undefined) return undefined;
  const rebuilt = await stateOf(journalOf(kept, log));
  const shelf = {
    get: async (names: readonly string[]) => {
      const values: unknown[] = [];
      for (const name of names) {
        const text = await kept.text(log.id, name);
        values.push(text === undefined ? undefined : decodeEvent(text));
      }
      return values;
    },
    put: async () => undefined,
    names: async () => [],
  };
  return rebuilt === (await stateOf({ ...journalOf(kept, log), shelf }));
}

function journalOf(kept: KeptJournal, log: LogState): Journal<AccountEvent> {
  return {
    epoch: log.epoch,
    async *pages(after = 0) {
      for (let first = after + 1; first <= log.last; ) {
        const { text, count } = await kept.page(log.id, first, log.last);
        const at = first;
        yield text.split("\n").map((line, i) => ({ sequence: at + i, event: decodeEvent(line) as AccountEvent }));
        first += count;
      }
    },
    append: () => ({ sequence: log.last, durable: Promise.resolve() }),
    flushed: async () => undefined,
    onFailure: () => undefined,
    reopened: async () => undefined,
  };
}

async function stateOf(journal: Journal<AccountEvent>): Promise<string> {
  const record = await AccountRecord.open(journal, unknown, undefined, Number.POSITIVE_INFINITY);
  const hash = createHash("sha256");
  const add = (value: unknown) => hash.update(encodeEvent(value));
  for (const order of await record.listOrders({}, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)) {
    add(sorted(order));
    const key = order.clientOrderId;
    if (key !== undefined) add(record.contentOf(key) ?? (await archivedContent(record, key)));
  }
  for (const { deal } of await record.listDeals({}, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER))
    add(sorted(deal));
  for (const position of record.openPositions) add(sorted(position));
  for (const change of record.changes.open) add(sorted(change));
  return hash.digest("hex");
}

/** A key's content is part of its order there. */
async function archivedContent(record: AccountRecord, key: ClientOrderId): Promise<string> {
  const used = await record.used(key);
  return used?.content ?? "";
}

/** In which order fields were set says nothing. */
const sorted = (value: object): object =>
  Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
