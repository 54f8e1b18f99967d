/** A process that opens a journal as the bridge does at its start, and says what that took. */
import { randomUUID } from "node:crypto";
import type { AccountEvent } from "../src/core/accounts/account-event.ts";
import { AccountRecord } from "../src/core/accounts/record.ts";
import type { Valuation } from "../src/core/model/account.ts";
import type { Money } from "../src/core/model/decimals.ts";
import type { Instant } from "../src/core/model/ids.ts";
import { JournalStore } from "../src/store/journal-store.ts";
import { sqliteDisk } from "../src/store/sqlite/journal.ts";
import { machineClock } from "../src/telemetry/machine-clock.ts";

const [folder = "", keep] = process.argv.slice(2);
const none = 0 as Money;
const valuation: Valuation = {
  ...{ time: 0 as Instant, balance: none, credit: none, profit: none, equity: none, margin: none, freeMargin: none },
  ...{ marginLevel: 0, marginCall: false, positions: [] },
};
const around = {
  ...{ clock: machineClock(), stopwatch: () => performance.now(), newEpoch: () => randomUUID() },
  observer: { note: () => undefined },
};

const began = performance.now();
const cpu = process.cpuUsage();
const store = await JournalStore.open(sqliteDisk({ folder }), around);
const journal = store.journal<AccountEvent>("orders");
const record = await AccountRecord.open(journal, valuation);
const ms = performance.now() - began;
const { user, system } = process.cpuUsage(cpu);
globalThis.gc?.();
const { heapUsed: heap, arrayBuffers: buffers } = process.memoryUsage();
if (keep === "keep") {
  const { sequence } = record.orderFeed.cursor;
  const head = async () => (await journal.shelf?.get(["head"]))?.[0] as { sequence: number } | undefined;
  while ((await head())?.sequence !== sequence) await around.clock.sleep(50);
}
await store.close();
const orders = record.orders.nextNumber - 1;
process.stdout.write(JSON.stringify({ ms, cpuMs: (user + system) / 1000, heap, buffers, orders }));
