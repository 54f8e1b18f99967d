import { type Commit, DiskFailure, type JournalDisk, type OpenDisk, type Page } from "../src/store/journal-disk.ts";

/**
 * A real disk that fails when the test says so.
 *
 * - `full`: the commit is refused before anything of it was written.
 * - `late`: it was written and synced, and yet is said to have failed.
 */
export class FaultyDisk implements JournalDisk {
  readonly #disk: JournalDisk;
  #fault: "full" | "late" | undefined;
  #held: Promise<void> = Promise.resolve();
  #release: () => void = () => undefined;
  #lost: ((why: unknown) => void) | undefined;
  /** How often it could not be opened. */
  refused = 0;
  #refusals = 0;

  constructor(disk: JournalDisk) {
    this.#disk = disk;
  }

  /** The next commit fails, and opening does `refusals` times after it. */
  fail(fault: "full" | "late", refusals = 0): void {
    this.#fault = fault;
    this.#refusals = refusals;
  }

  /** Commits stand still until `release`. */
  hold(): void {
    this.#held = new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  release(): void {
    this.#release();
  }

  /** The hold is gone, whoever was doing what. */
  lose(): void {
    this.#lost?.(new DiskFailure("connection_lost", "lost on purpose"));
  }

  async open(lost: (why: unknown) => void): Promise<OpenDisk> {
    if (this.#refusals > 0) {
      this.#refusals--;
      this.refused++;
      throw new DiskFailure("io_error", "broken on purpose");
    }
    this.#lost = lost;
    const open = await this.#disk.open(lost);
    return {
      logs: open.logs,
      cuts: open.cuts,
      commit: (commit) => this.#commit(open, commit),
      read: (log, first, last): Promise<Page> => open.read(log, first, last),
      close: () => open.close(),
    };
  }

  async #commit(open: OpenDisk, commit: Commit): Promise<void> {
    await this.#held;
    const fault = this.#fault;
    this.#fault = undefined;
    if (fault !== "full") await open.commit(commit);
    if (fault !== undefined) throw new DiskFailure("disk_full", `${fault}, on purpose`);
  }
}
