import { describe, expect, it } from "vitest";
import type { Deal } from "../../../src/core/model/deal.ts";
import { ticket } from "../../../src/core/model/ids.ts";
import type { TerminalOrder, TerminalOrderState } from "../../../src/core/model/order.ts";
import { Shown } from "../../../src/terminals/live/shown.ts";

const order = (number: number, state: TerminalOrderState) =>
  ({ ticket: ticket(number), state }) as Partial<TerminalOrder> as TerminalOrder;
const deal = (number: number, of: number) => ({ ticket: ticket(number), order: ticket(of) }) as Partial<Deal> as Deal;

describe("what a terminal has shown", () => {
  it("keeps how an order ended, whatever is told of it late", () => {
    const shown = new Shown();
    for (const state of ["started", "filled", "placed"] as const) shown.showOrder(order(1, state));
    expect(shown.order(ticket(1))?.state).toBe("filled");
  });

  it("has a deal once, with its order", () => {
    const shown = new Shown();
    for (const number of [7, 8, 7]) shown.showDeal(deal(number, 1));
    expect(shown.dealsOf(ticket(1)).map(({ ticket }) => ticket)).toEqual([7n, 8n]);
  });

  it("forgets what was open and is not in the records of one moment", () => {
    const shown = new Shown();
    shown.showOrder(order(1, "placed"));
    shown.showOrder(order(2, "canceled"));
    shown.showAll({ orders: [order(3, "placed")], positions: [] });
    expect([1, 2, 3].map((number) => shown.order(ticket(number))?.state)).toEqual([undefined, "canceled", "placed"]);
  });

  it("calls whoever waits, until he waits no longer", () => {
    const shown = new Shown();
    let calls = 0;
    const unwatch = shown.watch(() => calls++);
    shown.showOrder(order(1, "placed"));
    shown.showDeal(deal(7, 1));
    unwatch();
    shown.showOrder(order(2, "placed"));
    expect(calls).toBe(2);
  });

  it("keeps the newest of what is over", () => {
    const shown = new Shown();
    for (let number = 1; number <= 1030; number++) shown.showOrder(order(number, "filled"));
    expect([shown.order(ticket(6)), shown.order(ticket(7))?.ticket]).toEqual([undefined, 7n]);
  });
});
