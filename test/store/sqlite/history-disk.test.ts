/** The tick history on a disk that runs full, and is emptied again. */
import { renameSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Instant } from "../../../src/core/model/ids.ts";
import type { Tick } from "../../../src/core/model/tick.ts";
import { TickRows } from "../../../src/core/model/tick-rows.ts";
import { openTickHistory, type StoredHistory } from "../../../src/store/sqlite/history.ts";
import { anyTicks, barsOf } from "../../any-ticks.ts";
import { mayMount, SmallDisk } from "../../small-disk.ts";

const able = mayMount();
const inContinuousIntegration = process.env["CI"] !== undefined;

interface Note {
  readonly severity: string;
  readonly message: string;
  readonly context: Readonly<Record<string, unknown>> | undefined;
}

describe.skipIf(!able && !inContinuousIntegration)(
  `a history whose disk is full${able ? "" : " [SKIPPED: this machine lets nobody mount a small disk here]"}`,
  () => {
    let disk: SmallDisk;
    let history: StoredHistory;
    let notes: Note[];
    let heard: () => void;

    const open = async () => {
      const observer = {
        note: (severity: string, _: string, message: string, context?: Readonly<Record<string, unknown>>) => {
          notes.push({ severity, message, context });
          heard();
        },
      };
      history = await openTickHistory({ folder: disk.path, specs: [], observer });
    };
    const reopen = async () => {
      await history.close();
      await open();
    };
    /** The next note, waited for. */
    const noted = async (): Promise<Note> => {
      while (notes.length === 0) {
        await new Promise<void>((resolve) => {
          heard = resolve;
        });
      }
      return notes.shift() as Note;
    };
    const failed = {
      severity: "error",
      message: expect.stringMatching(/cannot be written: .*full; ticks are left out/),
    };

    beforeEach(async () => {
      disk = SmallDisk.mount() as SmallDisk;
      notes = [];
      heard = () => undefined;
      await open();
    });
    afterEach(async () => {
      await history.close();
      disk.remove();
    });

    const record = (ticks: readonly Tick[]) => history.record(TickRows.of(ticks));
    const ticksOf = async (symbol: string) => {
      const whole = { from: Number.NEGATIVE_INFINITY as Instant, to: Number.POSITIVE_INFINITY as Instant };
      const range = { symbol, ...whole, limit: 1_000_000, newest: false, skip: 0 };
      return { ticks: [...(await history.ticks(range))], bars: await history.bars(range, "M1") };
    };
    const expectHistoryOf = async (symbol: string, ticks: readonly Tick[]) =>
      expect(await ticksOf(symbol)).toEqual({ ticks, bars: barsOf(ticks, "M1") });

    it("reads on what is there, records again by itself when there is room, and says what it left out", async () => {
      const euro = anyTicks(1, 60_000);
      const gold = anyTicks(2, 3000, "XAUUSD");
      let at = 0;
      const next = (count: number) => {
        at += count;
        return euro.slice(at - count, at);
      };
      const kept = next(9000);
      record(kept);
      for (let round = 1; round <= 2; round++) {
        await reopen();
        disk.fill();
        record(next(7000));
        expect(await noted()).toMatchObject(failed);
        await expectHistoryOf("EURUSD", kept);
        expect((await history.latest()).find(({ symbol }) => symbol === "EURUSD")).toEqual(kept.at(-1));
        record(next(5000));
        if (round === 1) record(gold.slice(0, 1000)); // of which nothing was ever heard before
        await expectHistoryOf("EURUSD", kept);

        disk.empty();
        expect(await noted()).toEqual({
          severity: "warn",
          message: "the tick history can be written again",
          context: { ticksLeftOut: round === 1 ? 13_000 : 12_000 },
        });
        const more = next(6000);
        kept.push(...more);
        record(more);
        if (round === 1) record(gold.slice(1000));
        await expectHistoryOf("EURUSD", kept);
      }
      await reopen();
      await expectHistoryOf("EURUSD", kept);
      await expectHistoryOf("XAUUSD", gold.slice(1000));
      expect(notes).toEqual([]);
    }, 60_000);

    it("says how much is missing when it is closed before there is room", async () => {
      const ticks = anyTicks(3, 9000);
      record(ticks.slice(0, 4000));
      await reopen();
      disk.fill();
      record(ticks.slice(4000));
      await history.close();
      expect(await noted()).toMatchObject(failed);
      expect(await noted()).toMatchObject({ severity: "warn", context: { ticksLeftOut: 5000 } });
      disk.empty();
      await open();
      await expectHistoryOf("EURUSD", ticks.slice(0, 4000));
    });

    it("says why it cannot be read where not even that is possible", async () => {
      const ticks = anyTicks(4, 9000);
      record(ticks.slice(0, 4000));
      await reopen();
      const [file, away] = [join(disk.path, "history.db"), join(disk.path, "away.db")];
      renameSync(file, away);
      disk.fill();
      record(ticks.slice(4000, 6000));
      expect(await noted()).toMatchObject(failed);
      await expect(history.latest()).rejects.toMatchObject({
        fault: "internal",
        message: expect.stringMatching(/^the tick history cannot be used: .*full/),
      });
      renameSync(away, file);
      disk.empty();
      expect(await noted()).toMatchObject({ severity: "warn", context: { ticksLeftOut: 2000 } });
      record(ticks.slice(6000));
      await expectHistoryOf("EURUSD", [...ticks.slice(0, 4000), ...ticks.slice(6000)]);
    });
  },
);
