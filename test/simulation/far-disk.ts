/** The disk of a terminal's machine, with its inbox: what was written outlasts the process, what was synced the machine. */
import type { InboxDisk } from "../../clients/terminal/fake/inbox.ts";
import type { Counts } from "./counts.ts";
import type { Dice } from "./dice.ts";
import type { Process } from "./process.ts";
import type { World } from "./world.ts";

/** A sync takes so long (ms) at most, on one machine or another. */
const slowest = [3, 3, 30, 150] as const;

export class FarDisk {
  readonly #world: World;
  readonly #dice: Dice;
  readonly #counts: Counts;
  readonly #slowest: number;
  #lines: string[] = [];
  /** How many of them are synced. */
  #synced = 0;
  /** When the last sync ends: one comes after the other. */
  #last = 0;

  constructor(world: World, dice: Dice, counts: Counts) {
    this.#world = world;
    this.#dice = dice;
    this.#counts = counts;
    this.#slowest = dice.pick(slowest);
  }

  /** As one process sees it. */
  of(process: Process): InboxDisk {
    return {
      lines: () => [...this.#lines],
      append: (line) => {
        if (!process.effect()) return new Promise(() => undefined);
        const written = this.#lines.push(line);
        this.#last = Math.max(this.#last, this.#world.now + this.#dice.between(0, this.#slowest));
        return new Promise((durable) => {
          this.#world.after(this.#last - this.#world.now, process, () => {
            this.#synced = Math.max(this.#synced, written);
            durable();
          });
        });
      },
      replace: (lines) => {
        if (!process.effect()) return;
        this.#lines = [...lines];
        this.#synced = lines.length;
      },
    };
  }

  /** Of what was not synced a beginning is there. */
  powerCut(): void {
    const kept = this.#dice.between(this.#synced, this.#lines.length);
    if (kept < this.#lines.length) this.#counts.add("inbox unsynced loss");
    this.#lines.length = kept;
    this.#synced = kept;
  }

  /** Another machine takes its place, with what was copied of it once, or with nothing. */
  setBack(): void {
    this.#lines.length = this.#dice.happens(0.3) ? 0 : this.#dice.between(0, this.#lines.length);
    this.#synced = this.#lines.length;
    this.#counts.add("inbox set back");
  }
}
