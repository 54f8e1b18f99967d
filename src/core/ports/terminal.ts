import type { AccountInfo, Valuation } from "../model/account.ts";
import type { Bar, Timeframe } from "../model/bar.ts";
import type { BrokerClock } from "../model/broker-clock.ts";
import type { Deal } from "../model/deal.ts";
import type { Money, Price } from "../model/decimals.ts";
import type { Instant, Ticket } from "../model/ids.ts";
import type { NumberedOrder, OrderChange, OrderRequest, Stops, TerminalOrder } from "../model/order.ts";
import type { Position } from "../model/position.ts";
import type { SymbolSpec } from "../model/symbol.ts";
import type { TickRows } from "../model/tick-rows.ts";
import type { Approved } from "../orders/risk.ts";
import type { Work } from "./witness.ts";

/** What the terminal answered to a command. Orders and deals are those the command touched, as they stand after it. */
export type Outcome = {
  /** Where the terminal's own time went, if it tells. */
  readonly work?: readonly Work[];
} & (
  | {
      readonly kind: "done";
      readonly retcode: number;
      readonly orders: readonly TerminalOrder[];
      readonly deals: readonly Deal[];
    }
  | {
      readonly kind: "refused";
      readonly retcode: number;
      readonly message: string;
      /** The market's prices, when a requote names them. */
      readonly quote?: { readonly bid: Price; readonly ask: Price };
    }
);

/** What the terminal expects of an order that is not sent. `retcode` 0: it would be accepted. */
export interface CheckResult {
  readonly retcode: number;
  readonly message: string;
  /** What the order itself needs. */
  readonly marginNeeded: Money;
  /** The account after it. */
  readonly margin: Money;
  readonly equity: Money;
  readonly freeMargin: Money;
  readonly marginLevel: number;
}

/** Bars that open in `from` to `to`, both included; at most so many, counted from `from`. */
export interface BarsAsked {
  readonly symbol: string;
  readonly timeframe: Timeframe;
  readonly from: Instant;
  readonly to: Instant;
  readonly most: number;
}

/** The account as the terminal sees it now, with its history from `since` on. */
export interface AccountSnapshot {
  readonly valuation: Valuation;
  readonly orders: readonly TerminalOrder[];
  readonly positions: readonly Position[];
  readonly pastOrders: readonly TerminalOrder[];
  readonly deals: readonly Deal[];
  /**
   * By the bridge's clock: what was sent up to here and is not shown has never arrived, and
   * never will. 0 when the terminal cannot say that; absence is no evidence then.
   */
  readonly completeUntil: Instant;
}

/** What a terminal tells, in the order in which it happened. */
export type TerminalReport =
  /** `patient`: the source can wait, and wants to, until every lossless reader has room. */
  | { readonly type: "ticks"; readonly ticks: TickRows; readonly patient: boolean }
  | { readonly type: "order"; readonly order: TerminalOrder }
  | { readonly type: "deal"; readonly deal: Deal }
  /** Opened or changed. */
  | { readonly type: "position"; readonly position: Position }
  /** As it stood before it closed. */
  | { readonly type: "position_closed"; readonly position: Position }
  | { readonly type: "valuation"; readonly valuation: Valuation }
  /** Whether any symbol can have new prices now. */
  | { readonly type: "market"; readonly open: boolean }
  /** The terminal has more symbols than before. */
  | { readonly type: "symbols" }
  | { readonly type: "link"; readonly up: boolean; readonly why: string };

/**
 * What the bridge needs from one MetaTrader 5 terminal.
 *
 * A call answers with a fact or throws a BridgeError; it never answers with a
 * guess. When the terminal stays silent the error is `terminal_silent`, and only
 * `snapshot` can tell what became of the order.
 *
 * A call ends when nothing more can come of it but through reports: `signal` says that
 * nobody waits any more, not that what was sent is called back.
 */
export interface TerminalPort extends BrokerClock {
  readonly account: AccountInfo;
  /** Grows when the terminal knows more of them; a specification that changes changes in place. */
  readonly symbols: readonly SymbolSpec[];

  /** Takes only what risk has approved: the type leaves no way round. Also closes (with `position`) and closes by. */
  submit(order: Approved<NumberedOrder>, signal: AbortSignal): Promise<Outcome>;

  modify(order: Ticket, change: OrderChange, signal: AbortSignal): Promise<Outcome>;

  cancel(order: Ticket, signal: AbortSignal): Promise<Outcome>;

  modifyPosition(position: Ticket, stops: Stops, signal: AbortSignal): Promise<Outcome>;

  /** A dry run; changes nothing. */
  check(order: OrderRequest, signal: AbortSignal): Promise<CheckResult>;

  snapshot(since: Instant, signal: AbortSignal): Promise<AccountSnapshot>;

  /** Absent: the terminal keeps no bars of the past. Oldest first, the running one included where it is within. */
  pastBars?(asked: BarsAsked, signal: AbortSignal): Promise<readonly Bar[]>;

  /** Ticks, orders, deals, positions and link changes in the terminal's own order, until `signal` aborts. */
  reports(signal: AbortSignal): AsyncIterable<TerminalReport>;
}
