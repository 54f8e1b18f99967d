/**
 * A live terminal's side of the link as a process that can die: the fake around the broker, on a machine of its own.
 * Its inbox outlives it, its reports do not. Now and then the machine dies with it, is replaced by another, or comes
 * back with another account logged in.
 */
import { Inbox } from "../../clients/terminal/fake/inbox.ts";
import { TerminalSide } from "../../clients/terminal/fake/side.ts";
import { fromBrokerTime, toBrokerTime } from "../../src/core/model/broker-clock.ts";
import type { NumberedOrder } from "../../src/core/model/order.ts";
import type { TerminalPort } from "../../src/core/ports/terminal.ts";
import type { Room } from "../../src/terminals/live/numbered.ts";
import type { Bridge } from "./bridge.ts";
import type { Broker } from "./broker.ts";
import { Cable } from "./cable.ts";
import type { Counts } from "./counts.ts";
import type { Dice } from "./dice.ts";
import { FarDisk } from "./far-disk.ts";
import type { DownFrame, UpFrame } from "./frames.ts";
import { Link } from "./link.ts";
import { LiveEnd, within } from "./live-end.ts";
import type { Network } from "./network.ts";
import { Process } from "./process.ts";
import { stranger } from "./stranger.ts";
import type { World } from "./world.ts";

/** How long the broker may take to answer, in ms. */
const patienceMs = 2000;
/** Between the terminal's side and the broker's, in ms: no weather there. */
const near = 1;
/** Milliseconds from the end of one life to the beginning of the next, at most. */
const rebirth = 200;
/** A process that is to die does so after so many milliseconds, if little leaves it. */
const longestAgony = 1000;
/** So much (ms) the terminal may take the bridge's clock to be behind: as much as a frame is held up at most. */
const clockDoubt = 2000;

type Fate = "killed" | "power cut" | "set back" | "another account";
const fates: readonly [Fate, ...Fate[]] = [
  "killed",
  "killed",
  "killed",
  "power cut",
  "power cut",
  "set back",
  "another account",
];

export class FarSide {
  readonly #world: World;
  readonly #network: Network;
  readonly #dice: Dice;
  readonly #counts: Counts;
  readonly #broker: Broker;
  readonly #toSite: (frame: UpFrame) => void;
  readonly #bridge: () => Bridge;
  readonly #disk: FarDisk;
  readonly #room: Room;
  /** What may never be. */
  readonly wrong: string[] = [];
  #lives = 0;
  /** How this life ends. */
  #fate: Fate = "killed";
  #process: Process;
  #link: Link;
  #cable: Cable | undefined;
  #isWelcome = false;

  constructor(
    world: World,
    network: Network,
    dice: Dice,
    counts: Counts,
    broker: Broker,
    toSite: (frame: UpFrame) => void,
    bridge: () => Bridge,
  ) {
    this.#world = world;
    this.#network = network;
    this.#dice = dice;
    this.#counts = counts;
    this.#broker = broker;
    this.#toSite = toSite;
    this.#bridge = bridge;
    this.#disk = new FarDisk(world, dice, counts);
    this.#room = { count: dice.pick([5000, 5000, 40, 6]), bytes: 2 ** 22 };
    [this.#process, this.#link] = this.#begin();
  }

  /** A frame of the broker's. */
  take(frame: DownFrame): void {
    const link = this.#link;
    this.#world.after(near, this.#process, () => link.take(frame));
  }

  /** It ends when a few more things have left it, and is started again. */
  restart(): void {
    const process = this.#process;
    this.#fate = this.#dice.pick(fates);
    process.killAfter(this.#dice.below(8));
    this.#world.after(longestAgony, process, () => process.kill());
  }

  cut(): void {
    this.#cable?.cut();
  }

  /** The bridge has welcomed it, and nobody has still to find out that the connection is broken. */
  get isLinked(): boolean {
    return this.#isWelcome && this.#cable?.isSound === true;
  }

  /** No more bad weather: who is to die does so now. */
  mend(): void {
    if (this.#process.doomed) this.#process.kill();
    this.#cable?.mend();
  }

  #begin(isStranger = false): [Process, Link] {
    this.#lives += 1;
    const world = this.#world;
    const process = new Process(`terminal ${this.#lives}`);
    if (isStranger) this.#leave(process);
    const toSite = (frame: UpFrame) => void world.after(near, world.outside, () => this.#toSite(frame));
    const link = new Link(world, process, this.#lives, this.#broker, isStranger ? () => undefined : toSite);
    const clock = world.clockOf(process);
    const note = (_severity: string, _component: string, message: string) => {
      if (message.startsWith("linked to ")) this.#isWelcome = true;
    };
    const side = new TerminalSide({
      terminal: isStranger ? this.#stranger() : this.#named(link),
      connected: isStranger,
      inbox: new Inbox((isStranger ? new FarDisk(world, this.#dice, this.#counts) : this.#disk).of(process)),
      ...{ clock, micros: () => BigInt(world.now + 1) * 1000n, observer: { note } },
      ...{ software: "simulated", token: "", reportsEpoch: BigInt(this.#lives), room: this.#room, patienceMs },
      ...{ limits: { maxVolume: 0, ordersPerMinute: 0, symbols: [] }, absence: { policy: "none", seconds: 1 } },
      brokerClock: { of: toBrokerTime, utc: fromBrokerTime },
    });
    const life = new AbortController();
    process.onEnd(() => {
      life.abort();
      world.note("terminal killed", this.#lives);
      const fate = this.#fate;
      this.#fate = "killed";
      if (fate === "power cut") this.#disk.powerCut();
      if (fate === "set back") this.#disk.setBack();
      world.after(this.#dice.between(10, rebirth), world.outside, () => {
        [this.#process, this.#link] = this.#begin(fate === "another account");
      });
    });
    void side.run(life.signal);
    void this.#dial(side, process, life.signal);
    return [process, link];
  }

  async #dial(side: TerminalSide, process: Process, signal: AbortSignal): Promise<void> {
    const clock = this.#world.clockOf(process);
    for (;;) {
      await clock.sleep(this.#dice.between(10, 400));
      const { life } = this.#bridge();
      if (!(life.link instanceof LiveEnd) || !life.process.alive || this.#network.parted) continue;
      const cable = new Cable(this.#world, this.#network, this.#dice, life.process, process);
      this.#cable = cable;
      this.#isWelcome = false;
      const { link } = life;
      this.#world.after(this.#dice.between(1, 4), life.process, () => link.accept(cable.bridge));
      const { why } = await side.serve(cable.terminal, signal);
      this.#world.note("far side", 0, () => why);
    }
  }

  #stranger(): TerminalPort {
    this.#counts.add("another account");
    return stranger(this.#broker, (what) => void this.wrong.push(`another account was asked for ${what}`));
  }

  /** Whoever has logged in to another account logs in to ours again. */
  #leave(process: Process): void {
    this.#world.after(this.#dice.between(500, 3000), this.#world.outside, () => process.kill());
  }

  /** An order of the name that it has at the bridge: what the link carries is a number. */
  #named(link: Link): TerminalPort {
    const original = ({ magic }: NumberedOrder) => {
      const given = this.#bridge().lives.flatMap(({ link: end }) => end.submitted);
      return given.find(({ order }) => order.magic === magic);
    };
    const submit: TerminalPort["submit"] = (order) => {
      const given = original(order);
      const clientOrderId = given?.order.request.clientOrderId ?? order.request.clientOrderId;
      const late = this.#world.now - within - (given?.at ?? this.#world.now);
      if (late > clockDoubt) this.wrong.push(`${clientOrderId} was carried out ${late} ms after its deadline`);
      return link.submit({ ...order, request: { ...order.request, clientOrderId } } as typeof order);
    };
    return {
      ...{ account: link.account, symbols: link.symbols, submit },
      brokerTime: (at) => link.brokerTime(at),
      modify: (order, change) => link.modify(order, change),
      cancel: (order) => link.cancel(order),
      modifyPosition: (position, stops) => link.modifyPosition(position, stops),
      check: (order) => link.check(order),
      snapshot: (since) => link.snapshot(since),
      reports: (signal) => link.reports(signal),
    };
  }
}
