/**
 * Whether a stream has told everything, in order, once; and whether what it showed at its
 * beginning was so at that moment.
 */
import type { Order } from "../../src/core/model/order.ts";
import { isFinal } from "../../src/core/orders/lifecycle.ts";
import { type Chronicle, factOf, type Told } from "./chronicle.ts";
import type { Entry, Reader } from "./reader.ts";

export function brokenStream({ kind, log }: Reader, chronicle: Chronicle): string[] {
  const wrong: string[] = [];
  const news: readonly Told<string>[] =
    kind === "orders"
      ? chronicle.orderNews.map(({ sequence, what }) => ({ sequence, what: named(what) }))
      : chronicle.facts;
  /** Everything up to here has been told. */
  let at: number | undefined;
  /** The place in `news` of what is next. */
  let next = 0;
  const jump = (sequence: number) => {
    at = sequence;
    while (next < news.length && (news[next]?.sequence ?? 0) <= sequence) next += 1;
  };
  let shown: Order[] = [];
  for (const entry of log) {
    switch (entry.type) {
      case "opened":
        shown = [];
        if (entry.after === undefined) at = undefined;
        break;
      case "reset":
        wrong.push(`the ${kind} stream was reset: nothing was forgotten`);
        at = undefined;
        break;
      case "snapshot":
        shown.push(...entry.orders);
        break;
      case "snapshot_end":
        if (kind === "orders") wrong.push(...otherThanThen(shown, chronicle, entry.cursor.sequence));
        jump(entry.cursor.sequence);
        break;
      case "order":
      case "fact": {
        const said = `${entry.cursor.sequence} ${wordsOf(entry)}`;
        const due = news[next];
        if (at === undefined) wrong.push(`the ${kind} stream says ${said} before its beginning`);
        else if (`${due?.sequence} ${due?.what}` !== said) {
          wrong.push(`the ${kind} stream says ${said}, where ${due?.sequence} ${due?.what} was due`);
          return wrong;
        }
        jump(entry.cursor.sequence);
        break;
      }
      case "heartbeat":
      case "closing": {
        const due = news[next];
        if (at !== undefined && due !== undefined && due.sequence <= entry.cursor.sequence) {
          wrong.push(`the ${kind} stream is at ${entry.cursor.sequence} and has not told ${due.sequence} ${due.what}`);
          return wrong;
        }
      }
    }
  }
  if (next < news.length) wrong.push(`the ${kind} stream ends before ${news[next]?.sequence} ${news[next]?.what}`);
  return wrong;
}

const named = (order: Order): string => `${order.number} ${order.version} ${order.stage} ${order.filled}`;

function wordsOf(entry: Extract<Entry, { type: "order" | "fact" }>): string {
  if (entry.type === "order") return named(entry.order);
  const { fact } = entry;
  if (fact.type === "balance") return `balance ${fact.deal.ticket}`;
  return factOf(fact.change, fact.position.ticket, fact.position.volume);
}

/** The snapshot is what was open after so many events. */
function otherThanThen(shown: readonly Order[], chronicle: Chronicle, sequence: number): string[] {
  const then = new Map<number, string>();
  for (const { sequence: at, what } of chronicle.orderNews) {
    if (at > sequence) break;
    if (isFinal(what.stage)) then.delete(what.number);
    else then.set(what.number, named(what));
  }
  const now = new Map(shown.map((order) => [order.number as number, named(order)]));
  const wrong: string[] = [];
  for (const [number, what] of then) {
    if (now.get(number) !== what) wrong.push(`a snapshot at ${sequence} shows ${now.get(number)} for ${what}`);
  }
  for (const number of now.keys()) if (!then.has(number)) wrong.push(`a snapshot at ${sequence} shows order ${number}`);
  return wrong;
}
