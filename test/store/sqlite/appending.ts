/** A process of its own that appends until it is killed, and says which events were acknowledged. */
import { openJournalStore } from "./opening.ts";

const store = await openJournalStore({ folder: process.argv[2] as string });
const orders = store.journal<{ n: number }>("orders:paper");
const ledger = store.journal<{ n: number }>("ledger:paper");
process.stdout.write(`epoch ${orders.epoch}\n`);

async function appendForEver(log: typeof orders, name: string): Promise<void> {
  for (let n = 0; ; n++) {
    const { sequence, durable } = log.append([{ n }]);
    await durable;
    process.stdout.write(`${name} ${sequence}\n`);
  }
}
await Promise.all(
  Array.from({ length: 16 }, (_, i) => (i % 2 ? appendForEver(ledger, "ledger") : appendForEver(orders, "orders"))),
);
