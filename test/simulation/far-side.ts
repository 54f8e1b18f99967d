/**
 * A live terminal's side of the link as a process that can die: the fake around the broker, on a machine of its own.
 * Its inbox outlives it, its reports do not.
 */
import { Inbox, type InboxDisk } from "../../clients/terminal/fake/inbox.ts";
import { TerminalSide } from "../../clients/terminal/fake/side.ts";
import { fromBrokerTime, toBrokerTime } from "../../src/core/model/broker-clock.ts";
import type { NumberedOrder } from "../../src/core/model/order.ts";
import type { TerminalPort } from "../../src/core/ports/terminal.ts";
import type { Bridge } from "./bridge.ts";
import { Cable } from "./cable.ts";
import type { Dice } from "./dice.ts";
import type { DownFrame, UpFrame } from "./frames.ts";
import { Link } from "./link.ts";
import { LiveEnd } from "./live-end.ts";
import type { Network } from "./network.ts";
import { Process } from "./process.ts";
import type { World } from "./world.ts";

/** How long the broker may take to answer, in ms. */
const patienceMs = 2000;
/** Between the terminal's side and the broker's, in ms: no weather there. */
const near = 1;
/** Milliseconds from the end of one life to the beginning of the next. */
const rebirth = 200;
/** Of a sync of the inbox, in ms. */
const slowestSync = 3;
const room = { count: 5000, bytes: 2 ** 22 };

export class FarSide {
  readonly #world: World;
  readonly #network: Network;
  readonly #dice: Dice;
  readonly #broker: Pick<TerminalPort, "account" | "symbols">;
  readonly #toSite: (frame: UpFrame) => void;
  readonly #bridge: () => Bridge;
  readonly #lines: string[] = [];
  #lives = 0;
  #process: Process;
  #link: Link;
  #cable: Cable | undefined;
  #isWelcome = false;

  constructor(
    world: World,
    network: Network,
    dice: Dice,
    broker: Pick<TerminalPort, "account" | "symbols">,
    toSite: (frame: UpFrame) => void,
    bridge: () => Bridge,
  ) {
    this.#world = world;
    this.#network = network;
    this.#dice = dice;
    this.#broker = broker;
    this.#toSite = toSite;
    this.#bridge = bridge;
    [this.#process, this.#link] = this.#begin();
  }

  /** A frame of the broker's. */
  take(frame: DownFrame): void {
    const link = this.#link;
    this.#world.after(near, this.#process, () => link.take(frame));
  }

  /** As kill -9 does it; it is started again. */
  restart(): void {
    this.#process.kill();
  }

  cut(): void {
    this.#cable?.cut();
  }

  /** The bridge has welcomed it, and nobody has still to find out that the connection is broken. */
  get isLinked(): boolean {
    return this.#isWelcome && this.#cable?.isSound === true;
  }

  /** No more bad weather. */
  mend(): void {
    this.#cable?.mend();
  }

  #begin(): [Process, Link] {
    this.#lives += 1;
    const world = this.#world;
    const process = new Process(`terminal ${this.#lives}`);
    const toSite = (frame: UpFrame) => void world.after(near, world.outside, () => this.#toSite(frame));
    const link = new Link(world, process, this.#lives, this.#broker, toSite);
    const clock = world.clockOf(process);
    const note = (_severity: string, _component: string, message: string) => {
      if (message.startsWith("linked to ")) this.#isWelcome = true;
    };
    const side = new TerminalSide({
      terminal: this.#named(link),
      connected: false,
      inbox: new Inbox(this.#disk(process)),
      ...{ clock, micros: () => BigInt(world.now + 1) * 1000n, observer: { note } },
      ...{ software: "simulated", token: "", reportsEpoch: BigInt(this.#lives), room, patienceMs },
      ...{ limits: { maxVolume: 0, ordersPerMinute: 0, symbols: [] }, absence: { policy: "none", seconds: 1 } },
      brokerClock: { of: toBrokerTime, utc: fromBrokerTime },
    });
    const life = new AbortController();
    process.onEnd(() => {
      life.abort();
      world.note("terminal killed", this.#lives);
      world.after(rebirth, world.outside, () => {
        [this.#process, this.#link] = this.#begin();
      });
    });
    void side.run(life.signal);
    void this.#dial(side, process, life.signal);
    return [process, link];
  }

  async #dial(side: TerminalSide, process: Process, signal: AbortSignal): Promise<void> {
    const clock = this.#world.clockOf(process);
    for (;;) {
      await clock.sleep(this.#dice.between(50, 400));
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

  /** An order of the name that it has at the bridge: what the link carries is a number. */
  #named(link: Link): TerminalPort {
    const original = ({ magic }: NumberedOrder) => {
      const given = this.#bridge().lives.flatMap(({ link: end }) => end.submitted);
      return given.find(({ order }) => order.magic === magic)?.order.request.clientOrderId;
    };
    const submit: TerminalPort["submit"] = (order) => {
      const clientOrderId = original(order) ?? order.request.clientOrderId;
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

  #disk(process: Process): InboxDisk {
    const lines = this.#lines;
    return {
      lines: () => [...lines],
      append: (line) => {
        if (!process.effect()) return new Promise(() => undefined);
        lines.push(line);
        const ms = this.#dice.between(0, slowestSync);
        return new Promise((durable) => void this.#world.after(ms, process, durable));
      },
      replace: (fresh) => {
        if (process.effect()) lines.splice(0, lines.length, ...fresh);
      },
    };
  }
}
