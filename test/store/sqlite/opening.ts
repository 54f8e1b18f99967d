import { randomUUID } from "node:crypto";
import { JournalStore } from "../../../src/store/journal-store.ts";
import { sqliteDisk } from "../../../src/store/sqlite/journal.ts";
import type { JournalSettings } from "../../../src/store/sqlite/journal-messages.ts";
import { machineClock } from "../../../src/telemetry/machine-clock.ts";

const around = { clock: machineClock(), stopwatch: () => performance.now(), newEpoch: () => randomUUID() };

/** The journal on this machine, as the bridge opens it. `told` hears what the log would say. */
export const openJournalStore = (settings: JournalSettings, told: string[] = []): Promise<JournalStore> =>
  JournalStore.open(sqliteDisk(settings), {
    ...around,
    observer: { note: (_severity, _component, message, context) => told.push(`${message}: ${context?.["cut"]}`) },
  });
