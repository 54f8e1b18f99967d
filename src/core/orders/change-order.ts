/**
 * Changing what is in the market: an order's prices, its cancellation, a position's stops.
 *
 * A change has a key of its own. It is reserved, on disk, before the change leaves, and
 * the answer is kept under it: the same key is answered with the same words for ever,
 * and never acts twice. Silence is doubt here, too: what became of the change is found
 * out from the terminal's records, and then is the answer.
 */
import { BridgeError } from "../errors.ts";
import type { ClientOrderId, Ticket } from "../model/ids.ts";
import type { Order, Stops } from "../model/order.ts";
import type { Position } from "../model/position.ts";
import { isUnknown, retcodeName } from "../model/retcodes.ts";
import type { Outcome } from "../ports/terminal.ts";
import { errorWord, witnessed } from "../ports/witness.ts";
import { applyReport } from "./apply-report.ts";
import type { Answer, Change } from "./change-book.ts";
import { settleDoubts } from "./doubts.ts";
import type { ChangeDraft, StopsDraft } from "./draft.ts";
import { isFinal } from "./lifecycle.ts";
import type { OrderName } from "./order-book.ts";
import { type Caller, contentOf, type OrderDesk, sameContent } from "./order-desk.ts";
import { tellOutcome } from "./order-trace.ts";
import { allowChange, apart } from "./risk.ts";
import { hasEnded } from "./shown-order.ts";
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
  const seen = await desk.record.newest(name);
  const replayed = await ask(desk, key, content, caller, () => {
    const { order, ticket } = workingOrder(desk, name, seen);
    return { kind: "modify", order: ticket, to: validateChange(draft, order, desk.symbol(order.symbol)) };
  });
  return { order: await shownOrder(desk, name), replayed };
}

export async function cancelOrder(
  desk: OrderDesk,
  key: ClientOrderId,
  name: OrderName,
  caller: Caller,
): Promise<Changed> {
  const content = contentOf("cancel", name);
  const seen = await desk.record.newest(name);
  const replayed = await ask(desk, key, content, caller, () => ({
    ...{ kind: "cancel", order: workingOrder(desk, name, seen).ticket },
  }));
  return { order: await shownOrder(desk, name), replayed };
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
    return { kind: "stops", position: ticket, to: validateStops(draft, position, desk.symbol(position.symbol)) };
  });
  return { position: desk.record.durablePosition(ticket), replayed };
}

export const findOrder = async (desk: OrderDesk, name: OrderName): Promise<Order> =>
  known(name, await desk.record.newest(name));

/** The order as a reader may see it. */
export const shownOrder = async (desk: OrderDesk, name: OrderName): Promise<Order> =>
  known(name, await desk.record.find(name));

function known(name: OrderName, order: Order | undefined): Order {
  if (order !== undefined) return order;
  throw new BridgeError("unknown_order", `order.${name.by}: no order is called ${JSON.stringify(String(name.value))}`, {
    violations: [
      { field: `order.${name.by}`, description: "must name an order of the account; ListOrders names them" },
    ],
  });
}

/** As it is now, or was `seen` before it left memory. */
function workingOrder(desk: OrderDesk, name: OrderName, seen: Order | undefined): { order: Order; ticket: Ticket } {
  const order = known(name, desk.record.orders.find(name) ?? seen);
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

/** Asks the terminal once per key; true when the key had been used before. Throws what the terminal refused with. */
async function ask(
  desk: OrderDesk,
  key: ClientOrderId,
  content: string,
  caller: Caller,
  prepare: () => Change,
): Promise<boolean> {
  if (!sameContent(desk, key, content)) await desk.record.settled();
  const used = await desk.record.used(key);
  if (used !== undefined) {
    sameContent(desk, key, content, used.content);
    if ("answer" in used) obey(used.answer);
    return true;
  }
  const replayed = sameContent(desk, key, content); // in the turn in which the key is reserved
  if (!replayed) {
    if (!desk.linkUp) throw apart(desk.linkMessage);
    const { witness } = desk;
    const change = witnessed(witness, caller.span, "change.validate", prepare);
    allowChange(change, desk.standing);
    const start = witness.now();
    const cause = caller.cause === undefined ? {} : { cause: caller.cause };
    await desk.record.write([{ type: "asked", key, content, change, at: desk.clock.now(), ...cause }]);
    witness.span({ name: "change.journal", parent: caller.span, start, end: witness.now() });
    void carryOut(desk, key, change, caller);
  }
  const doubt = () => desk.record.changes.byKey(key)?.doubt;
  await desk.until(key, () => desk.record.changes.answerOf(key) !== undefined || doubt() !== undefined, caller);
  const answer = await durableAnswer(desk, key);
  if (answer === undefined) {
    const why = doubt() ?? "the terminal has not answered yet";
    throw new BridgeError("terminal_silent", `${why}; ask again with the same client_order_id`);
  }
  obey(answer);
  return replayed;
}

function obey(answer: Answer): void {
  if (answer.kind === "failed") throw new BridgeError(answer.fault, answer.message, { metadata: answer.metadata });
}

/** As it stands now, once it is on disk: one that comes while the disk is waited for may never get there. */
async function durableAnswer(desk: OrderDesk, key: ClientOrderId): Promise<Answer | undefined> {
  const answer = desk.record.changes.answerOf(key);
  try {
    await desk.record.settled();
  } catch (cause) {
    const message = "the change may have been made, but the journal cannot be written; look at the order at the broker";
    throw new BridgeError("terminal_silent", message, { cause });
  }
  return answer;
}

/** Never throws: the answer, or the doubt, is in the journal. */
async function carryOut(desk: OrderDesk, key: ClientOrderId, change: Change, caller: Caller): Promise<void> {
  try {
    allowChange(change, desk.standing); // what was forbidden while the journal was writing does not leave
  } catch (error) {
    if (!(error instanceof BridgeError)) throw error;
    return tell(desk, key, caller, () => unsent(desk, key, error));
  }
  const { witness } = desk;
  const asked = { name: "change.terminal", parent: caller.span, start: witness.now() };
  const send = async (signal: AbortSignal) => {
    desk.changing.add(key);
    try {
      return await sendChange(desk, change, signal);
    } finally {
      desk.changing.delete(key);
    }
  };
  const before = stateOf(desk, change);
  const take = (outcome: Outcome) =>
    tell(desk, key, caller, () => conclude(desk, key, change, outcome, stateOf(desk, change) === before));
  try {
    const outcome = await desk.command(send, (late) => void take(late));
    tellOutcome(witness, asked, outcome);
    await take(outcome);
  } catch (error) {
    witness.span({ ...asked, end: witness.now(), outgoing: true, error: errorWord(error) });
    await tell(desk, key, caller, () => (isUnsent(error) ? unsent(desk, key, error) : doubt(desk, key, whyNot(error))));
  }
}

function sendChange(desk: OrderDesk, change: Change, signal: AbortSignal): Promise<Outcome> {
  switch (change.kind) {
    case "cancel":
      return desk.terminal.cancel(change.order, signal);
    case "modify":
      return desk.terminal.modify(change.order, change.to, signal);
    case "stops":
      return desk.terminal.modifyPosition(change.position, change.to, signal);
  }
}

/** Journals what has become of a change. Never throws. */
async function tell(desk: OrderDesk, key: ClientOrderId, caller: Caller, write: () => Promise<void>): Promise<void> {
  const context = { client_order_id: key, trace_id: caller.traceId };
  try {
    await write();
  } catch (error) {
    desk.observer.note("error", "orders", "an answer could not be journalled", { ...context, error });
    return;
  }
  const why = desk.record.changes.byKey(key)?.doubt;
  if (why === undefined) return;
  desk.observer.note("error", "orders", "change in doubt", { ...context, why });
  await settleDoubts(desk);
}

/** What is known of the thing that is to be changed: another object whenever that has changed. */
const stateOf = (desk: OrderDesk, change: Change): Order | Position | undefined =>
  change.kind === "stops" ? desk.record.holdings.position(change.position) : desk.record.orders.byTicket(change.order);

/**
 * What the answer names is in the record before the answer itself is. Unless it came `first`, reports have told of it
 * since it was asked for, and it may be out of date: then it tells no more than how an order ended.
 */
async function conclude(
  desk: OrderDesk,
  key: ClientOrderId,
  change: Change,
  outcome: Outcome,
  first: boolean,
): Promise<void> {
  if (outcome.kind === "refused" && isUnknown(outcome.retcode)) {
    return doubt(desk, key, `the terminal answered ${retcodeName(outcome.retcode)} (${outcome.retcode})`);
  }
  if (outcome.kind === "done") {
    const news = outcome.orders.filter((order) => first || hasEnded(order));
    await Promise.all(news.map((order) => applyReport(desk, { type: "order", order }, "answer")));
    const position = change.kind === "stops" ? desk.record.holdings.position(change.position) : undefined;
    if (change.kind === "stops" && position !== undefined && first) {
      await applyReport(desk, { type: "position", position: withStops(position, change.to) }, "answer");
    }
  }
  if (desk.record.changes.byKey(key) === undefined) return; // the records were quicker than a late answer
  await desk.record.write([{ type: "answered", key, answer: answerOf(outcome) }]);
}

async function doubt(desk: OrderDesk, key: ClientOrderId, why: string): Promise<void> {
  await desk.record.write([{ type: "doubted", key, why }]);
}

/** The key has been used up: where the link was down, only another one can bring the change to the terminal. */
async function unsent(desk: OrderDesk, key: ClientOrderId, { fault, message, metadata }: BridgeError): Promise<void> {
  const lasting = fault === "terminal_offline" ? "never_arrived" : fault;
  await desk.record.write([{ type: "answered", key, answer: { kind: "failed", fault: lasting, message, metadata } }]);
}

const isUnsent = (error: unknown): error is BridgeError =>
  error instanceof BridgeError && error.fault === "terminal_offline";

/** Why there is no answer, for people. */
export const whyNot = (error: unknown): string =>
  error instanceof BridgeError ? error.message : "the terminal's answer could not be read";

function answerOf(outcome: Outcome): Answer {
  if (outcome.kind === "done") return { kind: "done" };
  const { retcode, message } = outcome;
  const metadata = { retcode: String(retcode), retcode_name: retcodeName(retcode) };
  return { kind: "failed", fault: "refused_by_broker", message, metadata };
}
