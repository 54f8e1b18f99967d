import { describe, expect, it } from "vitest";
import { CommandStatus } from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import { BridgeError } from "../../../src/core/errors.ts";
import { lots, price } from "../../../src/core/model/decimals.ts";
import {
  type AccountAlias,
  type ClientOrderId,
  type Instant,
  magicOf,
  type OrderNumber,
  type StrategyId,
  ticket,
} from "../../../src/core/model/ids.ts";
import type { OrderRequest } from "../../../src/core/model/order.ts";
import type { Outcome } from "../../../src/core/ports/terminal.ts";
import { knownFrom, textOfKnown } from "../../../src/terminals/live/known.ts";
import { seeded } from "../../../src/terminals/paper/seeded.ts";
import { later } from "../../core/desk.ts";
import { approved } from "../../core/standing.ts";
import { quiet } from "../paper/scripted.ts";
import { eurusd, type Live, linked, live, polite, type Side } from "./scripted-side.ts";

const never = new AbortController().signal;
const points = (value: number) => price(value, 5);
/** 10:00 UTC by the broker's clock. */
const brokerNoon = Date.UTC(2025, 0, 7, 12);

let numbers = 0;
function order(more: Partial<OrderRequest> = {}) {
  const number = ++numbers as OrderNumber;
  const request: OrderRequest = {
    account: "demo" as AccountAlias,
    clientOrderId: `test-${number}` as ClientOrderId,
    strategyId: 7 as StrategyId,
    symbol: "EURUSD",
    side: "buy",
    type: "market",
    volume: lots(0.1),
    filling: "auto",
    timeInForce: "gtc",
    deviation: 5,
    comment: "",
    ...more,
  };
  return approved({ number, magic: magicOf(request.strategyId, number), request });
}

/** What a call came to, while it may still be under way. */
function watched<T>(call: Promise<T>): { outcome: () => Promise<T | string> } {
  let result: T | string = "under way";
  call.then(
    (value) => {
      result = value;
    },
    (error: unknown) => {
      result = error instanceof BridgeError ? `${error.fault}: ${error.message}` : String(error);
    },
  );
  return {
    outcome: async () => {
      await quiet();
      await quiet();
      return result;
    },
  };
}

const filledOrder = (number: bigint, magic: bigint) => ({
  ...{ ticket: number, symbol: "EURUSD", type: 0, state: 4, reason: 3, magic, volumeInitial: 0.1, positionId: number },
  ...{ timeSetupMs: BigInt(brokerNoon), timeDoneMs: BigInt(brokerNoon), past: true },
});
const dealOf = (number: bigint, magic: bigint) => ({
  ...{ ticket: number + 1000n, order: number, positionId: number, symbol: "EURUSD", type: 0, entry: 0, reason: 3 },
  ...{ magic, volume: 0.1, price: 1.1001, commission: -0.35, timeMs: BigInt(brokerNoon) },
});

/** The broker fills the last order that was asked for. */
function fill(side: Side, number = 501n): void {
  const { id, action } = side.last;
  const magic = action.case === "submit" ? action.value.magic : 0n;
  side.tells({ case: "deal", value: dealOf(number, magic) });
  side.tells({ case: "order", value: filledOrder(number, magic) });
  side.answers(id, { retcode: 10009, order: number, deal: number + 1000n, volume: 0.1, price: 1.1001 });
}

const done = (outcome: Outcome | string) => {
  if (typeof outcome === "string" || outcome.kind !== "done") throw new Error(JSON.stringify(outcome));
  return outcome;
};

describe("a live terminal", () => {
  it("says from the start that its terminal has not dialed in, and refuses at once", async () => {
    const { terminal, toldOf } = live();
    expect(await toldOf("link")).toMatchObject([
      { up: false, why: expect.stringContaining("no terminal has dialed in") },
    ]);
    await expect(terminal.snapshot(0 as Instant, never)).rejects.toMatchObject({ fault: "terminal_offline" });
    await expect(terminal.submit(order(), never)).rejects.toMatchObject({ fault: "terminal_offline" });
  });

  it("learns account and symbols when its terminal first dials in, and is up", async () => {
    const { terminal, side, toldOf, remembered } = live();
    await side.dial();
    await terminal.known;
    expect(terminal.account).toMatchObject({ alias: "demo", login: 1000001n, marginMode: "hedging", live: true });
    expect(terminal.symbols).toMatchObject([{ name: "EURUSD", fillingModes: ["fok", "ioc"], execution: "market" }]);
    expect((await toldOf("link")).at(-1)).toEqual({ type: "link", up: true, why: "scripted 1 at memory" });
    expect(remembered).toHaveLength(1);
  });

  it("knows at the next start what it has learned, while its terminal is away", async () => {
    const { remembered } = await linked();
    const known = knownFrom(textOfKnown(remembered[0] as NonNullable<(typeof remembered)[0]>));
    const { terminal } = live({ known });
    await terminal.known;
    expect(terminal.symbols.map(({ name }) => name)).toEqual(["EURUSD"]);
    await expect(terminal.submit(order(), never)).rejects.toMatchObject({ fault: "terminal_offline" });
  });

  it("sends an order as MetaTrader knows it, in the account's name and until a deadline", async () => {
    const { terminal, side, clock } = await linked();
    const asked = order({ type: "stop_limit", side: "sell", price: points(1.09), stopLimitPrice: points(1.091) });
    watched(terminal.submit({ ...asked, traceparent: "00-trace-span-01" }, never));
    await side.listen();
    expect(side.last).toMatchObject({
      deadlineMs: BigInt(clock.now() + 5000),
      traceparent: "00-trace-span-01",
      account: { login: 1000001n, server: "Broker-Demo", tradeMode: 0 },
      action: {
        case: "submit",
        value: { action: 5, type: 7, symbol: "EURUSD", volume: 0.1, price: 1.09, stopLimit: 1.091, typeFilling: 2 },
      },
    });
    expect(side.last.id).toMatch(/^[A-Za-z0-9_-]{1,32}$/);
  });

  it("takes the filling mode from the symbol", async () => {
    const { terminal, side } = await linked();
    watched(terminal.submit(order(), never));
    await side.listen();
    expect(side.last.action.value).toMatchObject({ action: 1, type: 0, typeFilling: 0, deviation: 5 });
  });

  it("answers with the order and its deal, whether they are told before or behind the answer", async () => {
    const { terminal, side } = await linked();
    for (const early of [true, false]) {
      const asked = order();
      const call = watched(terminal.submit(asked, never));
      await side.listen();
      const { id } = side.last;
      const number = early ? 601n : 602n;
      if (early) side.tells({ case: "order", value: filledOrder(number, asked.magic) });
      side.answers(id, { retcode: 10009, order: number, deal: number + 1000n });
      if (!early) side.tells({ case: "order", value: filledOrder(number, asked.magic) });
      expect(await call.outcome()).toBe("under way");
      side.tells({ case: "deal", value: dealOf(number, asked.magic) });
      const outcome = done(await call.outcome());
      expect(outcome.orders).toMatchObject([{ ticket: number, state: "filled", magic: asked.magic, remaining: 0 }]);
      expect(outcome.deals).toMatchObject([{ order: number, price: points(1.1001), commission: -35, type: "buy" }]);
    }
  });

  it("is in doubt when the records of what was answered stay away", async () => {
    const { terminal, side, clock } = await linked();
    const call = watched(terminal.submit(order(), never));
    await side.listen();
    side.answers(side.last.id, { retcode: 10009, order: 9n, deal: 10n });
    await side.listen();
    clock.advance(2000);
    expect(await call.outcome()).toContain("terminal_silent: the broker took order 9");
  });

  it("tells prices, times and words as the core has them", async () => {
    const { side, toldOf } = await linked();
    side.tells({
      case: "position",
      value: {
        ...{ ticket: 7n, identifier: 7n, symbol: "EURUSD", type: 1, magic: 5n, volume: 0.07, priceOpen: 1.10000333 },
        ...{ stopLoss: 1.12, swap: -1.234, timeMs: BigInt(brokerNoon), comment: "by hand" },
      },
    });
    await side.listen();
    const [report] = await toldOf("position");
    expect(report?.position).toEqual({
      ...{ ticket: 7n, identifier: 7n, symbol: "EURUSD", side: "sell", volume: lots(0.07), openPrice: 110000333 },
      ...{ stopLoss: points(1.12), swap: -123, magic: 5n, reason: "client", comment: "by hand" },
      ...{ openTime: brokerNoon - 7_200_000, updateTime: brokerNoon - 7_200_000 },
      ...{ openBrokerTime: brokerNoon, updateBrokerTime: brokerNoon },
    });
  });

  it("tells on numbers that nobody has written down, and says so once", async () => {
    const { side, toldOf, notes } = await linked();
    const odd = { ...filledOrder(8n, 0n), type: 77, state: 99, reason: 55, typeFilling: 9, typeTime: 9 };
    side.tells({ case: "order", value: odd });
    side.tells({ case: "order", value: odd });
    await side.listen();
    const [first, second, ...more] = await toldOf("order");
    expect(first?.order).toMatchObject({ type: "#77", side: "#77", state: "#99", reason: "#55", filling: "#9" });
    expect([second, more]).toEqual([first, []]);
    expect(notes.lines.filter((line) => line.includes("ORDER_STATE 99"))).toHaveLength(1);
  });

  it("tells ticks as rows, with both times", async () => {
    const { terminal, side, toldOf } = await linked();
    side.tells({
      case: "ticks",
      value: {
        ...{ symbols: ["UNKNOWN", "EURUSD"], symbol: [1, 0, 1], timeMs: [BigInt(brokerNoon), 5n, 5n] },
        ...{ bid: [1.1, 5, 1.10001], ask: [1.1001, 5, 1.10011], flags: [6, 6, 2] },
      },
    });
    await side.listen();
    const [report] = await toldOf("ticks");
    expect(report?.ticks.symbols).toEqual(terminal.symbols);
    expect([...(report?.ticks ?? [])]).toMatchObject([
      { symbol: "EURUSD", brokerTime: brokerNoon, time: brokerNoon - 7_200_000, bid: 110000, ask: 110010, flags: 6 },
      { symbol: "EURUSD", brokerTime: brokerNoon + 10, bid: 110001, ask: 110011, flags: 2 },
    ]);
  });
});

describe("what becomes of a command", () => {
  const outcomeOf = async (result: Parameters<Side["answers"]>[1]) => {
    const { terminal, side } = await linked();
    const call = watched(terminal.submit(order(), never));
    await side.listen();
    side.answers(side.last.id, result);
    await side.listen();
    return call.outcome();
  };

  it.each([
    [
      "NOT_SENT",
      { lastError: 4756, message: "Invalid request" },
      "did not let it out; nothing was sent (error 4756): Inv",
    ],
    ["EXPIRED", {}, "reached the terminal too late; nothing was sent"],
    ["WRONG_ACCOUNT", {}, "another account is logged in at the terminal; nothing was sent"],
    ["OVER_LIMIT", { message: "max volume is 0.05" }, "nothing was sent: max volume is 0.05"],
    ["UNSUPPORTED", {}, "does not know how to; nothing was sent"],
  ] as const)("%s is a refusal: it was never sent", async (status, more, message) => {
    const outcome = await outcomeOf({ status: CommandStatus[status], ...more });
    expect(outcome).toMatchObject({ kind: "refused", retcode: 0, message: expect.stringContaining(message) });
  });

  it.each(["UNANSWERED", "INTERRUPTED", "UNSPECIFIED"] as const)("%s is doubt", async (status) => {
    expect(await outcomeOf({ status: CommandStatus[status] })).toContain("terminal_silent");
  });

  it("a status of a later version is doubt", async () => {
    expect(await outcomeOf({ status: 42 as CommandStatus })).toContain("terminal_silent");
  });

  it.each([
    [10030, "", "INVALID_FILL: EURUSD fills fok, ioc"],
    [10016, "Invalid stops", "Invalid stops: EURUSD wants stops and pending orders 0 points or more from the market"],
    [10014, "", "INVALID_VOLUME: EURUSD trades 0.01 to 100 lots in steps of 0.01"],
    [10027, "", "CLIENT_DISABLES_AT: switch on algorithmic trading in the terminal, and for the program on its chart"],
    [10012, "", "TIMEOUT"],
    [12345, "strange", "strange"],
  ])(
    "%s is the broker's answer, with what the symbol's specification says to it",
    async (retcode, comment, message) => {
      expect(await outcomeOf({ retcode, comment })).toMatchObject({ kind: "refused", retcode, message });
    },
  );

  it("a code that nobody knows beside an order's ticket is doubt", async () => {
    expect(await outcomeOf({ retcode: 12345, order: 5n })).toContain("terminal_silent");
  });

  it("a requote names the market's prices", async () => {
    const quote = { bid: points(1.1), ask: points(1.1001) };
    expect(await outcomeOf({ retcode: 10004, bid: 1.1, ask: 1.1001 })).toMatchObject({ kind: "refused", quote });
  });

  it("says where its time went: the steps follow each other and add up to the wait", async () => {
    const { terminal, side, clock } = await linked();
    const epoch = clock.now();
    const theirs = () => side.monotonicUs + BigInt((clock.now() - epoch) * 1000);
    clock.advance(2000);
    await side.listen();
    side.sends({ frame: { case: "pong", value: { id: 2n, clocks: { monotonicUs: theirs() }, sentUs: theirs() } } });
    await side.listen();
    const began = clock.now();
    const call = watched(terminal.submit(order(), never));
    await side.listen();
    const stamps: bigint[] = [];
    for (const ms of [10, 1, 2, 30, 1]) {
      clock.advance(ms);
      stamps.push(theirs());
    }
    clock.advance(9);
    const [receivedUs, beforeSendUs, afterSendUs, answeredUs, reportedUs] = stamps as [
      bigint,
      bigint,
      bigint,
      bigint,
      bigint,
    ];
    const { id } = side.last;
    side.answers(id, { retcode: 10013, stamps: { receivedUs, beforeSendUs, afterSendUs, answeredUs, reportedUs } });
    await side.listen();
    const outcome = (await call.outcome()) as Outcome;
    expect(outcome.work?.map(({ step, start, end }) => [step, end - start])).toEqual([
      ...[
        ["there", 10],
        ["prepare", 1],
        ["send", 2],
        ["broker", 30],
        ["report", 1],
        ["back", 9],
      ],
    ]);
    expect([outcome.work?.[0]?.start, outcome.work?.at(-1)?.end]).toEqual([began, began + 53]);
  });
});

it("does not read the stamps of a side that was started anew by the clock of the one before", async () => {
  const { terminal, side, clock } = await linked();
  const stamp = { monotonicUs: 5_000_000n };
  side.sends({ frame: { case: "pong", value: { id: 1n, clocks: stamp, sentUs: 5_000_000n } } });
  await side.listen();
  expect(terminal.figures.roundTrip).toBe(0);
  await side.restart();
  await side.dial();
  const call = watched(terminal.submit(order(), never));
  await side.listen();
  clock.advance(9);
  side.answers(side.last.id, { retcode: 10013, stamps: { receivedUs: 5_004_000n } });
  const { work } = (await call.outcome()) as Outcome;
  expect(work?.map(({ step, start, end }) => [step, end - start])).toEqual([["back", 9]]);
});

describe("a snapshot", () => {
  const position = { ticket: 7n, identifier: 7n, symbol: "EURUSD", type: 0, volume: 0.1, priceOpen: 1.1, timeMs: 1n };

  it("is put together from its parts, and of the moment when it was asked for", async () => {
    const { terminal, side, clock } = await linked();
    side.habit = ({ id, action }, its) => {
      expect(action).toMatchObject({ case: "snapshot", value: { sinceMs: BigInt(brokerNoon - 3_600_000) } });
      const parts = [
        {
          account: {
            balance: 10_000,
            equity: 9_999.5,
            positions: [{ ticket: 7n, priceCurrent: 1.1002, profit: -0.5 }],
          },
        },
        { positions: [position], pastOrders: [filledOrder(7n, 0n)] },
        { deals: [dealOf(7n, 0n)], complete: true },
      ];
      for (const [i, value] of parts.entries()) {
        its.answers(id, { more: i < parts.length - 1, answer: { case: "snapshot", value } });
      }
    };
    const call = watched(terminal.snapshot(clock.now(), never));
    const asked = clock.now();
    clock.advance(300);
    await side.listen();
    expect(await call.outcome()).toMatchObject({
      completeUntil: asked,
      valuation: { balance: 1_000_000, equity: 999_950, positions: [{ position: 7n, price: 110_020, profit: -50 }] },
      positions: [{ ticket: 7n, side: "buy" }],
      pastOrders: [{ ticket: 7n, state: "filled" }],
      deals: [{ ticket: 1007n }],
    });
  });

  it("vouches for nothing where the terminal does not", async () => {
    const { terminal, side } = await linked();
    side.habit = ({ id }, its) => its.answers(id, { answer: { case: "snapshot", value: { account: {} } } });
    const call = watched(terminal.snapshot(0 as Instant, never));
    await side.listen();
    expect(await call.outcome()).toMatchObject({ completeUntil: 0 });
  });

  it("is taken before what was told behind it, and after what was told before it", async () => {
    const { terminal, side, heard } = await linked();
    side.habit = ({ id }, its) => {
      its.tells({ case: "position", value: position });
      its.answers(id, { answer: { case: "snapshot", value: { account: {}, positions: [position] } } });
      its.tells({ case: "positionClosed", value: position });
    };
    const seen: string[] = [];
    const call = terminal.snapshot(0 as Instant, never).then(async () => {
      for (let i = 0; i < 20; i++) await undefined; // handed on from one to the next, in one turn
      seen.push(...heard().map(({ type }) => type), "snapshot");
    });
    await side.listen();
    await call;
    seen.push(...heard().map(({ type }) => type));
    expect(seen.filter((type) => type !== "market")).toEqual(["position", "snapshot", "position_closed"]);
  });
});

describe("changes", () => {
  const working = {
    ...{ ticket: 31n, symbol: "EURUSD", type: 2, state: 1, reason: 3, volumeInitial: 0.1, volumeCurrent: 0.1 },
    ...{ priceOpen: 1.09, stopLoss: 1.08, timeSetupMs: BigInt(brokerNoon) },
  };
  const withOrder = async () => {
    const made = await linked();
    made.side.tells({ case: "order", value: working });
    await made.side.listen();
    return made;
  };

  it("replace all that can be changed of an order", async () => {
    const { terminal, side } = await withOrder();
    const call = watched(terminal.modify(ticket(31), { price: points(1.085), timeInForce: "gtc" }, never));
    await side.listen();
    expect(side.last.action).toMatchObject({
      case: "modify",
      value: { action: 7, order: 31n, price: 1.085, stopLoss: 0 },
    });
    side.answers(side.last.id, { retcode: 10009, order: 31n });
    const [after] = done(await call.outcome()).orders;
    expect(after).toMatchObject({ ticket: 31n, price: points(1.085) });
    expect(after).not.toHaveProperty("stopLoss");
  });

  it("remove an order, which is canceled as far as it was left", async () => {
    const { terminal, side } = await withOrder();
    const call = watched(terminal.cancel(ticket(31), never));
    await side.listen();
    expect(side.last.action).toMatchObject({ case: "cancel", value: { action: 8, order: 31n } });
    side.answers(side.last.id, { retcode: 10009, order: 31n });
    expect(done(await call.outcome()).orders).toMatchObject([{ state: "canceled", remaining: lots(0.1) }]);
  });

  it("keep an order that was filled before the change was answered", async () => {
    const { terminal, side } = await withOrder();
    const call = watched(terminal.cancel(ticket(31), never));
    await side.listen();
    side.tells({ case: "order", value: { ...working, state: 4, volumeCurrent: 0 } });
    side.answers(side.last.id, { retcode: 10009, order: 31n });
    expect(done(await call.outcome()).orders).toMatchObject([{ state: "filled" }]);
  });

  it("are not sent for an order that the terminal has never shown", async () => {
    const { terminal, side } = await linked();
    const outcome = await terminal.modify(ticket(99), { price: points(1), timeInForce: "gtc" }, never);
    expect([outcome.kind, side.commands]).toEqual(["refused", []]);
  });
});

describe("a cut cable", () => {
  it("refuses what comes after it, and says so at once", async () => {
    const { terminal, side, toldOf } = await linked();
    await side.cut();
    expect(await toldOf("link")).toMatchObject([{ up: false, why: expect.stringContaining("hung up") }]);
    await expect(terminal.submit(order(), never)).rejects.toMatchObject({ fault: "terminal_offline" });
  });

  it("ends questions, and leaves orders in doubt until the terminal is back", async () => {
    const { terminal, side } = await linked();
    side.habit = () => undefined;
    const question = watched(terminal.snapshot(0 as Instant, never));
    const call = watched(terminal.submit(order(), never));
    await side.listen();
    await side.cut();
    expect(await question.outcome()).toContain("terminal_offline");
    expect(await call.outcome()).toBe("under way");
    side.habit = polite;
    await side.dial();
    fill(side);
    await side.listen();
    expect(done(await call.outcome()).deals).toHaveLength(1);
  });

  it("has what was not taken sent again, under the same number and name", async () => {
    const { terminal, side } = await linked();
    side.cable.takes = 0;
    const call = watched(terminal.submit(order(), never));
    await side.listen();
    expect(side.commands).toEqual([]);
    await side.dial();
    expect(side.commands).toHaveLength(1);
    fill(side);
    expect(done(await call.outcome()).orders).toHaveLength(1);
  });

  it("asks nothing again of a terminal that has lost its inbox: what it was asked is in doubt", async () => {
    const { terminal, side } = await linked();
    const call = watched(terminal.submit(order(), never));
    await side.listen();
    const { life } = terminal;
    await side.forgets();
    await side.dial();
    expect(await call.outcome()).toContain("terminal_silent");
    expect([side.commands, terminal.life > life]).toEqual([[], true]);
    const next = watched(terminal.submit(order(), never));
    await side.listen();
    fill(side);
    expect(done(await next.outcome()).orders).toHaveLength(1);
  });

  it("leaves in doubt what a side that was started anew had taken, and says no more of", async () => {
    const { terminal, side } = await linked();
    const call = watched(terminal.submit(order(), never));
    await side.listen();
    await side.restart();
    expect(await call.outcome()).toBe("under way");
    await side.dial();
    expect(await call.outcome()).toContain("terminal_silent: the terminal's side was started anew");
    expect(side.commands).toHaveLength(1);
  });

  it("leaves in doubt what the terminal has taken and forgotten the answer to", async () => {
    const { terminal, side } = await linked();
    const call = watched(terminal.submit(order(), never));
    await side.listen();
    await side.cut();
    side.gap(side.tells({ case: "result", value: {} }), { results: true });
    await side.dial();
    expect(await call.outcome()).toContain("terminal_silent: the terminal's side has lost the answer");
  });

  it("is not waited for over what the terminal never answers", async () => {
    const { terminal, side, clock } = await linked();
    const call = watched(terminal.submit(order(), never));
    await side.listen();
    for (let s = 0; s < 300; s += 5) {
      clock.advance(5000);
      side.acknowledge();
      await side.listen();
    }
    expect(await call.outcome()).toBe("under way");
    clock.advance(7000);
    await side.listen();
    expect(await call.outcome()).toContain("terminal_silent: the terminal has not said");
  });

  it("is noticed when nothing is heard for ten seconds", async () => {
    const { side, clock, toldOf } = await linked();
    for (let s = 0; s < 9; s++) {
      clock.advance(1000);
      await side.listen();
    }
    expect(await toldOf("link")).toEqual([]);
    clock.advance(1000);
    await side.listen();
    expect(side.heard.filter((word) => word === "ping")).toHaveLength(5);
    expect(side.heard.at(-1)).toContain("refusal 7: nothing was heard");
    expect(await toldOf("link")).toMatchObject([{ up: false }]);
  });

  it.each([...["before it left", "on its way", "taken", "acknowledged", "dealt", "shown", "answered"].entries()])(
    "at point %i of a command, %s, changes nothing of what comes of it",
    async (point) => {
      const { terminal, side, toldOf } = await linked();
      const asked = order();
      let call = watched(Promise.resolve<Outcome | string>("not asked"));
      const steps = [
        () => {
          if (point === 0) side.cable.takes = 0;
          call = watched(terminal.submit(asked, never));
        },
        () => side.listen(),
        () => side.acknowledge(),
        () => side.tells({ case: "deal", value: dealOf(801n, asked.magic) }),
        () => side.tells({ case: "order", value: filledOrder(801n, asked.magic) }),
        () => side.answers(side.last.id, { retcode: 10009, order: 801n, deal: 1801n }),
      ];
      for (const [i, step] of steps.entries()) {
        await step();
        if (i !== Math.max(0, point - 1)) continue;
        await side.cut();
        await side.dial();
      }
      if (point === 1) await side.listen();
      await side.listen();
      expect([side.commands.length, done(await call.outcome()).deals.length]).toEqual([1, 1]);
      expect(await toldOf("deal")).toHaveLength(1);
    },
  );

  it("loses no fill and doubles none, wherever in an order's life it is cut", async () => {
    for (let seed = 0; seed < 60; seed++) {
      const chance = seeded(seed);
      const { terminal, side, told } = await linked();
      const deals = new Set<bigint>();
      let doubled = 0;
      const hear = async () => {
        for (const report of await told()) {
          if (report.type !== "deal") continue;
          if (deals.has(report.deal.ticket)) doubled++;
          deals.add(report.deal.ticket);
        }
      };
      const executed = new Set<string>();
      let number = 700n;
      let isCalm = false;
      side.habit = (command, its) => {
        if (command.action.case !== "submit") return polite(command, its);
        expect(executed.has(command.id), `seed ${seed}`).toBe(false);
        executed.add(command.id);
        number++;
        const { magic } = command.action.value;
        its.tells({ case: "deal", value: dealOf(number, magic) });
        if (!isCalm && chance.next() < 0.3) its.cable.close();
        its.tells({ case: "order", value: filledOrder(number, magic) });
        if (!isCalm && chance.next() < 0.3) its.cable.close();
        its.answers(command.id, { retcode: 10009, order: number, deal: number + 1000n });
      };
      const calls: ReturnType<typeof watched<Outcome>>[] = [];
      for (let i = 0; i < 8; i++) {
        if (chance.next() < 0.3) side.cable.takes = Math.floor(chance.next() * 2);
        calls.push(watched(terminal.submit(order(), never)));
        if (chance.next() < 0.7) await side.listen();
        if (chance.next() < 0.3) side.acknowledge();
        if (chance.next() < 0.3) await side.cut();
        if (side.cable.isCut) {
          await side.cut();
          await side.dial();
        }
        await hear();
      }
      isCalm = true;
      await side.cut();
      await side.dial();
      await hear();
      const results = await Promise.all(calls.map((call) => call.outcome()));
      const filled = results.filter((result) => typeof result !== "string");
      expect(
        results.every((result) => typeof result !== "string" || result.startsWith("terminal_offline")),
        `seed ${seed}`,
      ).toBe(true);
      expect([filled.length, deals.size, doubled], `seed ${seed}`).toEqual([executed.size, executed.size, 0]);
    }
  });
});

describe("another account", () => {
  it("at the terminal ends trading, and nothing it tells is believed", async () => {
    const { terminal, side, told, toldOf } = await linked();
    side.tells({ case: "accountChanged", value: { login: 5n, server: "Other", tradeMode: 2 } });
    side.tells({ case: "deal", value: dealOf(1n, 0n) });
    await side.listen();
    const why =
      "another account, 5 at Other, was logged in at the terminal: nothing is traded until account 1000001 at Broker-Demo is";
    expect(await told()).toEqual([{ type: "link", up: false, why }]);
    await expect(terminal.submit(order(), never)).rejects.toThrow("another account");
    await side.cut();
    await side.dial();
    expect((await toldOf("link")).at(-1)).toMatchObject({ up: true });
  });

  it("is not served though none was seen yet", async () => {
    const { side } = live();
    await side.dial({ account: { fingerprint: { login: 7n, server: "Broker-Demo" } } });
    expect(side.heard.at(-1)).toContain("refusal 3");
  });

  it.each([
    ["login", { login: 5n }],
    ["server", { server: "Other" }],
    ["trade mode", { tradeMode: 2 }],
  ])("of another %s is not served", async (_, other) => {
    const { terminal, side } = await linked();
    await side.cut();
    const fingerprint = { login: 1000001n, server: "Broker-Demo", tradeMode: 0, ...other };
    await side.dial({ account: { fingerprint } });
    expect(side.heard.at(-1)).toContain("refusal 3: This is not account 1000001 at Broker-Demo");
    await expect(terminal.submit(order(), never)).rejects.toMatchObject({ fault: "terminal_offline" });
  });
});

describe("a link", () => {
  it("is not up while the terminal is not connected to the broker", async () => {
    const { terminal, side, toldOf } = await linked();
    side.tells({ case: "trade", value: { connected: false, algoAllowed: true } });
    await side.listen();
    expect(await toldOf("link")).toMatchObject([
      { up: false, why: expect.stringContaining("not connected to the broker") },
    ]);
    await expect(terminal.submit(order(), never)).rejects.toMatchObject({ fault: "terminal_offline" });
    side.tells({ case: "trade", value: { connected: true, algoAllowed: false } });
    await side.listen();
    expect(await toldOf("link")).toMatchObject([{ up: true, why: expect.stringContaining("10027") }]);
  });

  it("logs in when it is asked to, though it is not connected to the broker, and says why not", async () => {
    const { terminal, side } = await linked();
    side.tells({ case: "trade", value: { connected: false } });
    await side.listen();
    for (const [result, outcome] of [
      [{}, undefined],
      [{ status: CommandStatus.UNSUPPORTED, message: "no password" }, "no password"],
      [
        { status: CommandStatus.NOT_SENT, message: "Authorization failed", lastError: -6 },
        "terminal_offline: the terminal could not log in: Authorization failed (error -6)",
      ],
    ] as const) {
      const call = watched(terminal.logIn());
      await side.listen();
      expect(side.last).toMatchObject({ action: { case: "logIn" }, account: { login: 1000001n } });
      side.answers(side.last.id, result);
      await side.listen();
      expect(await call.outcome()).toBe(outcome);
    }
    await side.cut();
    await expect(terminal.logIn()).rejects.toMatchObject({ fault: "terminal_offline" });
  });

  it("asks the terminal for bars of the past by the broker's clock, and leaves out what is none", async () => {
    const { terminal, side, clock } = await linked();
    const from = clock.now() as Instant;
    const asked = { symbol: "EURUSD", timeframe: "H1", from, to: later(from, 7_200_000), most: 10 } as const;
    const call = watched(terminal.pastBars(asked, never));
    await side.listen();
    const request = side.last.action.case === "bars" ? side.last.action.value : undefined;
    expect(request).toMatchObject({ symbol: "EURUSD", timeframe: 0x4001, maxCount: 10 });
    const first = request?.fromMs ?? 0n;
    const told = (timeMs: bigint[], open: number) => ({
      ...{ symbol: "EURUSD", timeframe: 0x4001, timeMs, open: timeMs.map(() => open), high: timeMs.map(() => 1.2) },
      ...{ low: timeMs.map(() => 1), close: timeMs.map(() => 1.1), tickVolume: timeMs.map(() => 7n), spread: [3, 3] },
    });
    const { id } = side.last;
    side.answers(id, { more: true, answer: { case: "bars", value: told([first, first + 3_600_000n], 1.05) } });
    side.answers(id, { answer: { case: "bars", value: told([first - 1n, first + 7_200_000n, 0n], 1.05) } });
    await side.listen();
    expect(await call.outcome()).toMatchObject([
      {
        symbol: "EURUSD",
        time: from,
        brokerTime: Number(first),
        open: 105_000,
        high: 120_000,
        tickVolume: 7,
        spread: 3,
      },
      { time: later(from, 3_600_000), final: true },
      { time: later(from, 7_200_000), final: false },
    ]);
    const refused = watched(terminal.pastBars(asked, never));
    await side.listen();
    side.answers(side.last.id, { status: CommandStatus.UNSUPPORTED, message: "none kept" });
    await side.listen();
    expect(await refused.outcome()).toBe("terminal_offline: its bars were not read: none kept");
  });

  it("is refused to a terminal that a newer bridge has served", async () => {
    const { terminal, side } = live();
    await side.dial({ bridgeEpoch: terminal.life + 1n });
    expect(side.heard.at(-1)).toContain("refusal 8");
  });

  it("has one terminal at a time", async () => {
    const { side } = await linked();
    const first = side.cable;
    await side.dial();
    expect([side.heard.at(-1), first.isCut]).toEqual([expect.stringContaining("refusal 4"), false]);
  });

  it.each([
    ["a frame that cannot be read", (side: Side) => side.sendsBytes(new Uint8Array([255, 255, 255]))],
    ["a second hello", (side: Side) => side.sends({ frame: { case: "hello", value: {} } })],
    ["a number left out", (side: Side) => side.sends({ frame: { case: "report", value: { sequence: 99n } } })],
    ["a number beyond all", (side: Side) => side.sends({ frame: { case: "report", value: { sequence: 2n ** 63n } } })],
    ["an acknowledgement of what was never sent", (side: Side) => side.acknowledge(99)],
  ])("ends at %s", async (_, wrong) => {
    const { side, toldOf } = await linked();
    wrong(side);
    await side.listen();
    expect(side.heard.at(-1)).toContain("refusal 6: the terminal's side ");
    expect(await toldOf("link")).toMatchObject([{ up: false }]);
  });

  it("passes over frames and events that are not known, and acknowledges what it has taken", async () => {
    const { side, clock, toldOf } = await linked();
    side.sendsBytes(new Uint8Array([0xfa, 0x06, 0x01, 0x61]));
    const sequence = side.tells({ case: undefined });
    await side.listen();
    clock.advance(500);
    await side.listen();
    expect(side.heard.at(-1)).toBe(`ack ${sequence}`);
    expect(await toldOf("link")).toEqual([]);
  });

  it("takes a report once, and acknowledges it again", async () => {
    const { side, toldOf } = await linked();
    const sequence = side.tells({ case: "deal", value: dealOf(1n, 0n) });
    side.sends({ frame: { case: "report", value: { sequence, event: { case: "deal", value: dealOf(1n, 0n) } } } });
    await side.listen();
    expect(await toldOf("deal")).toHaveLength(1);
    expect(side.heard.at(-1)).toBe(`ack ${sequence}`);
  });

  it("that comes up anew has the records read, and so has a gap in what was told", async () => {
    const { side, toldOf } = await linked();
    const lost = side.tells({ case: "transaction", value: { type: 1 } });
    await side.cut();
    const from = side.tells({ case: "transaction", value: { type: 1 } });
    side.gap(from, { trades: true });
    await side.dial();
    expect(from).toBe(lost + 1n);
    expect((await toldOf("link")).map(({ up }) => up)).toEqual([false, true]);
    side.tells({ case: "transaction", value: { type: 1 } });
    const sequence = side.tells({ case: "transaction", value: { type: 1 } }) + 9n;
    const gap = { from: sequence - 8n, through: sequence, trades: true };
    side.sends({ frame: { case: "report", value: { sequence, event: { case: "gap", value: gap } } } });
    await side.listen();
    expect(await toldOf("link")).toMatchObject([{ up: true }]);
  });

  it("takes up a stream of ticks where it was lost, and tells none twice", async () => {
    const { side, toldOf } = await linked();
    const at = (ms: number, bid: number) => ({
      symbols: ["EURUSD"],
      symbol: [0],
      timeMs: [BigInt(brokerNoon + ms)],
      bid: [bid],
    });
    side.tells({ case: "ticks", value: at(0, 1.1) });
    side.tells({ case: "ticks", value: at(7, 1.2) });
    side.tells({ case: "ticks", value: at(7, 1.3) });
    await side.listen();
    await side.restart();
    side.habit = (command, its) => {
      if (command.action.case !== "subscribe") return polite(command, its);
      expect(command.action.value.afterMs).toEqual([BigInt(brokerNoon + 6)]);
      its.tells({ case: "ticks", value: at(99, 9) }); // of the stream before
      polite(command, its);
      for (const [ms, bid] of [
        [7, 1.2],
        [7, 1.3],
        [7, 1.4],
        [8, 1.5],
      ] as const)
        its.tells({ case: "ticks", value: at(ms, bid) });
    };
    await side.dial();
    const bids = (await toldOf("ticks")).flatMap(({ ticks }) => [...ticks].map(({ bid }) => bid / 100_000));
    expect(bids).toEqual([1.1, 1.2, 1.3, 1.4, 1.5]);
  });

  it("subscribes anew when ticks were forgotten while it was away", async () => {
    const { side } = await linked();
    const subscriptions = () => side.taken.filter(({ action }) => action.case === "subscribe").length;
    const before = subscriptions();
    await side.cut();
    await side.dial();
    expect(subscriptions()).toBe(before);
    await side.cut();
    side.gap(side.tells({ case: "ticks", value: {} }), { ticks: true });
    await side.dial();
    expect(subscriptions()).toBe(before + 1);
  });

  it("asks again for ticks that it was not given", async () => {
    const { side, clock, notes } = await linked();
    const asked = () => side.taken.filter(({ action }) => action.case === "subscribe").length;
    const before = asked();
    let refusals = 2;
    side.habit = (command, its) => {
      if (command.action.case !== "subscribe" || refusals-- === 0) return polite(command, its);
      its.answers(command.id, { status: CommandStatus.OVER_LIMIT });
    };
    const sequence = side.tells({ case: "transaction", value: {} }) + 9n;
    const gap = { from: 1n, through: sequence, ticks: true };
    side.sends({ frame: { case: "report", value: { sequence, event: { case: "gap", value: gap } } } });
    side.skip(sequence);
    await side.listen();
    for (let i = 0; i < 4; i++) {
      clock.advance(2000);
      await side.listen();
    }
    expect(asked()).toBe(before + 3);
    expect(notes.lines.filter((line) => line.includes("asked for again later"))).toHaveLength(2);
  });

  it("subscribes anew when ticks were forgotten while it is up", async () => {
    const { side } = await linked();
    const before = side.taken.filter(({ action }) => action.case === "subscribe").length;
    const sequence = BigInt(50);
    side.sends({
      frame: {
        case: "report",
        value: { sequence, event: { case: "gap", value: { from: 1n, through: 50n, ticks: true } } },
      },
    });
    await side.listen();
    expect(side.taken.filter(({ action }) => action.case === "subscribe")).toHaveLength(before + 1);
  });
});

describe("symbols", () => {
  const named = (name: string) => ({ ...eurusd, name });
  const withNames = async (
    names: string[],
    rules: { prefix?: string; suffix?: string; table?: [string, string][] },
  ) => {
    const { prefix = "", suffix = "", table = [] } = rules;
    const made: Live = live({ names: { prefix, suffix, table: new Map(table) } });
    made.side.symbols = names.map(named);
    await made.side.dial();
    return made;
  };

  it("go by our names here and by the broker's there", async () => {
    const { terminal, side } = await withNames(["EURUSD.m", "GOLD", "EURUSD"], {
      suffix: ".m",
      table: [["XAUUSD", "GOLD"]],
    });
    expect(terminal.symbols.map(({ name }) => name)).toEqual(["EURUSD", "XAUUSD", "=EURUSD"]);
    for (const [ours, brokers] of [
      ["EURUSD", "EURUSD.m"],
      ["XAUUSD", "GOLD"],
      ["=EURUSD", "EURUSD"],
    ] as const) {
      watched(terminal.submit(order({ symbol: ours }), never));
      await side.listen();
      expect(side.last.action.value).toMatchObject({ symbol: brokers });
    }
  });

  it("change as the terminal says, where the core holds them", async () => {
    const { terminal, side, notes } = await linked();
    const [held] = terminal.symbols;
    side.tells({ case: "symbols", value: { symbols: [{ ...eurusd, tradeStopsLevel: 20 }] } });
    await side.listen();
    expect(held?.stopsLevel).toBe(20);
    side.tells({ case: "symbols", value: { symbols: [{ ...eurusd, digits: 4 }] } });
    await side.listen();
    expect([held?.digits, notes.lines.at(-1)]).toEqual([5, expect.stringContaining("start the bridge anew")]);
  });

  it("that are shown later are known at once: served, streamed, and remembered", async () => {
    const { terminal, side, clock, told, remembered } = await linked();
    const gbpusd = { ...eurusd, name: "GBPUSD", digits: 3 };
    side.tells({ case: "symbols", value: { symbols: [gbpusd] } });
    await side.listen();
    expect((await told()).map(({ type }) => type)).toContain("symbols");
    expect(terminal.symbols).toMatchObject([{ name: "EURUSD" }, { name: "GBPUSD", digits: 3 }]);
    expect(side.taken.at(-1)?.action.value).toMatchObject({ symbols: ["EURUSD", "GBPUSD"] });
    const tick = { symbols: ["GBPUSD"], symbol: [0], timeMs: [BigInt(brokerNoon)], bid: [1.25] };
    side.tells({ case: "ticks", value: tick });
    await side.listen();
    const [ticks] = (await told()).flatMap((report) => (report.type === "ticks" ? [...report.ticks] : []));
    expect(ticks).toMatchObject({ symbol: "GBPUSD", bid: 1250 });
    watched(terminal.submit(order({ symbol: "GBPUSD" }), never));
    await side.listen();
    expect(side.last.action.value).toMatchObject({ symbol: "GBPUSD" });
    clock.advance(2000);
    await side.listen();
    const next = live({ known: remembered.at(-1) });
    expect(next.terminal.symbols.map(({ name }) => name)).toEqual(["EURUSD", "GBPUSD"]);
  });

  it.each(["cut", "restart"] as const)(
    "that are shown while the link is down are known when it is up again, after a %s",
    async (end) => {
      const { terminal, side } = await linked();
      await side[end]();
      side.symbols = [
        { ...eurusd, tradeStopsLevel: 30 },
        { ...eurusd, name: "GBPUSD" },
      ];
      await side.dial();
      expect(terminal.symbols).toMatchObject([{ name: "EURUSD", stopsLevel: 30 }, { name: "GBPUSD" }]);
      expect(side.taken.at(-1)?.action.value).toMatchObject({ symbols: ["EURUSD", "GBPUSD"] });
    },
  );

  it("that come while ticks are being asked for are asked for next", async () => {
    const { side, clock } = await linked();
    const wanted = () =>
      side.taken.flatMap(({ action }) => (action.case === "subscribe" ? [action.value.symbols.join()] : []));
    const ids: string[] = [];
    side.habit = (command, its) =>
      void (command.action.case === "subscribe" ? ids.push(command.id) : polite(command, its));
    for (const name of ["GBPUSD", "USDJPY"]) {
      side.tells({ case: "symbols", value: { symbols: [{ ...eurusd, name }] } });
      await side.listen();
    }
    expect(wanted()).toEqual(["EURUSD", "EURUSD,GBPUSD"]);
    side.habit = polite;
    side.answers(ids[0] as string, {});
    await side.listen();
    clock.advance(2000);
    await side.listen();
    expect(wanted()).toEqual(["EURUSD", "EURUSD,GBPUSD", "EURUSD,GBPUSD,USDJPY"]);
  });

  it("that occur in a record only are asked about, once, and the records are read anew", async () => {
    const { terminal, side, clock, toldOf } = await linked();
    const asked = () =>
      side.taken.flatMap(({ action }) => (action.case === "symbols" ? [action.value.symbols.join()] : []));
    side.symbols = [{ ...eurusd, name: "XAUUSD", digits: 2 }];
    for (const symbol of ["XAUUSD", "GONE"]) {
      side.tells({ case: "position", value: { ticket: 9n, symbol, volume: 0.1, priceOpen: 2000.5 } });
    }
    await side.listen();
    for (let i = 0; i < 3; i++) {
      clock.advance(2000);
      await side.listen();
    }
    expect(asked()).toEqual(["", "XAUUSD,GONE"]);
    expect(terminal.symbols.map(({ name }) => name)).toEqual(["EURUSD", "XAUUSD"]);
    expect((await toldOf("link")).at(-1)).toMatchObject({ up: true }); // which has the records read
  });

  it("are waited for by a bridge that would else know none until its next start", async () => {
    const { terminal, side, remembered } = live();
    side.symbols = [];
    await side.dial();
    expect(side.heard.at(-1)).toContain("has not been told its account and symbols by the broker yet");
    expect(remembered).toEqual([]);
    side.symbols = [eurusd];
    await side.dial();
    expect([terminal.symbols.length, terminal.figures.state]).toEqual([1, "up"]);
  });

  it("with which the core cannot reckon are left out, and said", async () => {
    const made = live();
    made.side.symbols = [eurusd, { ...named("BAD"), volumeMin: Number.NaN }];
    await made.side.dial();
    expect(made.terminal.symbols.map(({ name }) => name)).toEqual(["EURUSD"]);
    expect(made.notes.lines.join()).toContain("BAD cannot be traded here");
  });
});
