/**
 * The bridge: one life of it after another, each wired as `main` wires it, over the
 * simulated disk and link.
 */
import { Account } from "../../src/core/accounts/account.ts";
import type { AccountEvent } from "../../src/core/accounts/account-event.ts";
import { follow } from "../../src/core/accounts/follow.ts";
import { AccountRecord } from "../../src/core/accounts/record.ts";
import { recover, settleAtStart } from "../../src/core/accounts/recover.ts";
import { type ControlEvent, ControlRecord } from "../../src/core/control/control-record.ts";
import { BridgeError } from "../../src/core/errors.ts";
import type { Instant } from "../../src/core/model/ids.ts";
import { TickRows } from "../../src/core/model/tick-rows.ts";
import { watchDoubts } from "../../src/core/orders/doubts.ts";
import { OrderDesk } from "../../src/core/orders/order-desk.ts";
import type { TickHistory } from "../../src/core/ports/history.ts";
import type { Observer } from "../../src/core/ports/observer.ts";
import { nobody } from "../../src/core/ports/witness.ts";
import { StreamIds } from "../../src/core/streams/stream-ids.ts";
import { TickHub } from "../../src/core/ticks/hub.ts";
import { Prices } from "../../src/core/ticks/prices.ts";
import { JournalStore } from "../../src/store/journal-store.ts";
import type { Disk } from "./disk.ts";
import type { DownFrame } from "./frames.ts";
import { Link } from "./link.ts";
import type { LiveEnd } from "./live-end.ts";
import { Process } from "./process.ts";
import type { Terms } from "./terms.ts";
import type { World } from "./world.ts";

/** Milliseconds until the terminal counts as silent. */
const silence = 600;
/** Milliseconds that a bridge which is to go waits for answers. */
const grace = 700;
/** A process that is to die does so after so many milliseconds, if little leaves it. */
const longestAgony = 1500;
/** Milliseconds from the end of one life to the beginning of the next. */
const rebirth = 150;

const noHistory: TickHistory = {
  record: () => undefined,
  room: async () => undefined,
  ticks: async () => TickRows.of([]),
  bars: async () => [],
  latest: async () => [],
};

export interface Life {
  readonly number: number;
  readonly process: Process;
  readonly link: Link | LiveEnd;
  /** Absent until the bridge serves. */
  account?: Account;
  /** When its process began, and when it began to serve. */
  readonly bornAt: number;
  servedAt?: number;
  store?: JournalStore;
  /** Aborts when the bridge is about to go. */
  readonly leaving: AbortController;
  readonly ended: AbortController;
}

export class Bridge {
  life: Life;
  /** All that there were. */
  readonly lives: Life[] = [];
  readonly #world: World;
  readonly #disk: Disk;
  readonly #linked: (process: Process, life: number) => Link | LiveEnd;
  readonly #terms: Terms;
  #lives = 0;
  #power = false;

  constructor(world: World, disk: Disk, linked: (process: Process, life: number) => Link | LiveEnd, terms: Terms) {
    this.#world = world;
    this.#disk = disk;
    this.#linked = linked;
    this.#terms = terms;
    this.life = this.#begin();
  }

  /** The account, where the bridge serves. */
  get account(): Account | undefined {
    return this.life.process.alive ? this.life.account : undefined;
  }

  /** A frame has come from the terminal: while the process stands still it waits. */
  take(frame: DownFrame): void {
    const { process, link } = this.life;
    if (!(link instanceof Link)) return;
    if (process.frozenUntil > this.#world.now) this.#world.after(0, process, () => link.take(frame));
    else if (process.alive) link.take(frame);
  }

  /** The process ends, or the power is cut, when so many more things have left it; another one begins after a while. */
  killAfter(effects: number, power: boolean): void {
    const { process } = this.life;
    this.#power = power;
    process.killAfter(effects);
    this.#world.after(longestAgony, process, () => process.kill());
  }

  /** As a signal does it: streams are told, what is on its way is waited for, the journal is closed. */
  restart(): void {
    const { life } = this;
    const { account, process } = life;
    if (account === undefined) {
      process.kill();
      return;
    }
    account.desk.draining = true;
    life.leaving.abort("leaving");
    const end = async () => {
      await Promise.race([account.desk.idle(), this.#world.clockOf(process).sleep(grace)]);
      await life.store?.close();
      process.kill();
    };
    this.#world.after(0, process, () => void end());
  }

  #begin(): Life {
    this.#lives += 1;
    const process = new Process(`bridge ${this.#lives}`);
    const link = this.#linked(process, this.#lives);
    const life: Life = {
      number: this.#lives,
      bornAt: this.#world.now,
      process,
      link,
      leaving: new AbortController(),
      ended: new AbortController(),
    };
    process.onEnd(() => {
      this.#disk.left(this.#power);
      this.#power = false;
      this.#world.note("killed", life.number);
      this.#world.after(rebirth, this.#world.outside, () => {
        this.life = this.#begin();
      });
    });
    this.lives.push(life);
    void this.#serve(life);
    return life;
  }

  async #serve(life: Life): Promise<void> {
    const { process, link } = life;
    const clock = this.#world.clockOf(process);
    const observer = this.#observer(process);
    try {
      const epoch = `life ${life.number}`;
      const store = await JournalStore.open(this.#disk.of(process), {
        clock,
        stopwatch: () => this.#world.now,
        newEpoch: () => `journal of life ${life.number}`,
        observer,
      });
      life.store = store;
      while (!link.up) await clock.sleep(50);
      const { valuation } = await link.snapshot(0 as Instant);
      const { snapshotEvery } = this.#terms;
      const record = await AccountRecord.open(store.journal<AccountEvent>("orders"), valuation, nobody, snapshotEvery);
      const control = await ControlRecord.open(store.journal<ControlEvent>("control"), clock, observer);
      const hub = new TickHub(epoch, new Map(link.symbols.map((spec) => [spec.name, spec])));
      const prices = new Prices(hub, clock);
      const desk = new OrderDesk(link, record, clock, observer, { silence }, control, prices);
      await settleAtStart(desk);
      const account = new Account(desk, hub, noHistory, new StreamIds(epoch), clock);
      void watchDoubts(desk, life.ended.signal);
      void recover(account, () => undefined, life.ended.signal);
      void follow(account, () => undefined, life.ended.signal);
      account.deadMen.start();
      life.account = account;
      life.servedAt = this.#world.now;
      this.#world.note("serving", life.number);
    } catch (error) {
      // As `main` does: what cannot start ends, and is started again.
      this.#world.note("cannot start", life.number, () => String(error));
      this.#world.after(100, process, () => process.kill());
    }
  }

  #observer(process: Process): Observer {
    return {
      note: (severity, component, message, context) => {
        if (!process.alive || severity === "info") return;
        this.#world.note(`${severity} ${component}: ${message}`, 0, () => {
          const error = context?.["error"];
          return error instanceof BridgeError || error instanceof Error ? error.message : "";
        });
      },
    };
  }
}
