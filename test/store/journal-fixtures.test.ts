/** Journals as released versions wrote them, read by this one. */
import { copyFileSync, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import type { AccountEvent } from "../../src/core/accounts/account-event.ts";
import type { LedgerEvent } from "../../src/terminals/paper/books.ts";
import { accountEventTypes, ledgerEventTypes, orderEventTypes } from "../fixtures/journals/session.ts";
import { accountState, hashOf, ledgerState } from "../fixtures/journals/state.ts";
import { entriesOf } from "../suites/journal.ts";
import { openJournalStore } from "./sqlite/opening.ts";

const fixtures = join(import.meta.dirname, "../fixtures/journals");
const versions = globSync("*.db", { cwd: fixtures }).map((file) => basename(file, ".db"));
const hashes = JSON.parse(readFileSync(join(fixtures, "hashes.json"), "utf8"));

async function opened<T>(version: string, use: (store: Awaited<ReturnType<typeof openJournalStore>>) => Promise<T>) {
  const folder = mkdtempSync(join(tmpdir(), "fixture-"));
  copyFileSync(join(fixtures, `${version}.db`), join(folder, "journal.db"));
  const store = await openJournalStore({ folder });
  try {
    return await use(store);
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
}

describe("a journal of version", () => {
  it.each(versions)("%s comes to the same state", (version) =>
    opened(version, async (store) => {
      const orders = hashOf(await accountState(store.journal("orders")));
      const ledger = hashOf(await ledgerState(store.journal("ledger")));
      expect({ orders, ledger }).toEqual(hashes[version]);
    }),
  );

  it("is there for every hash", () => expect(versions.toSorted()).toEqual(Object.keys(hashes).toSorted()));

  it("of the newest kind tells of everything that a journal can tell of", async () => {
    const seen = new Set<string>();
    for (const version of versions) {
      await opened(version, async (store) => {
        for (const { event } of await entriesOf(store.journal<AccountEvent>("orders"))) {
          seen.add(event.type);
          if (event.type === "advanced") seen.add(event.event.type);
        }
        for (const { event } of await entriesOf(store.journal<LedgerEvent>("ledger"))) seen.add(event.type);
      });
    }
    const known = { ...accountEventTypes, ...orderEventTypes, ...ledgerEventTypes };
    expect([...seen].toSorted()).toEqual(Object.keys(known).toSorted());
  });
});
