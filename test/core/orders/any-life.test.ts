/**
 * The promises about orders, against whatever can happen: random commands, a terminal
 * that answers, keeps silent, loses or repeats, a bridge that is killed at any moment
 * and keeps only a beginning of what it wrote.
 */
import { describe, expect, it } from "vitest";
import type { AccountEvent } from "../../../src/core/accounts/account-event.ts";
import { lots } from "../../../src/core/model/decimals.ts";
import type { ClientOrderId, Ticket } from "../../../src/core/model/ids.ts";
import { cancelOrder } from "../../../src/core/orders/change-order.ts";
import { raiseDoubts, settleDoubts } from "../../../src/core/orders/doubts.ts";
import { isFinal } from "../../../src/core/orders/lifecycle.ts";
import { numbers } from "../../any-ticks.ts";
import { MemoryJournal, MemoryShelf } from "../../memory-journal.ts";
import { caller, type Desk, key, limit, openDesk, quiet, silence, tell } from "../desk.ts";
import type { Behaviour } from "../scripted-terminal.ts";

const behaviours: readonly Behaviour[] = [
  "done",
  "done",
  "done",
  "late",
  "lost",
  "offline",
  "empty",
  10019,
  10004,
  10012,
];

/** Knows how much of it a power cut would leave. */
class WatchedJournal extends MemoryJournal<AccountEvent> {
  durable = this.events.length;

  override append(events: readonly AccountEvent[]) {
    const appended = super.append(events);
    appended.durable.then(
      () => {
        this.durable = appended.sequence;
      },
      () => undefined,
    );
    return appended;
  }
}

class Life {
  desk: Desk;
  journal: WatchedJournal;
  readonly below: (limit: number) => number;
  /** Keys of orders that a caller was told to be accepted. */
  readonly accepted = new Set<ClientOrderId>();
  readonly #seed: number;

  readonly #every: number | undefined;

  private constructor(seed: number, desk: Desk, journal: WatchedJournal, every: number | undefined) {
    this.#seed = seed;
    this.#every = every;
    this.below = numbers(seed);
    this.desk = desk;
    this.journal = journal;
    this.#watch();
  }

  /** `every`: events between two snapshots, after which what is over leaves memory; absent: there is no shelf. */
  static async begin(seed: number, every?: number): Promise<Life> {
    const journal = new WatchedJournal();
    if (every !== undefined) journal.shelf = new MemoryShelf();
    return new Life(seed, await openDesk({ journal, every }), journal, every);
  }

  #watch(): void {
    this.desk.terminal.onCommand = (order) => {
      const name = order?.request.clientOrderId;
      const onDisk = this.journal.events.slice(0, this.journal.durable);
      const isThere = onDisk.some((event) => event.type === "received" && event.order.clientOrderId === name);
      if (name !== undefined) expect(isThere, `seed ${this.#seed}: ${name} was sent before it was on disk`).toBe(true);
    };
  }

  async step(): Promise<void> {
    const { desk, below } = this;
    const { terminal } = desk;
    const name = key(`k${below(8)}`);
    switch (below(13)) {
      case 0:
      case 1:
      case 2:
      case 3: {
        terminal.script.push(behaviours[below(behaviours.length)] ?? "done");
        const draft = { clientOrderId: name, ...(name < "k4" ? limit() : {}) };
        desk.place(draft).then(
          () => this.desk === desk && this.accepted.add(name),
          () => undefined,
        );
        break;
      }
      case 4: {
        terminal.script.push(behaviours[below(behaviours.length)] ?? "done");
        const order = { by: "client_order_id", value: name } as const;
        cancelOrder(desk.desk, key(`c${below(8)}`), order, caller()).catch(() => undefined);
        break;
      }
      case 5:
        terminal.answerLate();
        break;
      case 6: {
        const [number] = [...terminal.open.keys()].slice(below(3));
        if (number === undefined) break;
        const open = terminal.open.get(number);
        if (below(3) === 0) terminal.end(number, below(2) ? "canceled" : "expired");
        else terminal.fill(number, open && open.remaining > lots(0.02) && below(2) ? lots(0.01) : undefined);
        break;
      }
      case 7:
        if (below(2)) terminal.foreign("sell", lots(0.01), "mobile");
        else terminal.foreign("sell", lots(0.01), "stop_loss", BigInt(below(6)) | (7n << 32n)); // closes what ours opened
        break;
      case 8:
        if (below(2)) this.journal.hold();
        else this.journal.release();
        break;
      case 9:
        desk.clock.advance(silence);
        break;
      case 10:
        await this.restart();
        break;
      default:
        this.hear();
    }
    if (below(2)) await quiet();
  }

  /** Some reports, in some order, some of them not for the last time. */
  hear(): void {
    const { unreported } = this.desk.terminal;
    for (let n = this.below(5); n > 0 && unreported.length > 0; n--) {
      const at = this.below(3) === 0 ? this.below(unreported.length) : 0;
      const [report] = this.below(4) === 0 ? unreported.slice(at, at + 1) : unreported.splice(at, 1);
      if (report !== undefined) tell(this.desk.desk, report).catch(() => undefined);
    }
  }

  /** Killed: what was durable is kept, and of the rest perhaps a beginning. */
  async restart(): Promise<void> {
    const { durable, events, epoch, shelf } = this.journal;
    const { terminal, clock } = this.desk;
    const kept = events.slice(0, durable + this.below(events.length - durable + 1));
    // What the dead process would still do reaches nobody.
    const dead = this.desk;
    this.desk = { ...dead };
    this.journal.break();
    terminal.script = [];
    terminal.onCommand = () => {
      throw new Error("dead");
    };
    terminal.answerLate();
    await quiet();
    terminal.unreported = [];
    this.journal = new WatchedJournal(kept, epoch);
    if (shelf instanceof MemoryShelf) this.journal.shelf = shelf.copy();
    this.desk = await openDesk({ terminal, clock, journal: this.journal, every: this.#every });
    this.#watch();
    await raiseDoubts(this.desk.desk);
    await settleDoubts(this.desk.desk);
  }
}

describe("orders, whatever happens,", () => {
  it.each([
    ["", undefined, 300],
    [", and memory holds hardly any", 5, 80],
  ])(
    "are sent at most once per key, are never lost, and end as the terminal's records say%s",
    async (_, every, seeds) => {
      for (let seed = 0; seed < seeds; seed++) {
        const life = await Life.begin(seed, every);
        for (let n = 0; n < 40; n++) await life.step();
        life.journal.release();
        await quiet();
        await life.restart();
        const { record, terminal } = life.desk;

        const keys = terminal.submitted.map(({ request }) => request.clientOrderId);
        expect(new Set(keys).size, `seed ${seed}: a key was sent twice`).toBe(keys.length);
        for (const name of [...life.accepted, ...keys]) {
          expect(
            await record.newest({ by: "client_order_id", value: name }),
            `seed ${seed}: ${name} is lost`,
          ).toBeDefined();
        }
        for (const seen of [...terminal.open.values(), ...terminal.past.values()]) {
          const order = await record.newest({ by: "order_ticket", value: seen.ticket });
          const stage =
            seen.state === "placed" ? "working" : seen.state === "partial" ? "partially_filled" : seen.state;
          expect([order?.stage, order?.filled], `seed ${seed}: ${seen.ticket}`).toEqual([
            stage,
            filledOf(life, seen.ticket),
          ]);
          expect([order?.magic, order?.side], `seed ${seed}: ${seen.ticket}`).toEqual([seen.magic, seen.side]);
        }
        for (const order of await record.listOrders({}, Number.MAX_SAFE_INTEGER, 1000)) {
          const known =
            order.ticket !== undefined && (terminal.open.has(order.ticket) || terminal.past.has(order.ticket));
          expect(known || isFinal(order.stage), `seed ${seed}: ${order.id} is ${order.stage}`).toBe(true);
        }
        const positions = new Map([...record.holdings.positions].map((position) => [position.ticket, position]));
        expect(positions, `seed ${seed}`).toEqual(terminal.positions);
      }
    },
  );
});

const filledOf = ({ desk }: Life, order: Ticket): number =>
  desk.terminal.deals.filter((deal) => deal.order === order).reduce((sum, deal) => sum + deal.volume, 0);
