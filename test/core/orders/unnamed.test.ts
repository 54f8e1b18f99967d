import { describe, expect, it } from "vitest";
import { toBrokerTime } from "../../../src/core/model/broker-clock.ts";
import type { Deal } from "../../../src/core/model/deal.ts";
import { lots } from "../../../src/core/model/decimals.ts";
import type { Ticket } from "../../../src/core/model/ids.ts";
import type { OrderRequest, TerminalOrder } from "../../../src/core/model/order.ts";
import { cancelOrder, modifyOrder, modifyPosition } from "../../../src/core/orders/change-order.ts";
import { closePosition } from "../../../src/core/orders/close-position.ts";
import { onlyReduces } from "../../../src/core/orders/reduction.ts";
import { validate } from "../../../src/core/orders/validate.ts";
import { worstPosition } from "../../../src/core/orders/worst-position.ts";
import { eurusd } from "../../terminals/paper/builders.ts";
import { caller, type Desk, draft, key, limit, openDesk, quiet, tell } from "../desk.ts";
import { ScriptedTerminal } from "../scripted-terminal.ts";

const ours = 1000n as Ticket;

async function resting(terminal = new ScriptedTerminal()): Promise<Desk> {
  const desk = await openDesk({ terminal });
  await desk.place(limit());
  await desk.hear();
  return desk;
}

/** The terminal tells of an order so. */
const shows = ({ desk, terminal }: Desk, more: Partial<TerminalOrder>, ticket = ours) =>
  tell(desk, { type: "order", order: { ...(terminal.open.get(ticket) as TerminalOrder), ...more } });

const refusal = (asked: Promise<unknown>) =>
  asked.then(
    () => undefined,
    ({ fault, message }: { fault: string; message: string }) => ({ fault, message }),
  );

const close = (desk: Desk, position: Ticket) =>
  closePosition(
    desk.desk,
    {
      ...{ clientOrderId: key("close"), strategyId: undefined, position, volume: undefined, price: undefined },
      ...{ filling: "auto", deviation: 0, comment: "" },
    },
    { waitFor: "answered", notAfter: undefined },
    caller(),
  );

const request = (more: Partial<OrderRequest> = {}): OrderRequest => ({
  ...validate(draft(), eurusd),
  ...more,
});

/** Someone else's order that rests, of a type that has no word. */
async function strange(): Promise<Desk> {
  const desk = await resting();
  const stranger = { ...(desk.terminal.open.get(ours) as TerminalOrder), ticket: 77n as Ticket, magic: 0n as never };
  const order: TerminalOrder = { ...stranger, type: "#12", side: "#12", filling: "#9", timeInForce: "#5" };
  await tell(desk.desk, { type: "order", order });
  return desk;
}

describe("what a terminal tells with a number that has no word here", () => {
  it("of an order's state ends nothing, is kept through a restart, and goes when a state is known again", async () => {
    let desk = await resting();
    expect(await shows(desk, { state: "#42" })).toBe(false);
    expect(desk.order("a")).toMatchObject({ stage: "working", state: "#42" });
    const { version } = desk.order("a");
    await shows(desk, { state: "#42" });
    expect(desk.order("a").version).toBe(version);
    desk = await desk.reopen();
    expect(desk.order("a")).toMatchObject({ stage: "working", state: "#42" });
    await shows(desk, { state: "canceled" });
    expect(desk.order("a")).toMatchObject({ stage: "canceled" });
    expect(desk.order("a").state).toBeUndefined();
  });

  it("of the state of an order under way shows that it is there", async () => {
    const desk = await openDesk();
    desk.terminal.script = ["late"];
    const placing = desk.place(limit());
    await quiet();
    await shows(desk, { state: "#42" });
    expect(desk.order("a")).toMatchObject({ stage: "working", ticket: ours, state: "#42" });
    desk.terminal.answerLate();
    expect((await placing).order.stage).toBe("working");
  });

  it("of a reason makes no order another's, and shows on one that nobody here gave", async () => {
    const desk = await openDesk();
    desk.terminal.script = ["late"];
    const placing = desk.place(limit());
    await quiet();
    await shows(desk, { reason: "#42" });
    desk.terminal.answerLate();
    expect((await placing).order).toMatchObject({ stage: "working", ticket: ours, reason: "#42" });
    const ticket = desk.terminal.foreign("sell", lots(0.2), "#43");
    await desk.hear();
    const found = desk.record.orders.byTicket(ticket);
    expect(found).toMatchObject({ stage: "filled", cause: "broker", reason: "#43" });
    expect([...desk.record.holdings.positions]).toMatchObject([{ side: "sell", reason: "#43" }]);
  });

  it("of a deal's type fills no order and opens nothing", async () => {
    const desk = await resting();
    desk.terminal.fill(ours);
    const [deal] = desk.terminal.deals;
    expect(await tell(desk.desk, { type: "deal", deal: { ...(deal as Deal), type: "#42" } })).toBe(false);
    expect(desk.order("a")).toMatchObject({ stage: "working", filled: 0, deals: [] });
    expect([...desk.record.holdings.exposures()]).toEqual([]);
    expect(desk.record.holdings.newestDeal).toMatchObject({ type: "#42" });
  });

  it("of a deal's entry counts by what it bought and sold", async () => {
    const desk = await resting();
    desk.terminal.fill(ours);
    const reports = desk.terminal.unreported.splice(0);
    for (const report of reports)
      await tell(desk.desk, report.type === "deal" ? { type: "deal", deal: { ...report.deal, entry: "#7" } } : report);
    expect(desk.order("a")).toMatchObject({ stage: "filled", filled: lots(0.1) });
    expect([...desk.record.holdings.exposures()].map(({ volume }) => volume)).toEqual([lots(0.1)]);
    expect(desk.record.holdings.newestDeal?.entry).toBe("#7");
  });

  it("of a position's side lets nobody close it or move its stops, and counts for both", async () => {
    const desk = await openDesk();
    const ticket = desk.terminal.foreign("buy", lots(0.3), "client");
    const position = { ...desk.terminal.positions.get(ticket), side: "#2" } as never;
    desk.terminal.unreported = [];
    await tell(desk.desk, { type: "position", position });
    const stops = { stopLoss: 1.05, takeProfit: undefined };
    const reads = "MetaTrader's number for its side is 2, which is not known here; nothing was sent";
    for (const asked of [close(desk, ticket), modifyPosition(desk.desk, key("stops"), ticket, stops, caller())])
      expect(await refusal(asked)).toEqual({ fault: "not_supported", message: reads });
    expect([desk.terminal.submitted, desk.terminal.asked]).toEqual([[], []]);
    const { standing } = desk.desk;
    expect([...standing.holdings.exposures()].map(({ volume, sure }) => [volume, sure])).toEqual([
      [lots(0.3), false],
      [-lots(0.3), false],
    ]);
    for (const side of ["buy", "sell"] as const) {
      expect(worstPosition(request({ side }), standing)).toBe(lots(0.4));
      expect(onlyReduces(request({ side, position: ticket }), standing)).toBe(false);
      expect(onlyReduces(request({ side }), { ...standing, marginMode: "netting" })).toBe(false);
    }
  });

  it("of an order's type counts for both sides, cannot be changed, and can be canceled", async () => {
    const desk = await strange();
    const name = { by: "order_ticket", value: 77n as Ticket } as const;
    const found = desk.record.orders.find(name);
    expect(found).toMatchObject({ type: "#12", side: "#12", filling: "#9", timeInForce: "#5", stage: "working" });
    for (const side of ["buy", "sell"] as const)
      expect(worstPosition(request({ side }), desk.desk.standing)).toBe(lots(side === "buy" ? 0.3 : 0.2));
    const change = { price: 1.08, stopLimitPrice: undefined, stopLoss: undefined, takeProfit: undefined };
    const timed = { ...change, timeInForce: "gtc", expireTime: undefined } as const;
    expect(await refusal(modifyOrder(desk.desk, key("m"), name, timed, caller()))).toMatchObject({
      fault: "not_supported",
      message: expect.stringContaining("for its type is 12"),
    });
    desk.terminal.open.set(77n as Ticket, { ...(desk.terminal.open.get(ours) as TerminalOrder), ticket: name.value });
    await cancelOrder(desk.desk, key("c"), name, caller());
    expect(desk.record.orders.find(name)?.stage).toBe("canceled");
  });

  it("of the type of an order of ours leaves it what it was given as", async () => {
    const desk = await resting();
    await shows(desk, { type: "#12", side: "#12", price: 108_000 as never, timeInForce: "#5" });
    expect(desk.order("a")).toMatchObject({ type: "limit", side: "buy", price: 108_000, timeInForce: "#5" });
  });

  it("of the margin mode is held against both ways of keeping positions", async () => {
    const desk = await openDesk();
    await desk.place({ volume: 0.3 });
    await desk.hear();
    const standing = { ...desk.desk.standing, marginMode: "#3" } as const;
    expect(worstPosition(request({ side: "sell", volume: lots(0.5) }), standing)).toBe(lots(0.5)); // no netting
    const closing = { side: "sell", position: ours } as const;
    expect(onlyReduces(request(closing), standing)).toBe(true);
    expect(onlyReduces(request({ ...closing, volume: lots(0.4) }), standing)).toBe(false); // as netting it would turn
    expect(onlyReduces(request({ side: "sell" }), standing)).toBe(false); // as hedging it would open
  });

  it("of a symbol's execution allows the filling modes that the symbol names, and no other", () => {
    const spec = { ...eurusd, execution: "#4", fillingModes: ["ioc"] } as const;
    expect(validate(draft({ filling: "ioc" }), spec).filling).toBe("ioc");
    for (const filling of ["fok", "return"] as const)
      expect(() => validate(draft({ filling }), spec)).toThrow(`EURUSD does not fill ${filling} here`);
  });

  it("of a deal that moves money counts for the day's result as a loss only", async () => {
    const desk = await openDesk();
    const { holdings } = desk.record;
    const money = (ticket: bigint, profit: number) => ({
      ...{
        ticket: ticket as Ticket,
        symbol: "",
        type: "#42",
        entry: "in",
        reason: "#9",
        magic: 0n,
        volume: 0,
        price: 0,
      },
      ...{ profit, swap: 0, commission: 0, fee: 0, time: desk.clock.now(), comment: "" },
    });
    for (const deal of [money(1n, -500), money(2n, 900)]) await tell(desk.desk, { type: "deal", deal: deal as never });
    expect(holdings.realised(undefined, toBrokerTime(desk.clock.now()))).toBe(-500);
  });
});
