/** A journal of any length, as a strategy that trades all day leaves it behind. */
import type { AccountEvent } from "../src/core/accounts/account-event.ts";
import { fine, lots, type Money, type Price } from "../src/core/model/decimals.ts";
import {
  type AccountAlias,
  type ClientOrderId,
  type Instant,
  magicOf,
  type OrderNumber,
  orderId,
  type StrategyId,
  ticket,
} from "../src/core/model/ids.ts";
import type { Order } from "../src/core/model/order.ts";
import type { Position } from "../src/core/model/position.ts";
import { contentOf } from "../src/core/orders/order-desk.ts";
import { encodeEvent } from "../src/store/journal-record.ts";
import { JournalFile } from "../src/store/sqlite/journal-file.ts";

const alias = "paper" as AccountAlias;
const strategyId = 7 as StrategyId;
const volume = lots(0.01);
/** Events of one order that opens a position, and of the one that closes it. */
const EVENTS_OF_A_TRADE = 10;
/** Events in one commit. */
const TOGETHER = 10_000;

/** Writes at least so many events into the log "orders"; returns how many. */
export function writeLongJournal(folder: string, events: number): number {
  const file = JournalFile.open({ folder });
  let first = 1;
  let lines: string[] = [];
  const write = () => {
    const created = first === 1 ? [{ id: 1, name: "orders", epoch: "bench", last: 0 }] : [];
    file.commit({ created, lines: [{ log: 1, first, text: lines.join("\n") }] });
    first += lines.length;
    lines = [];
  };
  for (let trade = 0; trade * EVENTS_OF_A_TRADE < events; trade++) {
    for (const event of eventsOf(trade)) lines.push(encodeEvent(event));
    if (lines.length >= TOGETHER) write();
  }
  if (lines.length > 0) write();
  file.close();
  return first - 1;
}

function* eventsOf(trade: number): Generator<AccountEvent> {
  const opening = (2 * trade + 1) as OrderNumber;
  const position = ticket(10_000 + opening);
  const held = { ticket: position, identifier: position, symbol: "EURUSD", side: "buy", volume } as const;
  const at = (1_700_000_000_000 + trade * 1000) as Instant;
  const open: Position = {
    ...{ ...held, openPrice: fine(110_000 as Price), swap: 0 as Money, magic: magicOf(strategyId, opening) },
    reason: "expert",
    ...{ openTime: at, updateTime: at, comment: "" },
  };
  for (const side of ["buy", "sell"] as const) {
    const number = (side === "buy" ? opening : opening + 1) as OrderNumber;
    const order: Order = {
      ...{ account: alias, clientOrderId: `alpha-${at}-${number}` as ClientOrderId, strategyId, symbol: "EURUSD" },
      ...{ side, type: "market", volume, filling: "auto", timeInForce: "gtc", deviation: 10, comment: "alpha" },
      ...{ id: orderId(alias, number), number, magic: magicOf(strategyId, number), filled: lots(0), stage: "received" },
      ...{ version: 1, cause: "client", deals: [], knownAt: at, traceId: number.toString(16).padStart(32, "0") },
      ...(side === "sell" ? { position } : {}),
    };
    const deal = ticket(50_000 + number);
    const filled = ticket(10_000 + number);
    const price = 110_000 as Price;
    yield { type: "received", order, content: contentOf("place", { ...order, id: undefined, deals: undefined }) };
    yield { type: "advanced", number, event: { type: "sent" }, at };
    yield {
      type: "deal",
      deal: {
        ...{
          ticket: deal,
          order: filled,
          position,
          symbol: "EURUSD",
          type: side,
          entry: side === "buy" ? "in" : "out",
        },
        ...{ reason: "expert", magic: order.magic, volume, price, profit: 0 as Money, swap: 0 as Money },
        ...{ commission: -7 as Money, fee: 0 as Money, time: at, comment: "alpha" },
      },
    };
    yield { type: "advanced", number, event: { type: "dealt", ticket: filled, deal, volume, price, position }, at };
    yield { type: "position", change: side === "buy" ? "opened" : "closed", position: open };
  }
}
