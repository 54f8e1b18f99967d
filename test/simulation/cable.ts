/**
 * A connection between the bridge and a live terminal, as TCP is one: what arrives arrives whole and in order, until the
 * connection breaks. Bad weather cannot take a frame out of the middle: it makes all of them late, or ends the connection
 * for one end, for both, or for nobody, who then find out by the silence.
 */
import type { LinkCarrier } from "../../src/core/ports/link.ts";
import type { Dice } from "./dice.ts";
import type { Direction, Network } from "./network.ts";
import type { Process } from "./process.ts";
import type { World } from "./world.ts";

/** The largest time, in ms, until an end finds out that the connection is broken. */
const notice = 300;

class End implements LinkCarrier {
  readonly peer: string;
  readonly process: Process;
  readonly #send: (frame: Uint8Array) => void;
  readonly #close: () => void;
  #queue: Uint8Array[] = [];
  #over = false;
  #change = Promise.withResolvers<void>();

  constructor(process: Process, send: (frame: Uint8Array) => void, close: () => void) {
    this.peer = process.name;
    this.process = process;
    this.#send = send;
    this.#close = close;
  }

  async *frames(signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
    const stop = () => this.#change.resolve();
    signal.addEventListener("abort", stop, { once: true });
    while (!signal.aborted && this.process.alive) {
      const frame = this.#queue.shift();
      if (frame !== undefined) yield frame;
      else if (this.#over) return;
      else {
        this.#change = Promise.withResolvers();
        await this.#change.promise;
      }
    }
  }

  send(frame: Uint8Array): boolean {
    if (!this.#over && this.process.effect()) this.#send(frame);
    return true;
  }

  close(): void {
    this.end();
    this.#close();
  }

  take(frame: Uint8Array): void {
    this.#queue.push(frame);
    this.#change.resolve();
  }

  end(): void {
    this.#over = true;
    this.#change.resolve();
  }

  get over(): boolean {
    return this.#over;
  }
}

export class Cable {
  readonly bridge: LinkCarrier;
  readonly terminal: LinkCarrier;
  readonly #world: World;
  readonly #network: Network;
  readonly #dice: Dice;
  readonly #ends: Readonly<Record<Direction, End>>;
  /** When the last frame of each direction arrives. */
  readonly #last = { up: 0, down: 0 };
  /** Nothing of that direction arrives any more. */
  readonly #holes = new Set<Direction>();
  #severed = false;

  constructor(world: World, network: Network, dice: Dice, bridge: Process, terminal: Process) {
    this.#world = world;
    this.#network = network;
    this.#dice = dice;
    const at = {
      down: new End(
        bridge,
        (frame) => this.#carry("up", frame),
        () => this.#hangUp("up"),
      ),
      up: new End(
        terminal,
        (frame) => this.#carry("down", frame),
        () => this.#hangUp("down"),
      ),
    };
    this.#ends = at;
    this.bridge = at.down;
    this.terminal = at.up;
    bridge.onEnd(() => this.#hangUp("up"));
    terminal.onEnd(() => this.#hangUp("down"));
  }

  get over(): boolean {
    return this.#ends.up.over && this.#ends.down.over;
  }

  /** What is sent arrives, either way. */
  get isSound(): boolean {
    return !this.#severed && this.#holes.size === 0 && !this.#ends.up.over && !this.#ends.down.over;
  }

  /** Both ends find out, each in its time; what is on its way is lost. */
  cut(): void {
    if (this.#severed) return;
    this.#severed = true;
    for (const end of Object.values(this.#ends)) {
      this.#world.after(this.#dice.between(0, notice), end.process, () => end.end());
    }
  }

  /** What cannot arrive any more is broken at the latest now. */
  mend(): void {
    if (this.#holes.size > 0) this.cut();
  }

  #carry(direction: Direction, frame: Uint8Array): void {
    const usual = this.#dice.between(1, 4);
    if (this.#severed || this.#holes.has(direction)) return;
    const fate = this.#network.fate(direction);
    if (fate.cut) {
      this.cut();
      return;
    }
    if (fate.lost) {
      // Nobody is told: the one that waits finds out by the silence, if the connection is not reset before.
      this.#holes.add(direction);
      if (this.#dice.happens(0.7))
        this.#world.after(this.#dice.between(0, 3000), this.#world.outside, () => this.cut());
      return;
    }
    this.#arrive(direction, usual + fate.late, (end) => end.take(frame));
    // It has arrived, and what would say so does not come back: it is sent again on the next connection.
    if (fate.doubled) this.#world.after(usual + fate.late + 1, this.#world.outside, () => this.cut());
  }

  #hangUp(direction: Direction): void {
    if (!this.#severed && !this.#holes.has(direction)) this.#arrive(direction, 1, (end) => end.end());
  }

  #arrive(direction: Direction, delay: number, what: (end: End) => void): void {
    const end = this.#ends[direction];
    const at = Math.max(this.#last[direction], this.#world.now + delay);
    this.#last[direction] = at;
    this.#world.after(at - this.#world.now, end.process, () => {
      if (!this.#severed) what(end);
    });
  }
}
