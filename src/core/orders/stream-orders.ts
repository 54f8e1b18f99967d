/**
 * A reader's order events: every change of every order, numbered, lossless, resumable.
 */
import type { Account } from "../accounts/account.ts";
import type { DeadManWish } from "../control/armings.ts";
import type { StrategyId } from "../model/ids.ts";
import type { Order } from "../model/order.ts";
import { type CourseEvent, type Ends, run } from "../streams/course.ts";
import type { Cursor } from "../streams/cursor.ts";
import type { Numbered } from "../streams/feed.ts";

export interface OrderStreamOptions {
  readonly strategyId: StrategyId | undefined;
  /** Empty: all. */
  readonly symbols: readonly string[];
  readonly snapshot: boolean;
  readonly after: Cursor | undefined;
  /** Milliseconds. */
  readonly heartbeat: number;
  /** Armed (or disarmed) before the stream says that it is open. */
  readonly deadMan?: { readonly wish: DeadManWish | "none"; readonly by: string } | undefined;
}

type OrderData =
  | { readonly type: "snapshot"; readonly order: Order; readonly cursor: Cursor }
  | { readonly type: "order"; readonly order: Order; readonly cursor: Cursor };

export async function* streamOrders(
  account: Account,
  options: OrderStreamOptions,
  ends: Ends,
): AsyncGenerator<CourseEvent | OrderData, void> {
  const { strategyId, deadMan } = options;
  let leave: (() => void) | undefined;
  if (strategyId !== undefined && deadMan !== undefined) {
    if (deadMan.wish === "none") await account.deadMen.disarm(strategyId);
    else leave = await account.deadMen.connect(strategyId, deadMan.wish, deadMan.by);
  }
  try {
    yield* events(account, options, ends);
  } finally {
    leave?.();
  }
}

async function* events(
  account: Account,
  options: OrderStreamOptions,
  ends: Ends,
): AsyncGenerator<CourseEvent | OrderData, void> {
  const { record, streams, clock } = account;
  await record.shown();
  const symbols = new Set(options.symbols);
  const wanted = (order: Order) =>
    (options.strategyId === undefined || order.strategyId === options.strategyId) &&
    (symbols.size === 0 || symbols.has(order.symbol));
  const { mailbox, missed, reset, start } = record.orderFeed.read(options.after);
  const news = function* ({ sequence, item }: Numbered<Order>): Generator<OrderData> {
    if (wanted(item)) yield { type: "order", order: item, cursor: { epoch: start.epoch, sequence } };
  };
  const open = record.openOrders.filter(wanted);
  const course = {
    id: streams.next("orders"),
    mailbox,
    heartbeat: options.heartbeat,
    after: options.after,
    reset,
    start,
    snapshot: {
      wanted: options.snapshot,
      data: open.map((order): OrderData => ({ type: "snapshot", order, cursor: start })),
    },
    missed: missed.flatMap((numbered) => [...news(numbered)]),
    news,
    cursor: () => record.orderFeed.cursor,
    source: () => account.sourceState,
  };
  yield* run(course, clock, ends);
}
