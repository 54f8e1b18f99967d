/**
 * What every terminal must do, whoever is behind it.
 *
 * `make` brings a terminal that is logged in to an empty hedging account with money,
 * with one symbol (five digits, 0.01 lots and up, any kind of order) quoted at
 * 1.10000 / 1.10010, and a way to move its price.
 */
import { describe, expect, it } from "vitest";
import { BridgeError } from "../../src/core/errors.ts";
import { lots, price } from "../../src/core/model/decimals.ts";
import {
  type ClientOrderId,
  type Instant,
  magicOf,
  type OrderNumber,
  type StrategyId,
  ticket,
} from "../../src/core/model/ids.ts";
import type { NumberedOrder, OrderRequest } from "../../src/core/model/order.ts";
import type { Approved } from "../../src/core/orders/risk.ts";
import type { Outcome, TerminalPort, TerminalReport } from "../../src/core/ports/terminal.ts";
import { approved } from "../core/standing.ts";

export interface TerminalUnderTest {
  readonly terminal: TerminalPort;
  readonly symbol: string;
  /** Moves the market; resolves when the terminal has seen it. */
  quote(bid: number, ask: number): Promise<void>;
  close(): Promise<void>;
}

const never = new AbortController().signal;
const ever = 0 as Instant;
const points = (value: number) => price(value, 5);

/** `asks`: who learns of orders by asking for them does not see one that is executed while it is sent. */
export function terminalSuite(
  name: string,
  make: () => Promise<TerminalUnderTest>,
  { asks = false }: { readonly asks?: boolean } = {},
): void {
  const seen = (states: readonly string[]) => (asks ? states.filter((state) => !/started$/.test(state)) : states);
  describe(name, () => {
    const given = (title: string, test: (it: TerminalUnderTest & Asker) => Promise<void>) =>
      it(title, async () => {
        const made = await make();
        try {
          await test({ ...made, order: orderAt(made) });
        } finally {
          await made.close();
        }
      });

    given("answers a market order with its order and its deal", async ({ terminal, order }) => {
      const asked = order({ side: "buy" });
      const outcome = done(await terminal.submit(asked, never));
      expect(outcome.retcode).toBe(10009);
      expect(outcome.orders).toMatchObject([{ state: "filled", magic: asked.magic, remaining: 0 }]);
      expect(outcome.deals).toMatchObject([
        { type: "buy", entry: "in", order: outcome.orders[0]?.ticket, magic: asked.magic, volume: lots(0.1) },
      ]);
    });

    given("shows in its snapshot what it has answered", async ({ terminal, order }) => {
      const market = done(await terminal.submit(order({ side: "sell" }), never));
      const pending = done(await terminal.submit(order({ type: "limit", price: points(1.09) }), never));
      const snapshot = await terminal.snapshot(ever, never);
      expect(snapshot.completeUntil).toBeGreaterThan(0);
      expect(snapshot.positions).toMatchObject([{ ticket: market.orders[0]?.ticket, side: "sell" }]);
      expect(snapshot.orders).toMatchObject([{ ticket: pending.orders[0]?.ticket, state: "placed" }]);
      expect(snapshot.pastOrders.map((past) => past.ticket)).toContain(market.orders[0]?.ticket);
      expect(snapshot.deals.map((deal) => deal.ticket)).toContain(market.deals[0]?.ticket);
      expect(snapshot.valuation.positions).toMatchObject([{ position: market.orders[0]?.ticket }]);
    });

    given("refuses what breaks a rule, and nothing has happened", async ({ terminal, order }) => {
      const before = await terminal.snapshot(ever, never);
      const outcome = await terminal.submit(order({ volume: lots(0.005) }), never);
      expect(outcome).toMatchObject({ kind: "refused", retcode: 10014 });
      const after = await terminal.snapshot(ever, never);
      expect({ ...after, valuation: before.valuation }).toEqual(before);
    });

    given("changes and cancels a pending order", async ({ terminal, order }) => {
      const placed = done(await terminal.submit(order({ type: "limit", price: points(1.09) }), never));
      const number = placed.orders[0]?.ticket ?? ticket(0);
      const change = { price: points(1.08), stopLoss: points(1.07), timeInForce: "gtc" } as const;
      const changed = done(await terminal.modify(number, change, never));
      expect(changed.orders).toMatchObject([{ ticket: number, price: points(1.08), stopLoss: points(1.07) }]);
      const canceled = done(await terminal.cancel(number, never));
      expect(canceled.orders).toMatchObject([{ ticket: number, state: "canceled", remaining: lots(0.1) }]);
      expect((await terminal.snapshot(ever, never)).orders).toEqual([]);
    });

    given("replaces a position's stops as a pair", async ({ terminal, order }) => {
      const { orders } = done(await terminal.submit(order({ takeProfit: points(1.2) }), never));
      const number = orders[0]?.ticket ?? ticket(0);
      await read(terminal, (report) => report.type === "position"); // it is told behind its deal
      done(await terminal.modifyPosition(number, { stopLoss: points(1.05) }, never));
      const [position] = (await terminal.snapshot(ever, never)).positions;
      expect(position).toMatchObject({ stopLoss: points(1.05) });
      expect(position).not.toHaveProperty("takeProfit");
    });

    given("closes a position by its ticket", async ({ terminal, order }) => {
      const { orders } = done(await terminal.submit(order({ side: "buy" }), never));
      const position = orders[0]?.ticket ?? ticket(0);
      const { deals } = done(await terminal.submit(order({ side: "sell", position }), never));
      expect(deals).toMatchObject([{ entry: "out", position }]);
      expect((await terminal.snapshot(ever, never)).positions).toEqual([]);
    });

    given("tells both times of every record: UTC and the broker's clock", async ({ terminal, order }) => {
      const { orders } = done(await terminal.submit(order({ side: "buy" }), never));
      const pending = done(await terminal.submit(order({ type: "limit", price: points(1.09) }), never));
      done(await terminal.cancel(pending.orders[0]?.ticket ?? ticket(0), never));
      const snapshot = await terminal.snapshot(ever, never);
      const times = [
        ...snapshot.deals.map(({ time, brokerTime }) => [time, brokerTime]),
        ...snapshot.positions.flatMap((one) => [
          [one.openTime, one.openBrokerTime],
          [one.updateTime, one.updateBrokerTime],
        ]),
        ...[...orders, ...snapshot.pastOrders].flatMap((one) => [
          [one.setupTime, one.setupBrokerTime],
          [one.doneTime, one.doneBrokerTime],
        ]),
      ];
      expect(times.length).toBeGreaterThan(8);
      for (const [utc, brokers] of times) expect([utc, brokers]).toEqual([utc, terminal.brokerTime(utc as Instant)]);
    });

    given("changes nothing by a check", async ({ terminal, order }) => {
      const before = await terminal.snapshot(ever, never);
      expect(await terminal.check(order({}).request, never)).toMatchObject({ retcode: 0 });
      expect(await terminal.check(order({ volume: lots(0.005) }).request, never)).toMatchObject({ retcode: 10014 });
      const after = await terminal.snapshot(ever, never);
      expect({ ...after, valuation: before.valuation }).toEqual(before);
    });

    given("reports a deal, its order and its position, in this order", async ({ terminal, order }) => {
      const { orders } = done(await terminal.submit(order({ side: "buy" }), never));
      const told = await read(terminal, (report) => report.type === "position");
      const mine = told.filter((report) => ticketOf(report) === orders[0]?.ticket);
      expect(mine.map((report) => (report.type === "order" ? report.order.state : report.type))).toEqual(
        seen(["started", "deal", "filled", "position"]),
      );
    });

    given("reports a price before what it has set off", async ({ terminal, order, quote }) => {
      await terminal.submit(order({ type: "limit", price: points(1.09) }), never);
      await quote(1.0898, 1.0899);
      const told = await read(terminal, (report) => report.type === "position");
      const tick = told.findIndex(
        (report) => report.type === "ticks" && [...report.ticks].some((each) => each.ask === points(1.0899)),
      );
      const deal = told.findIndex((report) => report.type === "deal" && report.deal.type === "buy");
      expect([tick >= 0, deal > tick]).toEqual([true, true]);
    });

    given("tells everything once, also when its reader has changed", async ({ terminal, order }) => {
      done(await terminal.submit(order({ side: "buy" }), never));
      const first = await read(terminal, (report) => report.type === "deal" && report.deal.type === "buy");
      done(await terminal.submit(order({ side: "sell" }), never));
      const second = await read(terminal, (report) => report.type === "position" && report.position.side === "sell");
      const states = [...first, ...second].flatMap((report) =>
        report.type === "order" ? `${report.order.side} ${report.order.state}` : [],
      );
      expect(states).toEqual(seen(["buy started", "buy filled", "sell started", "sell filled"]));
    });

    given("ends its reports when the reader has gone", async ({ terminal }) => {
      const reader = new AbortController();
      const reading = (async () => {
        for await (const _ of terminal.reports(reader.signal));
        return "ended";
      })();
      reader.abort();
      expect(await reading).toBe("ended");
    });

    given("says so when a request was given up before it was sent", async ({ terminal, order }) => {
      const gone = AbortSignal.abort();
      const error = await terminal.submit(order({}), gone).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(BridgeError);
      expect((await terminal.snapshot(ever, never)).positions).toEqual([]);
    });
  });
}

interface Asker {
  order(request: Partial<OrderRequest>): Approved<NumberedOrder>;
}

function orderAt({ terminal, symbol }: TerminalUnderTest): Asker["order"] {
  let number = 0;
  return (particulars) => {
    number += 1;
    const request: OrderRequest = {
      account: terminal.account.alias,
      clientOrderId: `suite-${number}` as ClientOrderId,
      strategyId: 7 as StrategyId,
      symbol,
      side: "buy",
      type: "market",
      volume: lots(0.1),
      filling: "auto",
      timeInForce: "gtc",
      deviation: 0,
      comment: "",
      ...particulars,
    };
    const magic = magicOf(request.strategyId, number as OrderNumber);
    return approved({ number: number as OrderNumber, magic, request });
  };
}

function done(outcome: Outcome): Extract<Outcome, { kind: "done" }> {
  if (outcome.kind !== "done") throw new Error(`refused: ${outcome.retcode} ${outcome.message}`);
  return outcome;
}

const ticketOf = (report: TerminalReport) => {
  if (report.type === "order") return report.order.ticket;
  if (report.type === "deal") return report.deal.order;
  return report.type === "position" ? report.position.ticket : undefined;
};

/** Reads up to and with the first report that is meant. */
async function read(terminal: TerminalPort, isMeant: (report: TerminalReport) => boolean): Promise<TerminalReport[]> {
  const told: TerminalReport[] = [];
  for await (const report of terminal.reports(never)) {
    told.push(report);
    if (isMeant(report)) break;
  }
  return told;
}
