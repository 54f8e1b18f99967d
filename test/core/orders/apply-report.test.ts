import { describe, expect, it } from "vitest";
import { follow } from "../../../src/core/accounts/follow.ts";
import { lots, type Volume } from "../../../src/core/model/decimals.ts";
import type { BrokerTime, Instant, Ticket } from "../../../src/core/model/ids.ts";
import type { Reason, TerminalOrder } from "../../../src/core/model/order.ts";
import { closeBy } from "../../../src/core/orders/close-position.ts";
import type { TerminalReport } from "../../../src/core/ports/terminal.ts";
import { eurusd } from "../../terminals/paper/builders.ts";
import { caller, type Desk, key, limit, openDesk, quiet, tell } from "../desk.ts";

const ours = 1000n as Ticket;

/** A resting order whose reports have been read. */
async function resting(): Promise<Desk> {
  const desk = await openDesk();
  await desk.place(limit());
  await desk.hear();
  return desk;
}

/** The first report of a kind that has not been read. */
function taken<K extends TerminalReport["type"]>({ terminal }: Desk, type: K): Extract<TerminalReport, { type: K }> {
  const at = terminal.unreported.findIndex((report) => report.type === type);
  const [report] = terminal.unreported.splice(at, 1);
  if (report?.type !== type) throw new Error(`no ${type}`);
  return report as Extract<TerminalReport, { type: K }>;
}

describe("a report", () => {
  it("fills an order by its deals, part by part", async () => {
    const desk = await resting();
    desk.terminal.fill(ours, lots(0.04));
    await desk.hear();
    expect(desk.order("a")).toMatchObject({ stage: "partially_filled", filled: lots(0.04) });
    desk.terminal.fill(ours);
    await desk.hear();
    expect(desk.order("a")).toMatchObject({ stage: "filled", filled: lots(0.1), finalAt: desk.clock.now() });
  });

  it("that comes twice changes nothing", async () => {
    const desk = await resting();
    desk.terminal.fill(ours, lots(0.04));
    const reports = [...desk.terminal.unreported];
    await desk.hear();
    const { length } = desk.journal.events;
    desk.terminal.report(...reports, ...reports);
    await desk.hear();
    expect(desk.journal.events).toHaveLength(length);
  });

  it("of a deal may come before its order's answer, by the magic", async () => {
    const desk = await openDesk();
    desk.terminal.script = ["late"];
    const placing = desk.place();
    await quiet();
    await tell(desk.desk, taken(desk, "deal"));
    expect(desk.order("a")).toMatchObject({ stage: "filled", ticket: ours });
    desk.terminal.answerLate();
    expect((await placing).order.version).toBe(3);
  });

  it("of closing by fills the order once, though it makes a deal on either position", async () => {
    const desk = await openDesk();
    await desk.place();
    await desk.place({ clientOrderId: key("b"), side: "sell" });
    await desk.hear();
    const draft = { clientOrderId: key("by"), strategyId: undefined, position: ours, opposite: 1002n as Ticket };
    await closeBy(desk.desk, { ...draft, comment: "" }, { waitFor: "answered", notAfter: undefined }, caller());
    const own = taken(desk, "deal");
    const other = { ...own.deal, ticket: 1006n as Ticket, position: 1002n as Ticket };
    expect(await tell(desk.desk, { type: "deal", deal: other })).toBe(false);
    expect(await tell(desk.desk, own)).toBe(false);
    expect(desk.order("by")).toMatchObject({ stage: "filled", deals: [own.deal.ticket] });
    expect(desk.record.holdings.knows(other.ticket)).toBe(true);
  });

  it("tells whose doing the end is", async () => {
    const desk = await resting();
    await desk.place(limit({ clientOrderId: key("b") }));
    await desk.place(limit({ clientOrderId: key("c") }));
    desk.terminal.end(ours, "canceled");
    desk.terminal.end(1001n as Ticket, "expired");
    desk.terminal.end(1002n as Ticket, "rejected");
    await desk.hear();
    const ends = ["a", "b", "c"].map((name) => [desk.order(name).stage, desk.order(name).cause]);
    expect(ends).toEqual([
      ["canceled", "broker"],
      ["expired", "expiry"],
      ["rejected", "broker"],
    ]);
    expect(desk.order("c").rejection).toMatchObject({ retcode: 10041, reason: "REJECT_CANCEL" });
  });

  it("of another price changes the order", async () => {
    const desk = await resting();
    const order = desk.terminal.open.get(ours);
    if (order === undefined) throw new Error("no order");
    const { price: _price, ...rest } = order;
    await tell(desk.desk, {
      type: "order",
      order: { ...rest, price: 109_500 as typeof _price, type: "limit" } as never,
    });
    expect(desk.order("a").price).toBe(109_500);
  });

  it("of a position opens, changes and closes it once", async () => {
    const desk = await openDesk();
    await desk.place();
    await desk.hear();
    expect([...desk.record.holdings.positions]).toMatchObject([{ ticket: ours, volume: lots(0.1) }]);
    const [position] = [...desk.terminal.positions.values()];
    if (position === undefined) throw new Error("no position");
    const { length } = desk.journal.events;
    await tell(desk.desk, { type: "position", position });
    await tell(desk.desk, { type: "position_closed", position });
    await tell(desk.desk, { type: "position_closed", position });
    expect(desk.journal.events).toHaveLength(length + 1);
    expect([...desk.record.holdings.positions]).toEqual([]);
  });

  it("that contradicts what is known says so", async () => {
    const desk = await resting();
    desk.terminal.fill(ours);
    const deal = taken(desk, "deal");
    await desk.hear();
    const twice = { ...deal.deal, volume: lots(0.2) };
    expect(await tell(desk.desk, { type: "deal", deal: twice })).toBe(true);
    expect(desk.notes.lines).toContain("warn orders: the terminal's report contradicts the order");
  });
});

describe("an order that the bridge did not place", () => {
  it.each<[Reason, string]>([
    ["stop_loss", "stop_loss"],
    ["take_profit", "take_profit"],
    ["stop_out", "stop_out"],
    ["mobile", "broker"],
  ])("appears with its fills: %s", async (reason, cause) => {
    const desk = await openDesk();
    await desk.place();
    await desk.hear();
    const magic = desk.order("a").magic;
    const number = desk.terminal.foreign("sell", lots(0.1), reason, reason === "mobile" ? 0n : magic, ours);
    await desk.hear();
    const order = desk.record.orders.byTicket(number);
    expect(order).toMatchObject({ stage: "filled", filled: lots(0.1), cause, number: 2 });
    expect(order).not.toHaveProperty("clientOrderId");
    expect([...desk.record.holdings.positions]).toEqual([]);
  });

  it("has its fill also when the deal was told before it", async () => {
    const desk = await openDesk();
    const number = desk.terminal.foreign("sell", lots(0.1), "mobile");
    await tell(desk.desk, taken(desk, "deal"));
    await desk.hear();
    expect(desk.record.orders.byTicket(number)).toMatchObject({ stage: "filled", filled: lots(0.1) });
  });

  it("is not taken for ours because it carries our magic: a stop closed what ours had opened", async () => {
    const desk = await openDesk();
    desk.terminal.script = ["late"];
    const placing = desk.place();
    await quiet();
    const opening = desk.terminal.unreported.splice(0);
    const stop = desk.terminal.foreign("sell", lots(0.1), "stop_loss", desk.order("a").magic, ours);
    await desk.hear(); // the stop's reports overtake the opening's
    desk.terminal.report(...opening);
    await desk.hear();
    desk.terminal.answerLate();
    await placing;
    expect(desk.order("a")).toMatchObject({ ticket: ours, side: "buy", stage: "filled" });
    expect(desk.record.orders.byTicket(stop)).toMatchObject({ side: "sell", stage: "filled", cause: "stop_loss" });
  });
});

describe("following a terminal", () => {
  const following = (desk: Desk) => {
    const life = new AbortController();
    let changes = 0;
    const done = follow(desk.account, () => changes++, life.signal);
    return {
      changes: () => changes,
      end: async () => {
        life.abort();
        await done;
      },
    };
  };

  it("asks for its records when a report contradicts what is known", async () => {
    const desk = await resting();
    const { end } = following(desk);
    const { terminal } = desk;
    terminal.fill(ours, lots(0.06));
    await quiet();
    const [deal] = terminal.deals;
    if (deal === undefined) throw new Error("no deal");
    terminal.report({ type: "deal", deal: { ...deal, ticket: 9n as Ticket, volume: lots(0.05) as Volume } });
    await quiet();
    expect(terminal.snapshots).toBe(1);
    await end();
  });

  it.each(["symbols", "link"] as const)(
    "serves the symbols that the terminal has more, when told of %s",
    async (type) => {
      const desk = await openDesk();
      const { end } = following(desk);
      const { terminal, hub, account } = desk;
      terminal.symbols.push({ ...eurusd, name: "NZDUSD" });
      terminal.report(type === "link" ? { type, up: true, why: "back" } : { type });
      await quiet();
      const { reader } = hub.open("s", { symbols: ["NZDUSD"], lossless: true, owner: "alice" }, undefined);
      expect(reader.symbols).toEqual(["NZDUSD"]);
      expect(account.symbols.get("NZDUSD")).toBe(terminal.symbols[1]);
      expect((await desk.place({ symbol: "NZDUSD" })).order.symbol).toBe("NZDUSD");
      await end();
    },
  );

  it("knows when the link is down, and asks for the records when it is up again", async () => {
    const desk = await resting();
    const { end, changes } = following(desk);
    desk.terminal.report({ type: "link", up: false, why: "cable" });
    await quiet();
    expect([desk.account.sourceState, desk.account.linkMessage, changes()]).toEqual(["terminal_offline", "cable", 1]);
    desk.terminal.fill(ours);
    desk.terminal.unreported = [];
    desk.terminal.report({ type: "link", up: true, why: "back" });
    await quiet();
    expect([desk.order("a").stage, changes()]).toEqual(["filled", 2]);
    await end();
  });

  it("survives a journal that cannot be written, foreign orders and all", async () => {
    const desk = await resting();
    const { end } = following(desk);
    desk.journal.break();
    desk.terminal.foreign("sell", lots(0.1), "mobile");
    desk.terminal.fill(ours);
    await quiet();
    expect(desk.notes.lines).toContain("error orders: a report of the terminal could not be journalled");
    await end();
  });
});

describe("the times that the broker tells of an order", () => {
  const at = (seconds: number) => ({
    time: (1000 * seconds) as Instant,
    brokerTime: (1000 * seconds + 10_800_000) as BrokerTime,
  });
  const begun = { setupTime: at(5).time, setupBrokerTime: at(5).brokerTime };
  const ended = { doneTime: at(9).time, doneBrokerTime: at(9).brokerTime };
  const shown = ({ terminal }: Desk) => terminal.open.get(ours) as TerminalOrder;

  it("are kept, both of them, from when it was taken in to when it ended", async () => {
    let desk = await openDesk();
    await desk.place(limit());
    const order = shown(desk);
    expect(desk.order("a").setup).toBeUndefined(); // nobody has told
    await tell(desk.desk, { type: "order", order: { ...order, ...begun } });
    expect(desk.order("a")).toMatchObject({ stage: "working", setup: at(5) });
    const { version } = desk.order("a");
    await tell(desk.desk, { type: "order", order: { ...order, ...begun } });
    expect(desk.order("a").version).toBe(version);
    await tell(desk.desk, { type: "order", order: { ...order, ...begun, ...ended, state: "canceled" } });
    expect(desk.order("a")).toMatchObject({ stage: "canceled", setup: at(5), done: at(9) });
    desk = await desk.reopen();
    expect(desk.order("a")).toMatchObject({ setup: at(5), done: at(9) });
  });

  it("come with the last deal of one that is filled, and with its record where that comes later", async () => {
    const desk = await resting();
    const order = shown(desk);
    desk.terminal.fill(ours);
    const { deal } = taken(desk, "deal");
    await tell(desk.desk, { type: "deal", deal: { ...deal, ...at(7) } });
    expect(desk.order("a")).toMatchObject({ stage: "filled", done: at(7) });
    await tell(desk.desk, { type: "order", order: { ...order, ...begun, ...ended, state: "filled" } });
    expect(desk.order("a")).toMatchObject({ stage: "filled", setup: at(5), done: at(7) });
    expect(desk.record.holdings.newestDeal).toMatchObject(at(7));
  });

  it("are told late of one that was known to have ended", async () => {
    const desk = await resting();
    const order = shown(desk);
    await tell(desk.desk, { type: "order", order: { ...order, state: "canceled" } });
    expect(desk.order("a").done).toBeUndefined();
    await tell(desk.desk, { type: "order", order: { ...order, ...ended, state: "canceled" } });
    expect(desk.order("a")).toMatchObject({ stage: "canceled", done: at(9) });
  });
});
