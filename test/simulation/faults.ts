/**
 * Everything that can go wrong, each with what it draws and what it does.
 *
 * Each seed has some kinds of faults and is spared the others, so that they do not mask each
 * other. A fault draws from dice of its own: without it, all else stays the same.
 */
import { Dice } from "./dice.ts";
import type { Scene } from "./scene.ts";
import type { Mood } from "./site.ts";

export interface Fault {
  readonly kind: FaultKind;
  /** Its number in the seed's schedule. */
  readonly number: number;
  /** Milliseconds since the beginning. */
  readonly at: number;
}

/** How long faults happen, in milliseconds. */
export const stormy = 9000;

/** What a fault does, now. */
type Strike = (scene: Scene, dice: Dice) => void;

const spell =
  (weather: "delay" | "loss" | "duplication" | "reorder" | "partition"): Strike =>
  ({ world, network }, dice) => {
    const partition = weather === "partition";
    network.begin({
      weather,
      direction: partition ? dice.pick(["up", "down"]) : dice.pick(["up", "down", "both"]),
      until: world.now + dice.between(200, partition ? 2500 : 1500),
      chance: partition ? 1 : dice.pick([0.1, 0.3, 0.6]),
      delay: dice.pick([20, 200, 900]),
      dice,
    });
  };

const mood =
  (draw: (dice: Dice) => Mood): Strike =>
  ({ site }, dice) => {
    for (let n = dice.between(1, 2); n > 0; n--) site.moods.push(draw(dice));
  };

const unclear = (retcode: number) => (dice: Dice) => ({
  kind: "unclear" as const,
  retcode,
  executed: dice.happens(0.6) ? dice.pick([0, 5, 300, 1500]) : undefined,
});

// biome-ignore format: a table is read by its columns
const strikes = {
  delay:       spell("delay"),
  loss:        spell("loss"),
  duplication: spell("duplication"),
  reorder:     spell("reorder"),
  partition:   spell("partition"),
  cut:         ({ network }, dice) => network.cutAfter(dice.below(12)),
  terminal_restart: ({ world, site, far, counts }, dice) => {
    counts.add("terminal restart");
    far?.restart();
    site.lost();
    site.lag = { until: world.now + dice.between(100, 3000), hides: dice.between(0, 3000), what: dice.pick(["orders", "deals", "both"]) };
  },
  late_history: ({ world, site }, dice) => {
    site.lag = { until: world.now + dice.between(500, 4000), hides: dice.between(100, 4000), what: dice.pick(["orders", "deals", "both"]) };
  },
  disorder: ({ world, site }, dice) => {
    site.disorderUntil = world.now + dice.between(500, 5000);
  },

  kill: ({ bridge, counts }, dice) => {
    counts.add("kill");
    bridge.killAfter(dice.below(14), false);
  },
  power_cut: ({ bridge, counts }, dice) => {
    counts.add("power cut");
    bridge.killAfter(dice.below(14), true);
  },
  pause: ({ world, bridge, counts }, dice) => {
    counts.add("pause");
    bridge.life.process.frozenUntil = world.now + dice.between(50, 2500);
  },
  restart: ({ bridge, counts }) => {
    counts.add("restart");
    bridge.restart();
  },

  slow_sync: ({ world, disk }, dice) => {
    disk.slow = { until: world.now + dice.between(300, 3000), ms: dice.pick([20, 100, 500]) };
  },
  disk_full: ({ disk }, dice) => void disk.troubles.push({ why: "disk_full", kept: false, lasts: dice.between(0, 3000) }),
  disk_error: ({ disk }, dice) => void disk.troubles.push({ why: "io_error", kept: dice.happens(0.5), lasts: 0 }),

  refusal:  mood((dice) => ({ kind: "refuse", retcode: dice.pick([10006, 10004, 10018, 10019, 10021, 10024]) })),
  timeout:  mood(unclear(10012)),
  no_connection: mood(unclear(10031)),
  silence:  mood((dice) => ({ kind: "silent", executed: dice.happens(0.6) })),
  slow_answer: mood((dice) => ({ kind: "slow", ms: dice.between(300, 2500) })),
  meddling: ({ broker }, dice) => {
    for (let n = dice.between(1, 3); n > 0; n--) broker.meddle(dice);
  },
  gap:      ({ broker }, dice) => broker.gap(dice.pick([-1, 1]) * dice.pick([40, 400, 3000, 5000])),
  time_jump: ({ broker }, dice) => broker.jump(dice.pick([-1, 1, 1]) * dice.pick([5_000, 3_600_000])),
  slow_change: ({ site }, dice) => {
    for (let n = dice.between(1, 3); n > 0; n--) site.moodsOfChanges.push({ kind: "slow", ms: dice.between(300, 2500) });
  },
  answer_loss: ({ world, losses }, dice) => {
    losses.until = world.now + dice.between(500, 4000);
    losses.percent = dice.pick([20, 60]);
  },
  shelf_damage: ({ disk }, dice) => disk.shelf.damage(dice),
  control_damage: ({ disk }) => {
    disk.damagesControl = true;
  },
} as const satisfies Readonly<Record<string, Strike>>;

type FaultKind = keyof typeof strikes;

const kinds = Object.keys(strikes) as FaultKind[];

/** The faults of a seed, as they come. */
export function drawFaults(seed: number): Fault[] {
  const dice = new Dice(seed, "faults");
  const share = dice.pick([0.08, 0.15, 0.3]);
  const faults = kinds.flatMap((kind) => {
    if (!dice.happens(share)) return [];
    return Array.from({ length: dice.pick([1, 1, 2, 4]) }, () => ({ kind, at: dice.between(100, stormy) }));
  });
  return faults.sort((a, b) => a.at - b.at).map((fault, number) => ({ ...fault, number }));
}

export function strike(scene: Scene, seed: number, { kind, number }: Fault): void {
  scene.world.note(kind, number);
  strikes[kind](scene, new Dice(seed, `fault ${number} ${kind}`));
}
