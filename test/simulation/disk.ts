/**
 * A disk under the journal: what was synced stays, what was not may be lost or torn.
 *
 * A commit is kept as a database keeps it: wholly, or not at all. What a power cut leaves
 * of one that was under way lies behind the last whole commit, and is cut off when the disk
 * is opened again. A record that was synced may be damaged later: the disk tells the two apart.
 */
import {
  type Commit,
  DiskFailure,
  type JournalDisk,
  type LogState,
  type OpenDisk,
} from "../../src/store/journal-disk.ts";
import { isTorn, pageOf, type Row, rowOf } from "../../src/store/journal-page.ts";
import type { Counts } from "./counts.ts";
import type { Dice } from "./dice.ts";
import type { Process } from "./process.ts";
import { Shelf } from "./shelf.ts";
import type { World } from "./world.ts";

interface Table {
  readonly state: LogState;
  readonly rows: Row[];
}

/** How a commit fails. */
export interface DiskTrouble {
  readonly why: "disk_full" | "io_error";
  /** The data is there all the same, although the sync has failed. */
  readonly kept: boolean;
  /** Milliseconds for which the disk cannot be opened after that. */
  readonly lasts: number;
}

export class Disk {
  /** Commits that fail, the next first. */
  readonly troubles: DiskTrouble[] = [];
  /** Until then a sync takes up to so many milliseconds. */
  slow = { until: 0, ms: 0 };
  /** The newest record of the log of operators is damaged when the disk is opened again. */
  damagesControl = false;
  /** When that happened last. */
  damagedAt = Number.NEGATIVE_INFINITY;
  /** Beside the logs. */
  readonly shelf: Shelf;
  readonly #world: World;
  readonly #dice: Dice;
  readonly #counts: Counts;
  readonly #tables: Table[] = [];
  /** What was damaged at the end of a log, by its sequence. */
  readonly #missing = new Map<string, number>();
  #underWay: Commit | undefined;
  #hold = 0;
  #broken: { readonly until: number; readonly why: DiskTrouble["why"] } | undefined;

  constructor(world: World, dice: Dice, counts: Counts) {
    this.#world = world;
    this.#dice = dice;
    this.#counts = counts;
    this.shelf = new Shelf(dice, counts);
  }

  /** The disk, as one process sees it. */
  of(process: Process): JournalDisk {
    return { open: async () => this.#open(process) };
  }

  /** The end of the process, or of the power: what was under way is there or is not. */
  left(power: boolean): void {
    const commit = this.#underWay;
    this.#underWay = undefined;
    if (power) this.shelf.powerCut();
    if (commit === undefined) return;
    if (this.#dice.happens(0.4)) this.#keep(commit);
    else if (power && this.#dice.happens(0.6)) this.#tear(commit);
    else this.#counts.add("unsynced loss");
  }

  /** Every line of a log. */
  lines(name: string): string[] {
    return (this.#tables.find(({ state }) => state.name === name)?.rows ?? []).map(({ body }) => body);
  }

  #open(process: Process): OpenDisk {
    if (this.#broken !== undefined && this.#world.now < this.#broken.until) throw failure(this.#broken.why);
    const hold = ++this.#hold; // who held it before has lost it
    this.#underWay = undefined;
    const mine = () => process.alive && hold === this.#hold;
    const cuts = this.#cutTorn();
    if (this.damagesControl) this.#damageControl();
    return {
      cuts,
      logs: this.#tables.map(({ state, rows }) => this.#found(state, rows.length)),
      shelf: this.shelf.of(
        () =>
          new Promise((resolve) => {
            if (mine() && process.effect())
              this.#world.after(this.#dice.between(0, 2), process, () => mine() && resolve());
          }),
      ),
      commit: (commit) =>
        new Promise((resolve, reject) => {
          if (!mine()) return;
          this.#underWay = commit; // if it dies now, some of it may have been written
          if (!process.effect()) return;
          this.#world.after(this.#duration(), process, () => {
            if (!mine()) return;
            this.#underWay = undefined;
            const trouble = this.troubles.shift();
            if (trouble === undefined || trouble.kept) this.#keep(commit);
            if (trouble === undefined) return resolve();
            const { why, lasts } = trouble;
            this.#broken = { why, until: this.#world.now + lasts };
            this.#counts.add(why);
            this.#world.note(why);
            reject(failure(why));
          });
        }),
      read: async (log, first, last) =>
        pageOf(this.#rows(log).slice(first - 1, Math.min(last, first + 255)), first, last),
      close: async () => {
        if (mine()) this.#hold += 1;
      },
    };
  }

  #duration(): number {
    const usual = this.#dice.between(1, 3);
    if (this.#world.now >= this.slow.until) return usual;
    this.#counts.add("slow sync");
    return usual + this.#dice.below(this.slow.ms);
  }

  /** It was synced and told of, and is not as it was written any more. */
  #damageControl(): void {
    const control = this.#tables.find(({ state }) => state.name === "control");
    const newest = control?.rows.pop();
    if (newest === undefined) return;
    this.damagesControl = false;
    this.damagedAt = this.#world.now;
    this.#missing.set("control", newest.sequence);
    this.#counts.add("control damaged");
    this.#world.note("control damaged", newest.sequence, () => newest.body);
  }

  #found(state: LogState, last: number): LogState {
    const missing = this.#missing.get(state.name) ?? 0;
    return { ...state, last, ...(missing > last ? { cut: `its last event, ${missing}, is damaged` } : {}) };
  }

  #keep({ created, lines }: Commit): void {
    this.shelf.synced();
    for (const state of created) this.#tables.push({ state, rows: [] });
    for (const { log, first, text } of lines) {
      const rows = this.#rows(log);
      if (rows.length !== first - 1) throw new Error(`log ${log} ends at ${rows.length}, and ${first} is to follow`);
      for (const body of text.split("\n")) rows.push(rowOf(rows.length + 1, body));
    }
  }

  /** The first record is there, but not all of it. */
  #tear({ lines: [written] }: Commit): void {
    const table = this.#tables.find(({ state }) => state.id === written?.log);
    if (table === undefined || written === undefined) return;
    this.#counts.add("torn write");
    const [body = ""] = written.text.split("\n");
    const row = rowOf(written.first, body);
    table.rows.push({ ...row, body: body.slice(0, this.#dice.between(1, body.length - 1)) });
  }

  #cutTorn(): string[] {
    return this.#tables.flatMap(({ state, rows }) => {
      const newest = rows.at(-1);
      if (newest === undefined || !isTorn(newest, rows.at(-2))) return [];
      rows.pop();
      return `log "${state.name}": its last event was not whole`;
    });
  }

  #rows(log: number): Row[] {
    const table = this.#tables.find(({ state }) => state.id === log);
    if (table === undefined) throw new Error(`there is no log ${log}`);
    return table.rows;
  }
}

const failure = (why: DiskTrouble["why"]): DiskFailure => new DiskFailure(why, why === "io_error" ? "EIO" : "ENOSPC");
