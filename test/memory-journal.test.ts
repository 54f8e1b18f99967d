import { MemoryJournal } from "./memory-journal.ts";
import { journalSuite } from "./suites/journal.ts";

journalSuite(async () => {
  let kept = new MemoryJournal<unknown>();
  return async () => {
    const journal = new MemoryJournal(kept.events, kept.epoch);
    kept = journal;
    return { journal, close: async () => {} };
  };
});
