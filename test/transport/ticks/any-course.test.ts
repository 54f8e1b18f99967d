import { expect, it } from "vitest";
import { numbers } from "../../any-ticks.ts";
import { beginLife, type Life, names } from "./life.ts";
import { TickTaker } from "./taker.ts";
import { ways } from "./ways.ts";

const readers = 4;
const turns = 40;
const lives = 3;

/** Draws from the seed what happens; which way each reader takes goes round with it. */
class Course {
  readonly takers: readonly TickTaker[];
  readonly #below: (limit: number) => number;
  #life: Life;
  #lives = 1;

  constructor(seed: number, life: Life) {
    const kinds = Object.keys(ways);
    this.#below = numbers(seed);
    this.#life = life;
    this.takers = Array.from({ length: readers }, (_, i) => {
      const way = kinds[(seed * readers + i) % kinds.length] as string;
      return new TickTaker(way, this.#below(3) > 0, names.slice(0, 1 + this.#below(names.length)), life);
    });
  }

  async run(): Promise<void> {
    for (let turn = 0; turn < turns; turn++) {
      await this.#turn(this.#any(this.takers));
      for (let wait = this.#below(4); wait > 0; wait--) await new Promise((resolve) => setImmediate(resolve));
    }
    for (const taker of this.takers) taker.goOn();
    this.#life.publish(names);
    for (const taker of this.takers) await taker.caughtUp();
    await Promise.all(this.takers.map((taker) => taker.end()));
    await this.#life.end(false);
  }

  async #turn(taker: TickTaker): Promise<void> {
    const draw = this.#below(20);
    if (draw < 9) this.#publish(1 + this.#below(12));
    else if (draw < 11) this.#publish(1000 + this.#below(2000));
    else if (draw < 13) taker.stall();
    else if (draw < 15) taker.goOn();
    else if (draw < 16) taker.cut();
    else if (draw < 19) await this.#change(taker);
    else if (this.#lives < lives) await this.#restart();
  }

  #publish(count: number): void {
    this.#life.publish(Array.from({ length: count }, () => this.#any(names)));
  }

  async #change(taker: TickTaker): Promise<void> {
    const absent = names.filter((name) => !taker.symbols.includes(name));
    taker.goOn();
    if (absent.length > 0) await taker.change(absent.slice(0, 1), []);
    else await taker.change([], taker.symbols.slice(1, 2));
  }

  async #restart(): Promise<void> {
    const before = this.#life;
    this.#life = await beginLife(`life-${++this.#lives}`);
    for (const taker of this.takers) taker.follow(this.#life);
    await before.end(this.#below(2) === 0);
  }

  #any<T>(list: readonly T[]): T {
    return list[this.#below(list.length)] as T;
  }
}

it("over real sockets each reader gets every tick once and in order, or is told what it does not get", async () => {
  let [taken, resets] = [0, 0];
  for (let seed = 1; seed <= 24; seed++) {
    const course = new Course(seed, await beginLife("life-1"));
    await course.run();
    for (const taker of course.takers) {
      expect(taker.wrong, `seed ${seed}, ${taker.name}`).toBeUndefined();
      taken += taker.taken;
      resets += taker.resets;
    }
  }
  expect(taken, "ticks that were read").toBeGreaterThan(50_000);
  expect(resets, "starts afresh in another life").toBeGreaterThan(24);
}, 120_000);
