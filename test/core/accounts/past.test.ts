/** What is over leaves memory, and nobody can tell. */
import { describe, expect, it } from "vitest";
import type { AccountEvent } from "../../../src/core/accounts/account-event.ts";
import { BOX } from "../../../src/core/accounts/boxes.ts";
import type { ClientOrderId, OrderId, StrategyId, Ticket } from "../../../src/core/model/ids.ts";
import { applyReport, type TradeReport } from "../../../src/core/orders/apply-report.ts";
import { cancelOrder } from "../../../src/core/orders/change-order.ts";
import { settleDoubts } from "../../../src/core/orders/doubts.ts";
import type { OrderName } from "../../../src/core/orders/order-book.ts";
import { numbers } from "../../any-ticks.ts";
import { MemoryJournal, MemoryShelf } from "../../memory-journal.ts";
import { caller, type Desk, faultOf, key, later, limit, openDesk, quiet, silence } from "../desk.ts";

const all = [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER] as const;

/** A snapshot after every so many events, on a shelf. */
async function forgetful(every: number): Promise<{ readonly desk: Desk; readonly shelf: MemoryShelf }> {
  const journal = new MemoryJournal<AccountEvent>();
  const shelf = new MemoryShelf();
  journal.shelf = shelf;
  return { desk: await openDesk({ journal, every }), shelf };
}

/** What is put there takes its time, and sometimes fails. */
function makeUnruly(shelf: MemoryShelf, below: (limit: number) => number): MemoryShelf {
  const put = shelf.put.bind(shelf);
  shelf.put = async (...values) => {
    for (let turns = below(6); turns > 0; turns--) await quiet();
    if (below(5) === 0) throw new Error("no space left on the disk");
    await put(...values);
  };
  return shelf;
}

const settle = async () => {
  for (let turns = 0; turns < 6; turns++) await quiet();
};

/** How a call ends: by what it gives or by why it fails. */
const endOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    (value) => ({ value }),
    (error: unknown) => ({ error: String(error) }),
  );

/** The number of orders that are in memory, and of those that there are. */
const sizes = ({ record: { orders } }: Desk) => [[...orders.inMemory].length, orders.count] as const;

/** So many orders that were filled, each a second after the other. */
async function filled(desk: Desk, count: number): Promise<void> {
  for (let n = 1; n <= count; n++) {
    await desk.place({ clientOrderId: key(`k${n}`) });
    desk.clock.advance(1000);
    await settle();
  }
}

/** One account, and what a strategy, the broker and the operator do to it. */
class Course {
  desk: Desk;
  readonly #below: (limit: number) => number;
  /** All that the terminal has told, and may tell again. */
  #told: TradeReport[] = [];

  constructor(seed: number, desk: Desk) {
    this.#below = numbers(seed);
    this.desk = desk;
  }

  /** What whoever asked has been told. */
  async step(): Promise<unknown> {
    let answer: { readonly said: unknown } | undefined;
    void this.#act().then((said) => {
      answer = { said };
    });
    for (let rounds = 0; answer === undefined || rounds === 0; rounds++) {
      if (rounds > 20) throw new Error("no answer, ever");
      await settle();
      this.desk.clock.advance(silence);
      this.desk.terminal.answerLate();
      await settle();
    }
    return answer;
  }

  async #act(): Promise<unknown> {
    const below = this.#below;
    const { desk } = this;
    const { terminal, record } = desk;
    const name = key(`k${below(12)}`);
    const behaviour = (["done", "done", "done", "late", "lost", "empty", 10019] as const)[below(7)] ?? "done";
    const ticket = (1000n + BigInt(below(60))) as Ticket;
    const names: readonly OrderName[] = [
      { by: "client_order_id", value: name },
      { by: "order_ticket", value: ticket },
      { by: "order_id", value: `paper-${String(1 + below(20)).padStart(10, "0")}` as OrderId },
    ];
    const named = names[below(3)] as OrderName;
    const deadline = later(desk.clock.now(), 2 * silence);
    switch (below(12)) {
      case 0:
      case 1:
      case 2: {
        terminal.script = [behaviour];
        const content = { ...(name < key("k5") ? limit() : {}), volume: below(6) === 0 ? 0.2 : 0.1 };
        const placed = () => desk.place({ clientOrderId: name, ...content }, {}, { deadline });
        return Promise.all(Array.from({ length: 1 + below(3) }, () => endOf(placed())));
      }
      case 3:
        terminal.script = [behaviour];
        return endOf(cancelOrder(desk.desk, key(`c${below(9)}`), named, caller({ deadline })));
      case 4: {
        const [open] = [...terminal.open.keys()].slice(below(3));
        if (open === undefined) return "nothing is open";
        if (below(2) === 0) terminal.fill(open, below(2) === 0 ? terminal.open.get(open)?.remaining : undefined);
        else terminal.end(open, below(2) === 0 ? "canceled" : "expired");
        return "the broker acts";
      }
      case 5:
        return String(terminal.foreign("sell", 1_000_000 as never, "mobile"));
      case 6:
        this.desk = await desk.restart();
        return "again";
      case 7:
        return endOf(record.find(named));
      case 8:
        return endOf(
          record.listOrders(
            { ...(below(2) === 0 ? { strategyId: 7 as StrategyId } : {}), ...(below(3) === 0 ? { open: true } : {}) },
            1 + below(30),
            1 + below(5),
          ),
        );
      case 9:
        return endOf(record.listDeals(below(2) === 0 ? {} : { order: ticket }, 1 + below(30), 1 + below(5)));
      default:
        return this.#hear();
    }
  }

  /** News in some order, and what is no news any more. */
  async #hear(): Promise<unknown> {
    const { unreported } = this.desk.terminal;
    const heard: unknown[] = [];
    for (let n = 1 + this.#below(4); n > 0; n--) {
      const [news] = unreported.splice(this.#below(2), 1) as TradeReport[];
      const report = news ?? this.#told[this.#below(Math.max(1, this.#told.length))];
      if (news !== undefined) this.#told.push(news);
      if (report === undefined || !["order", "deal"].includes(report.type)) continue;
      heard.push(await endOf(applyReport(this.desk.desk, report)));
      await settle();
    }
    return heard;
  }

  async state(): Promise<unknown> {
    const { record, terminal } = this.desk;
    const { holdings, changes } = record;
    return {
      orders: await record.listOrders({}, ...all),
      deals: await record.listDeals({}, ...all),
      open: [...record.orders.open],
      changes: [...changes.open],
      positions: record.openPositions,
      exposures: [...holdings.exposures()],
      sent: terminal.submitted.map(({ request }) => request.clientOrderId),
      asked: terminal.asked,
    };
  }
}

describe("what is over", () => {
  it("leaves memory once it is on the shelf, and is found by each of its names", async () => {
    const { desk } = await forgetful(5);
    await filled(desk, 40);
    const [inMemory, count] = sizes(desk);
    expect([inMemory < 5, count]).toEqual([true, 40]);
    const { record } = desk;
    const first = await record.find({ by: "client_order_id", value: key("k1") });
    expect(first).toMatchObject({ number: 1, stage: "filled", clientOrderId: "k1" });
    expect(await record.find({ by: "order_ticket", value: first?.ticket as Ticket })).toEqual(first);
    expect(await record.find({ by: "order_id", value: first?.id as OrderId })).toEqual(first);
    expect((await record.listOrders({}, ...all)).map(({ number }) => number)).toEqual(
      Array.from({ length: 40 }, (_, i) => 40 - i),
    );
    expect((await record.listDeals({}, ...all)).map(({ place }) => place)).toEqual(
      Array.from({ length: 40 }, (_, i) => 40 - i),
    );
  });

  it("leaves memory a box at a time, so that nobody waits for all of it", async () => {
    const orders = 2 * BOX + 10;
    const { desk, shelf } = await forgetful(4 * orders);
    const put = shelf.put.bind(shelf);
    shelf.put = async (...values) => {
      await quiet();
      await put(...values);
    };
    let most = 0;
    let before = 0;
    for (let n = 1; desk.record.orders.count < 2 * orders; n++) {
      void desk.place({ clientOrderId: key(`k${n}`) });
      desk.clock.advance(1000);
      await quiet();
      const [inMemory, count] = sizes(desk);
      most = Math.max(most, count - inMemory - before);
      before = count - inMemory;
    }
    expect(before).toBeGreaterThan(BOX);
    expect(most).toBeLessThanOrEqual(BOX);
  });

  it("has its key for ever: the same content is the same order, other content is refused, and nothing is sent", async () => {
    const { desk } = await forgetful(5);
    await filled(desk, 20);
    const sent = desk.terminal.submitted.length;
    for (const account of [desk, await desk.restart()]) {
      const racing = await Promise.all(Array.from({ length: 64 }, () => account.place({ clientOrderId: key("k3") })));
      expect(new Set(racing.map(({ order, replayed }) => `${order.id} ${order.stage} ${replayed}`))).toEqual(
        new Set(["paper-0000000003 filled true"]),
      );
      const refused = await faultOf(account.place({ clientOrderId: key("k3"), volume: 0.2 }));
      expect(refused.fault).toBe("client_order_id_reused");
      const cancel = cancelOrder(account.desk, key("k3"), { by: "client_order_id", value: key("k4") }, caller());
      expect((await faultOf(cancel)).fault).toBe("client_order_id_reused");
    }
    expect(desk.terminal.submitted.length).toBe(sent);
  });

  it("keeps the answer to a change with its key", async () => {
    const { desk } = await forgetful(4);
    await desk.place({ clientOrderId: key("a"), ...limit() });
    const cancel = (account: Desk, name: string) =>
      cancelOrder(account.desk, key(name), { by: "client_order_id", value: key("a") }, caller());
    desk.terminal.script = [10019];
    const refused = await faultOf(cancel(desk, "refused"));
    await cancel(desk, "done");
    await filled(desk, 20);
    const asked = desk.terminal.asked.length;
    for (const account of [desk, await desk.restart()]) {
      expect(account.record.contentOf(key("done"))).toBeUndefined();
      expect(await cancel(account, "done")).toMatchObject({ replayed: true, order: { stage: "canceled" } });
      expect((await faultOf(cancel(account, "refused"))).message).toBe(refused.message);
      expect((await faultOf(cancel(account, "another"))).fault).toBe("order_not_working");
    }
    expect(desk.terminal.asked.length).toBe(asked);
  });

  it("tells what became of a change that is in doubt for longer than its order is remembered", async () => {
    const { desk } = await forgetful(4);
    const { order } = await desk.place({ clientOrderId: key("a"), ...limit() });
    desk.terminal.script = ["lost"];
    const name = { by: "client_order_id", value: key("a") } as const;
    const canceled = faultOf(cancelOrder(desk.desk, key("c"), name, caller()));
    await settle();
    desk.terminal.complete = false;
    desk.clock.advance(silence);
    expect((await canceled).fault).toBe("terminal_silent");
    await settle();
    desk.terminal.fill(order.ticket as Ticket);
    await desk.hear();
    await filled(desk, 20);
    expect([desk.record.orders.byNumber(order.number), desk.record.changes.doubted.length]).toEqual([undefined, 1]);
    desk.terminal.complete = true;
    await settleDoubts(desk.desk);
    const again = await faultOf(cancelOrder(desk.desk, key("c"), name, caller()));
    expect([again.fault, again.message]).toEqual(["order_not_working", "the order was filled first"]);
  });

  it("comes back when a deal is told that nobody knew of", async () => {
    const { desk } = await forgetful(4);
    const { order } = await desk.place({ clientOrderId: key("a"), ...limit() });
    const { terminal } = desk;
    terminal.fill(order.ticket as Ticket, 5_000_000 as never);
    const held = terminal.unreported.splice(0);
    terminal.end(order.ticket as Ticket, "canceled");
    for (const report of terminal.unreported.splice(0)) await applyReport(desk.desk, report as TradeReport);
    desk.desk.owed.clear(); // as after a restart
    await filled(desk, 20);
    expect(desk.record.orders.byNumber(order.number)).toBeUndefined();
    for (const report of held) await applyReport(desk.desk, report as TradeReport);
    const news = await desk.record.find({ by: "client_order_id", value: key("a") });
    expect(news).toMatchObject({ stage: "canceled", filled: 5_000_000 });
  });

  it("is the same for everyone who asks, does and tells whatever they like", async () => {
    let gone = 0;
    for (let seed = 0; seed < 40; seed++) {
      const every = 1 + (seed % 7);
      const much = new Course(seed, await openDesk());
      const { desk, shelf } = await forgetful(every);
      if (seed % 2 === 1) makeUnruly(shelf, numbers(seed));
      const little = new Course(seed, desk);
      for (let n = 0; n < 40; n++) {
        const expected = await much.step();
        expect(await little.step(), `seed ${seed}, step ${n}`).toEqual(expected);
      }
      expect(await little.state(), `seed ${seed}`).toEqual(await much.state());
      const [inMemory, count] = sizes(little.desk);
      gone += count - inMemory;
    }
    expect(gone).toBeGreaterThan(100); // else nothing was tried
  }, 120_000);

  it("is made anew from the journal when it is damaged, and meanwhile nothing is guessed at", async () => {
    const { desk, shelf } = await forgetful(5);
    await filled(desk, 20);
    for (const name of [...shelf.values.keys()]) {
      if (/^(orders|deals)\//.test(name)) shelf.values.set(name, undefined);
    }
    const started = await desk.reopen();
    for (const { record, place } of [started, desk]) {
      const sent = desk.terminal.submitted.length;
      expect((await faultOf(place({ clientOrderId: key("k3") }))).fault).toBe("journal_unavailable");
      expect((await faultOf(place({ clientOrderId: key("new") }))).fault).toBe("journal_unavailable");
      await record.reopen();
      expect(await place({ clientOrderId: key("k3") })).toMatchObject({ replayed: true, order: { number: 3 } });
      expect((await record.listOrders({}, ...all)).length).toBe(20);
      expect((await record.listDeals({}, ...all)).length).toBe(20);
      expect(desk.terminal.submitted.length).toBe(sent);
    }
  });

  it("cannot be read while the disk is away, and is not taken for unknown", async () => {
    const { desk, shelf } = await forgetful(5);
    await filled(desk, 20);
    const { get } = shelf;
    shelf.get = async () => {
      throw new Error("the disk is away");
    };
    const sent = desk.terminal.submitted.length;
    await expect(desk.place({ clientOrderId: key("k3") })).rejects.toThrow("the disk is away");
    await expect(desk.record.find({ by: "client_order_id", value: "k3" as ClientOrderId })).rejects.toThrow("away");
    shelf.get = get;
    expect(await desk.place({ clientOrderId: key("k3") })).toMatchObject({ replayed: true });
    expect(desk.terminal.submitted.length).toBe(sent);
  });

  it("has a key that is known to be used without reading anything: nobody would hear of a disk that is away", async () => {
    const { desk, shelf } = await forgetful(20);
    await filled(desk, 40);
    let reads = 0;
    shelf.get = async () => {
      reads += 1;
      throw new Error("the disk is away");
    };
    expect(sizes(desk)[0]).toBeLessThan(40);
    expect(["k1", "k40", "k41"].map((name) => desk.record.mayBeUsed(key(name)))).toEqual([true, true, false]);
    expect(reads).toBe(0);
  });

  it("stays in memory where there is no shelf to put it on", async () => {
    const { desk, shelf } = await forgetful(5);
    shelf.good = 0;
    await filled(desk, 20);
    expect(sizes(desk)).toEqual([20, 20]);
  });

  it("leaves memory in a long fold, too", async () => {
    const { desk } = await forgetful(5);
    await filled(desk, 40);
    const journal = new MemoryJournal(desk.journal.events);
    journal.shelf = new MemoryShelf();
    const folded = await openDesk({ journal, every: 5 });
    expect(sizes(folded)[0]).toBeLessThan(5);
    expect(await folded.record.listOrders({}, ...all)).toEqual(await desk.record.listOrders({}, ...all));
  });

  it("is the same after a long fold, however slow the shelf is, and whatever does not get there", async () => {
    for (let seed = 0; seed < 20; seed++) {
      const below = numbers(seed);
      const { desk } = await forgetful(1000);
      const course = new Course(seed, desk);
      for (let steps = 0; steps < 30; steps++) await course.step();
      const journal = new MemoryJournal(desk.journal.events);
      journal.shelf = makeUnruly(new MemoryShelf(), below);
      const folded = await openDesk({ journal, every: 1 + below(8) });
      const both = [desk, folded].map(async ({ record }) => ({
        orders: await record.listOrders({}, ...all),
        deals: await record.listDeals({}, ...all),
        open: record.openOrders,
      }));
      expect(await both[1], `seed ${seed}`).toEqual(await both[0]);
    }
  });

  it("counts for the limit of orders a second as long as it may", async () => {
    const { desk } = await forgetful(1);
    for (const name of ["a", "b", "c"]) {
      await desk.place({ clientOrderId: key(name) });
      await settle();
    }
    for (const account of [desk, await desk.reopen()]) {
      expect([...account.record.orders.inMemory].length).toBe(3);
    }
  });
});
