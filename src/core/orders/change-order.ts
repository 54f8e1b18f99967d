/**
 * Changing what is in the market: an order's prices, its cancellation, a position's stops.
 *
 * A change has a key of its own. It is reserved, on disk, before the change leaves, and
 * the answer is kept under it: the same key is answered with the same words for ever,
 * and never acts twice.
 */
import type { Answer } from "../accounts/record.ts";
import { BridgeError } from "../errors.ts";
import type { ClientOrderId, Ticket } from "../model/ids.ts";
import type { Order, Stops } from "../model/order.ts";
import type { Position } from "../model/position.ts";
import { isUnknown, retcodeName } from "../model/retcodes.ts";
import type { Outcome } from "../ports/terminal.ts";
import { errorWord, witnessed } from "../ports/witness.ts";
import { applyReport } from "./apply-report.ts";
import type { ChangeDraft, StopsDraft } from "./draft.ts";
import { isFinal } from "./lifecycle.ts";
import type { OrderName } from "./order-book.ts";
import { type Caller, contentOf, type OrderDesk, sameContent } from "./order-desk.ts";
import { tellOutcome } from "./order-trace.ts";
import { validateChange, validateStops } from "./validate.ts";

export interface Changed {
  readonly order: Order;
  readonly replayed: boolean;
}

export async function modifyOrder(
  desk: OrderDesk,
  key: ClientOrderId,
  name: OrderName,
  draft: ChangeDraft,
  caller: Caller,
): Promise<Changed> {
  const content = contentOf("modify", { ...name, ...draft });
  const replayed = await ask(desk, key, content, caller, () => {
    const { order, ticket } = workingOrder(desk, name);
    const change = validateChange(draft, order, desk.symbol(order.symbol));
    return (signal) => desk.terminal.modify(ticket, change, signal);
  });
  return { order: findOrder(desk, name), replayed };
}

export async function cancelOrder(
  desk: OrderDesk,
  key: ClientOrderId,
  name: OrderName,
  caller: Caller,
): Promise<Changed> {
  const content = contentOf("cancel", name);
  const replayed = await ask(desk, key, content, caller, () => {
    const { ticket } = workingOrder(desk, name);
    return async (signal) => {
      desk.canceling.add(ticket);
      try {
        const outcome = await desk.terminal.cancel(ticket, signal);
        if (outcome.kind === "refused" && !isUnknown(outcome.retcode)) desk.canceling.delete(ticket);
        return outcome;
      } catch (error) {
        if (isUnsent(error)) desk.canceling.delete(ticket);
        throw error;
      }
    };
  });
  return { order: findOrder(desk, name), replayed };
}

export async function modifyPosition(
  desk: OrderDesk,
  key: ClientOrderId,
  ticket: Ticket,
  draft: StopsDraft,
  caller: Caller,
): Promise<{ readonly position: Position | undefined; readonly replayed: boolean }> {
  const content = contentOf("modify_position", { ticket, ...draft });
  const replayed = await ask(desk, key, content, caller, () => {
    const position = desk.record.holdings.position(ticket);
    if (position === undefined) {
      throw new BridgeError("unknown_position", `position_ticket: ${ticket} is not open`, {
        violations: [{ field: "position_ticket", description: "must be the ticket of an open position" }],
      });
    }
    const stops = validateStops(draft, position, desk.symbol(position.symbol));
    return async (signal) => {
      const outcome = await desk.terminal.modifyPosition(ticket, stops, signal);
      const now = desk.record.holdings.position(ticket);
      if (outcome.kind === "done" && now !== undefined) {
        await applyReport(desk, { type: "position", position: withStops(now, stops) });
      }
      return outcome;
    };
  });
  return { position: desk.record.holdings.position(ticket), replayed };
}

export function findOrder(desk: OrderDesk, name: OrderName): Order {
  const order = desk.record.orders.find(name);
  if (order !== undefined) return order;
  throw new BridgeError("unknown_order", `order.${name.by}: no order is called ${JSON.stringify(String(name.value))}`, {
    violations: [
      { field: `order.${name.by}`, description: "must name an order of the account; ListOrders names them" },
    ],
  });
}

function workingOrder(desk: OrderDesk, name: OrderName): { order: Order; ticket: Ticket } {
  const order = findOrder(desk, name);
  if (order.stage === "in_doubt") {
    throw new BridgeError(
      "order_in_doubt",
      `order ${order.id} is in doubt; it cannot be changed until that is settled`,
    );
  }
  if (order.ticket === undefined || isFinal(order.stage)) {
    throw new BridgeError(
      "order_not_working",
      `order ${order.id} is ${order.stage}; only a working order can be changed`,
      {
        metadata: { stage: order.stage },
      },
    );
  }
  return { order, ticket: order.ticket };
}

function withStops(position: Position, stops: Stops): Position {
  const { stopLoss: _loss, takeProfit: _profit, ...rest } = position;
  return { ...rest, ...stops };
}

type Send = (signal: AbortSignal) => Promise<Outcome>;

/** Asks the terminal once per key; true when the key had been used before. Throws what the terminal refused with. */
async function ask(
  desk: OrderDesk,
  key: ClientOrderId,
  content: string,
  caller: Caller,
  prepare: () => Send,
): Promise<boolean> {
  if (!sameContent(desk, key, content)) await desk.record.settled();
  const replayed = sameContent(desk, key, content); // in the turn in which the key is reserved
  if (!replayed) {
    if (!desk.linkUp) throw new BridgeError("terminal_offline", "the terminal is not connected; nothing was sent");
    const { witness } = desk;
    const send = witnessed(witness, caller.span, "change.validate", prepare);
    const start = witness.now();
    await desk.record.write([{ type: "asked", key, content }]);
    witness.span({ name: "change.journal", parent: caller.span, start, end: witness.now() });
    void carryOut(desk, key, send, caller);
  }
  await desk.until(key, () => desk.record.answerOf(key) !== undefined, caller);
  const answer = await durableAnswer(desk, key);
  if (answer === undefined) {
    throw new BridgeError(
      "terminal_silent",
      "the terminal has not answered yet; ask again with the same client_order_id",
    );
  }
  if (answer.kind === "failed") throw new BridgeError(answer.fault, answer.message, { metadata: answer.metadata });
  return replayed;
}

async function durableAnswer(desk: OrderDesk, key: ClientOrderId): Promise<Answer | undefined> {
  try {
    await desk.record.settled();
  } catch (cause) {
    const message = "the change may have been made, but the journal cannot be written; look at the order at the broker";
    throw new BridgeError("terminal_silent", message, { cause });
  }
  return desk.record.answerOf(key);
}

/** Never throws: the answer is in the journal. */
async function carryOut(desk: OrderDesk, key: ClientOrderId, send: Send, caller: Caller): Promise<void> {
  try {
    const answer = await answerTo(desk, key, send, caller);
    await desk.record.write([{ type: "answered", key, answer }]);
  } catch (error) {
    const context = { client_order_id: key, trace_id: caller.traceId, error };
    desk.observer.note("error", "orders", "an answer could not be journalled", context);
  }
}

async function answerTo(desk: OrderDesk, key: ClientOrderId, send: Send, caller: Caller): Promise<Answer> {
  const { witness } = desk;
  const asked = { name: "change.terminal", parent: caller.span, start: witness.now() };
  let outcome: Outcome;
  try {
    outcome = await desk.command(send);
    tellOutcome(witness, asked, outcome);
  } catch (error) {
    witness.span({ ...asked, end: witness.now(), outgoing: true, error: errorWord(error) });
    const context = { client_order_id: key, trace_id: caller.traceId, error };
    desk.observer.note("error", "orders", "a change has no answer", context);
    return silent(error);
  }
  if (outcome.kind === "done") {
    await Promise.all(outcome.orders.map((order) => applyReport(desk, { type: "order", order })));
  }
  return answerOf(outcome);
}

const isUnsent = (error: unknown): boolean => error instanceof BridgeError && error.fault === "terminal_offline";

function answerOf(outcome: Outcome): Answer {
  if (outcome.kind === "done") return { kind: "done" };
  const { retcode, message } = outcome;
  const fault = isUnknown(retcode) ? "terminal_silent" : "refused_by_broker";
  return { kind: "failed", fault, message, metadata: { retcode: String(retcode), retcode_name: retcodeName(retcode) } };
}

function silent(error: unknown): Answer {
  const fault = error instanceof BridgeError ? error.fault : "terminal_silent";
  const message = error instanceof BridgeError ? error.message : "the terminal's answer could not be read";
  return { kind: "failed", fault, message, metadata: {} };
}
