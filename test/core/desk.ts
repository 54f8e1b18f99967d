/** An account with a scripted terminal, a journal in memory and a clock that stands still. */
import { Account } from "../../src/core/accounts/account.ts";
import type { AccountEvent } from "../../src/core/accounts/account-event.ts";
import { AccountRecord } from "../../src/core/accounts/record.ts";
import { type ControlEvent, ControlRecord } from "../../src/core/control/control-record.ts";
import { BridgeError } from "../../src/core/errors.ts";
import type { Bar } from "../../src/core/model/bar.ts";
import type { ClientOrderId, Instant, StrategyId } from "../../src/core/model/ids.ts";
import type { Order } from "../../src/core/model/order.ts";
import { TickRows } from "../../src/core/model/tick-rows.ts";
import { applyReport } from "../../src/core/orders/apply-report.ts";
import { raiseDoubts, settleDoubts } from "../../src/core/orders/doubts.ts";
import type { OrderDraft } from "../../src/core/orders/draft.ts";
import { type Caller, OrderDesk } from "../../src/core/orders/order-desk.ts";
import { type Placed, placeOrder, type Timing } from "../../src/core/orders/place-order.ts";
import type { TickHistory } from "../../src/core/ports/history.ts";
import type { TerminalReport } from "../../src/core/ports/terminal.ts";
import type { Witness } from "../../src/core/ports/witness.ts";
import { StreamIds } from "../../src/core/streams/stream-ids.ts";
import { TickHub } from "../../src/core/ticks/hub.ts";
import { Prices } from "../../src/core/ticks/prices.ts";
import { MemoryJournal } from "../memory-journal.ts";
import { demo, eurusd, noon } from "../terminals/paper/builders.ts";
import { Notes, quiet, ScriptedClock } from "../terminals/paper/scripted.ts";
import { ScriptedTerminal, worth } from "./scripted-terminal.ts";

export { quiet };

/** A clock that the test moves; a sleep of nothing is a turn, as on the machine's. */
export class TestClock extends ScriptedClock {
  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return ms <= 0 || signal?.aborted ? quiet() : super.sleep(ms, signal);
  }
}

/** Milliseconds until a terminal counts as silent. */
export const silence = 5000;

export interface Desk {
  readonly desk: OrderDesk;
  readonly record: AccountRecord;
  readonly terminal: ScriptedTerminal;
  readonly clock: TestClock;
  readonly journal: MemoryJournal<AccountEvent>;
  readonly control: ControlRecord;
  readonly controlJournal: MemoryJournal<ControlEvent>;
  readonly notes: Notes;
  readonly hub: TickHub;
  readonly account: Account;
  place(draft?: Partial<OrderDraft>, timing?: Partial<Timing>, caller?: Partial<Caller>): Promise<Placed>;
  order(key: string): Order;
  /** Reads all that the terminal has to report. */
  hear(): Promise<void>;
  /** The process ends; another one opens what is on disk and asks the terminal. */
  restart(events?: readonly AccountEvent[]): Promise<Desk>;
  /** As `restart`, but the terminal is not asked. */
  reopen(events?: readonly AccountEvent[]): Promise<Desk>;
}

export const caller = (more: Partial<Caller> = {}): Caller => ({
  deadline: undefined,
  signal: new AbortController().signal,
  traceId: "t",
  ...more,
});

export const key = (text: string): ClientOrderId => text as ClientOrderId;

export const draft = (more: Partial<OrderDraft> = {}): OrderDraft => ({
  account: demo.alias,
  clientOrderId: key("a"),
  strategyId: 7 as StrategyId,
  symbol: "EURUSD",
  side: "buy",
  type: "market",
  volume: 0.1,
  price: undefined,
  stopLimitPrice: undefined,
  stopLoss: undefined,
  takeProfit: undefined,
  filling: "auto",
  timeInForce: "gtc",
  expireTime: undefined,
  deviation: 0,
  comment: "",
  position: undefined,
  ...more,
});

export const limit = (more: Partial<OrderDraft> = {}): Partial<OrderDraft> => ({ type: "limit", price: 1.09, ...more });

const nothing: TickHistory = {
  record: () => undefined,
  room: async () => undefined,
  ticks: async () => TickRows.of([]),
  bars: async (): Promise<readonly Bar[]> => [],
  latest: async () => [],
};

export async function openDesk(
  parts: {
    readonly terminal?: ScriptedTerminal;
    readonly journal?: MemoryJournal<AccountEvent>;
    readonly controlJournal?: MemoryJournal<ControlEvent>;
    readonly clock?: TestClock;
    readonly history?: TickHistory;
    readonly witness?: Witness;
    /** Events between two snapshots. */
    readonly every?: number | undefined;
  } = {},
): Promise<Desk> {
  const { terminal = new ScriptedTerminal(), journal = new MemoryJournal<AccountEvent>() } = parts;
  const clock = parts.clock ?? new TestClock(noon);
  const record = await AccountRecord.open(journal, worth(), parts.witness, parts.every);
  const notes = new Notes();
  const { controlJournal = new MemoryJournal<ControlEvent>() } = parts;
  const control = await ControlRecord.open(controlJournal, clock, notes);
  const hub = new TickHub(
    "ticks",
    new Map([
      ["EURUSD", eurusd],
      ["GBPUSD", { ...eurusd, name: "GBPUSD" }],
    ]),
  );
  const prices = new Prices(hub, clock);
  const desk = new OrderDesk(terminal, record, clock, notes, { silence }, control, prices);
  const account = new Account(desk, hub, parts.history ?? nothing, new StreamIds("epoch"), clock);
  const reopen = (events: readonly AccountEvent[] = journal.events) =>
    openDesk({
      ...{ terminal, clock, every: parts.every, journal: journal.copy(events) },
      controlJournal: new MemoryJournal(controlJournal.events, controlJournal.epoch),
    });
  return {
    ...{ desk, record, terminal, clock, journal, control, controlJournal, notes, hub, account, reopen },
    place: (more = {}, timing = {}, who = {}) =>
      placeOrder(desk, draft(more), { waitFor: "answered", notAfter: undefined, ...timing }, caller(who)),
    order(name) {
      const order = record.orders.byKey(key(name));
      if (order === undefined) throw new Error(`no order ${name}`);
      return order;
    },
    async hear() {
      for (const report of terminal.unreported.splice(0)) await tell(desk, report);
    },
    async restart(events) {
      terminal.unreported = [];
      const next = await reopen(events);
      await raiseDoubts(next.desk);
      await settleDoubts(next.desk);
      return next;
    },
  };
}

export async function tell(desk: OrderDesk, report: TerminalReport): Promise<boolean> {
  switch (report.type) {
    case "order":
    case "deal":
    case "position":
    case "position_closed":
      return applyReport(desk, report);
    default:
      return false;
  }
}

/** How a call fails. */
export async function faultOf(call: Promise<unknown>): Promise<BridgeError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof BridgeError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

export const later = (time: Instant, ms: number): Instant => (time + ms) as Instant;
