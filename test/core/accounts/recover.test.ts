import { describe, expect, it } from "vitest";
import { recover } from "../../../src/core/accounts/recover.ts";
import { BridgeError } from "../../../src/core/errors.ts";
import type { Deal } from "../../../src/core/model/deal.ts";
import type { Ticket } from "../../../src/core/model/ids.ts";
import { streamOrders } from "../../../src/core/orders/stream-orders.ts";
import { type Desk, faultOf, key, limit, openDesk, quiet } from "../desk.ts";

const everything = [{}, Number.MAX_SAFE_INTEGER, 1000] as const;

/** An account whose journal is looked after, as in the bridge. */
async function lookedAfter() {
  const desk = await openDesk();
  const life = new AbortController();
  let changes = 0;
  const done = recover(desk.account, () => changes++, life.signal);
  const end = async () => {
    life.abort();
    await done;
  };
  return { ...desk, changes: () => changes, end };
}

/** There is room again; resolves when everything that follows from it has happened. */
async function mend({ journal, record }: Desk): Promise<void> {
  journal.mend();
  for (let turns = 0; turns < 20; turns++) await quiet();
  expect(record.failure).toBeUndefined();
}

describe("an account whose journal cannot be written", () => {
  it("refuses orders with the reason, and sends nothing", async () => {
    const { place, journal, terminal } = await openDesk();
    journal.break();
    const error = await faultOf(place());
    expect(error).toMatchObject({
      fault: "journal_unavailable",
      message: expect.stringMatching(/no space left on the disk; nothing was sent/),
      retryAfterMs: 1000,
    });
    expect(terminal.submitted).toEqual([]);
  });

  it("shows everything that is on disk, and nothing that is not", async () => {
    const { place, record, journal, desk } = await openDesk();
    await place({ clientOrderId: key("kept"), ...limit() });
    await place({ clientOrderId: key("filled") });
    const before = { orders: await record.listOrders(...everything), deals: await record.listDeals(...everything) };
    journal.hold();
    const lost = place({ clientOrderId: key("lost") });
    const deal = { ...(before.deals[0] as { deal: Deal }).deal, ticket: 999n as Ticket };
    record.write([{ type: "deal", deal }]).catch(() => undefined);
    await quiet();
    journal.break();
    await expect(lost).rejects.toMatchObject({ fault: "journal_unavailable" });

    await record.shown();
    expect(await record.listOrders(...everything)).toEqual(before.orders);
    expect(await record.listDeals(...everything)).toEqual(before.deals);
    expect(await record.find({ by: "client_order_id", value: key("lost") })).toBeUndefined();
    expect(await record.find({ by: "client_order_id", value: key("kept") })).toMatchObject({ stage: "working" });
    expect(record.openOrders.map(({ clientOrderId }) => clientOrderId)).toEqual(["kept"]);
    expect(desk.record.failure).toBeDefined();
  });

  it("gives the same answer to a key that is on disk", async () => {
    const { place, journal, terminal } = await openDesk();
    const { order } = await place();
    journal.break();
    expect(await place()).toEqual({ order, replayed: true });
    expect(terminal.submitted.length).toBe(1);
  });
});

describe("an account whose journal can be written again", () => {
  it("takes orders again, without a restart", async () => {
    const all = await lookedAfter();
    const { place, journal, record } = all;
    journal.break();
    await expect(place()).rejects.toMatchObject({ fault: "journal_unavailable" });
    await mend(all);
    expect(all.changes()).toBe(1);
    expect((await place({ clientOrderId: key("b") })).order).toMatchObject({ stage: "filled", number: 1 });
    expect(record.failure).toBeUndefined();
    await all.end();
  });

  it("never sends an order later that it has refused, though the key is free again", async () => {
    const all = await lookedAfter();
    const { place, journal, terminal } = all;
    journal.break();
    await expect(place()).rejects.toMatchObject({ fault: "journal_unavailable" });
    await mend(all);
    expect(terminal.submitted).toEqual([]);
    expect(await place()).toMatchObject({ replayed: false, order: { stage: "filled" } });
    expect(terminal.submitted.length).toBe(1);
    await all.end();
  });

  it("publishes what a late failure has kept, and settles it by the terminal's records: it was never sent", async () => {
    const all = await lookedAfter();
    const { place, journal, terminal, account, record } = all;
    const leaving = new AbortController();
    const options = { strategyId: undefined, symbols: [], snapshot: false, after: undefined, heartbeat: 1000 };
    const told: string[] = [];
    const ends = { signal: new AbortController().signal, leaving: leaving.signal };
    const reading = (async () => {
      for await (const event of streamOrders(account, options, ends)) {
        if (event.type === "order") told.push(`${event.cursor.sequence} ${event.order.stage}`);
      }
    })();
    await quiet();
    journal.hold();
    const refused = place();
    await quiet();
    journal.break(2); // received and sent are on disk, though the sync was said to have failed
    await expect(refused).rejects.toMatchObject({ fault: "journal_unavailable" });
    expect(told).toEqual([]);

    await mend(all);
    expect(terminal.submitted).toEqual([]);
    expect(await record.find({ by: "client_order_id", value: key("a") })).toMatchObject({
      stage: "rejected",
      rejection: { reason: "NEVER_ARRIVED" },
    });
    await quiet();
    expect(told).toEqual(["1 received", "2 sent", "3 in_doubt", "4 rejected"]);
    expect(await place()).toMatchObject({ replayed: true, order: { stage: "rejected" } });
    leaving.abort();
    await reading;
    await all.end();
  });

  it("asks the terminal what became of an order whose answer could not be written", async () => {
    const all = await lookedAfter();
    const { place, journal, terminal, order } = all;
    terminal.script = ["late"];
    await place({}, { waitFor: "sent" });
    journal.break();
    terminal.answerLate();
    await quiet();
    expect(order("a").stage).toBe("sent");
    await mend(all);
    expect(terminal.submitted.length).toBe(1);
    expect(order("a").stage).toBe("filled");
    expect(journal.events.filter(({ type }) => type === "deal").length).toBe(1);
    await all.end();
  });

  it.each([
    ["was filled", [], "filled"],
    ["was refused", [10019], "rejected"],
  ] as const)(
    "finds out that an order %s though the answer found the journal's queue full",
    async (_, script, stage) => {
      const all = await lookedAfter();
      const { place, journal, terminal, order } = all;
      terminal.script = [...script];
      terminal.onCommand = () => journal.refusals.push(new BridgeError("journal_unavailable", "the queue is full"));
      await place();
      for (let turns = 0; turns < 20; turns++) await quiet();
      expect(order("a").stage).toBe(stage);
      await all.end();
    },
  );

  it("refuses an order that finds the journal's queue full, and takes the next", async () => {
    const all = await lookedAfter();
    const { place, journal, terminal, record } = all;
    journal.refusals.push(new BridgeError("journal_unavailable", "the queue is full"));
    expect(await faultOf(place())).toMatchObject({ fault: "journal_unavailable", message: "the queue is full" });
    expect(record.failure).toBeUndefined();
    expect((await place()).order).toMatchObject({ stage: "filled", number: 1 });
    expect(terminal.submitted.length).toBe(1);
    await all.end();
  });

  it("is in the state in which a restart would find it", async () => {
    const all = await lookedAfter();
    const { place, journal, record, reopen } = all;
    await place({ clientOrderId: key("kept"), ...limit() });
    journal.hold();
    const lost = place({ clientOrderId: key("lost"), ...limit() });
    await quiet();
    journal.break(1);
    await lost.catch(() => undefined);
    await mend(all);
    await place({ clientOrderId: key("later"), ...limit() });
    const next = await reopen();
    expect(await next.record.listOrders(...everything)).toEqual(await record.listOrders(...everything));
    expect(next.record.orderFeed.cursor).toEqual(record.orderFeed.cursor);
    await all.end();
  });

  it("fails and comes back as often as the disk does", async () => {
    const all = await lookedAfter();
    for (let round = 1; round <= 3; round++) {
      all.journal.break();
      await expect(all.place({ clientOrderId: key(`lost ${round}`) })).rejects.toMatchObject({
        fault: "journal_unavailable",
      });
      await mend(all);
      expect((await all.place({ clientOrderId: key(`kept ${round}`) })).order.number).toBe(round);
    }
    await all.end();
  });
});
