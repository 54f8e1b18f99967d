/**
 * Between the bridge and the terminal: frames one way, frames the other way, and the weather.
 *
 * Without a spell of bad weather frames take a few milliseconds and arrive in the order in
 * which they left.
 */
import type { Counts } from "./counts.ts";
import type { Dice } from "./dice.ts";
import type { World } from "./world.ts";

/** `up`: from the bridge to the terminal. */
export type Direction = "up" | "down";

type Weather = "delay" | "loss" | "duplication" | "reorder" | "partition";

/** Some time of bad weather. */
export interface Spell {
  readonly weather: Weather;
  readonly direction: Direction | "both";
  readonly until: number;
  /** How likely it is to hit a frame. */
  readonly chance: number;
  /** Milliseconds at most, where it delays. */
  readonly delay: number;
  readonly dice: Dice;
}

/** What happens to a frame of a connection that keeps them in order. */
export interface Fate {
  readonly cut: boolean;
  readonly lost: boolean;
  readonly doubled: boolean;
  /** Milliseconds. */
  readonly late: number;
}

export class Network {
  readonly #world: World;
  readonly #counts: Counts;
  #spells: Spell[] = [];
  /** The connection breaks in the middle of the frame after so many. */
  #whole = Number.POSITIVE_INFINITY;
  /** Called when the connection breaks. */
  broken: () => void = () => undefined;
  /** Some frames have come twice, overtaken by others, or not at all. */
  disturbed = false;

  constructor(world: World, counts: Counts) {
    this.#world = world;
    this.#counts = counts;
  }

  begin(spell: Spell): void {
    this.#spells.push(spell);
  }

  cutAfter(frames: number): void {
    this.#whole = frames;
  }

  /** The sky is clear from now on. */
  clear(): void {
    this.#spells = [];
    this.#whole = Number.POSITIVE_INFINITY;
  }

  wire<F>(direction: Direction, dice: Dice, deliver: (frame: F) => void): (frame: F) => void {
    let last = 0;
    const carry = (frame: F, delay: number, inOrder: boolean) => {
      const at = inOrder ? Math.max(last, this.#world.now + delay) : this.#world.now + delay;
      if (inOrder) last = at;
      this.#world.after(at - this.#world.now, this.#world.outside, () => deliver(frame));
    };
    return (frame) => {
      const usual = dice.between(1, 4);
      this.#whole -= 1;
      if (this.#whole < 0) {
        this.#whole = Number.POSITIVE_INFINITY;
        this.#counts.add("cut");
        this.broken();
        return;
      }
      const hit = new Map(this.#hits(direction).map((spell) => [spell.weather, spell]));
      if (hit.has("partition") || hit.has("loss")) {
        this.disturbed = true;
        return;
      }
      const delayed = hit.get("delay");
      const late = delayed === undefined ? 0 : delayed.dice.between(1, delayed.delay);
      const reordered = hit.get("reorder");
      if (reordered !== undefined) this.disturbed = true;
      carry(frame, usual + late + (reordered?.dice.between(1, reordered.delay) ?? 0), reordered === undefined);
      const doubled = hit.get("duplication");
      if (doubled === undefined) return;
      this.disturbed = true;
      carry(frame, usual + late + doubled.dice.between(1, doubled.delay), false);
    };
  }

  /** Of the next frame: for who carries frames in another way. */
  fate(direction: Direction): Fate {
    this.#whole -= 1;
    if (this.#whole < 0) {
      this.#whole = Number.POSITIVE_INFINITY;
      this.#counts.add("cut");
      return { cut: true, lost: false, doubled: false, late: 0 };
    }
    const hit = new Map(this.#hits(direction).map((spell) => [spell.weather, spell]));
    const late = [hit.get("delay"), hit.get("reorder")].map((spell) => spell?.dice.between(1, spell.delay) ?? 0);
    return {
      cut: false,
      lost: hit.has("partition") || hit.has("loss"),
      doubled: hit.has("duplication"),
      late: Math.max(...late),
    };
  }

  /** Whether nobody can get through now. */
  get parted(): boolean {
    return this.#spells.some(({ weather, until }) => weather === "partition" && this.#world.now < until);
  }

  #hits(direction: Direction): Spell[] {
    if (this.#spells.length === 0) return [];
    return this.#spells.filter((spell) => {
      const here = spell.direction === "both" || spell.direction === direction;
      if (!here || this.#world.now >= spell.until || !spell.dice.happens(spell.chance)) return false;
      this.#counts.add(spell.weather);
      return true;
    });
  }
}
