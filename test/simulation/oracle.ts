/**
 * After a run: whether every promise was kept. Returns what was not, in sentences.
 *
 * It knows what really happened: what arrived at the broker, what is in its books, what the
 * disk holds, and what strategies and readers were told.
 */

import type { AccountEvent } from "../../src/core/accounts/account-event.ts";
import { AccountRecord } from "../../src/core/accounts/record.ts";
import { toBrokerTime } from "../../src/core/model/broker-clock.ts";
import type { Deal } from "../../src/core/model/deal.ts";
import {
  type ClientOrderId,
  type Instant,
  orderNumberOf,
  type StrategyId,
  strategyIdOf,
} from "../../src/core/model/ids.ts";
import type { Order, TerminalOrder } from "../../src/core/model/order.ts";
import type { Position } from "../../src/core/model/position.ts";
import { isFinal } from "../../src/core/orders/lifecycle.ts";
import type { Journal } from "../../src/core/ports/journal.ts";
import { JournalStore } from "../../src/store/journal-store.ts";
import { Chronicle } from "./chronicle.ts";
import { brokenSwitches } from "./dead-man-check.ts";
import { sentInSpite } from "./mode-check.ts";
import { Process } from "./process.ts";
import type { Scene } from "./scene.ts";
import { overTheLink, sentOtherwise } from "./sent-check.ts";
import { brokenStream } from "./stream-check.ts";
import { nameOf, text } from "./words.ts";

export async function judge(scene: Scene): Promise<string[]> {
  const chronicle = new Chronicle(scene.disk.lines("orders"));
  const wrong = [...chronicle.wrong, ...scene.told.wrong];
  for (const { doing } of scene.strategies) if (doing !== undefined) wrong.push(`no answer, ever: ${doing}`);
  wrong.push(...sentTwice(scene, chronicle), ...sentOtherwise(scene, chronicle), ...overTheLink(scene));
  wrong.push(...scene.operator.wrong, ...sentInSpite(scene));
  if (!scene.operator.done) wrong.push("no answer, ever: a trading mode");
  wrong.push(...scene.supervisor.wrong, ...scene.limits.judge(chronicle));
  if (!scene.supervisor.done) wrong.push("no answer, ever: risk limits");
  wrong.push(...brokenSwitches(scene, chronicle));
  for (const { cause, rejection } of chronicle.all()) {
    if (cause === "risk" && rejection?.rule !== undefined) scene.counts.add(`held by ${rejection.rule}`);
  }
  wrong.push(...brokenWords(scene, chronicle), ...wrongAnswers(scene, chronicle));
  wrong.push(...(await otherThanTheBroker(scene, chronicle)), ...(await otherAfterRestart(scene, chronicle)));
  for (const reader of scene.readers) wrong.push(...brokenStream(reader, chronicle));
  return wrong;
}

/** At most one execution of each key, and none of what is not in the journal. */
function sentTwice({ site, broker, told }: Scene, chronicle: Chronicle): string[] {
  const wrong: string[] = [];
  const sent = new Map<string, number>();
  const changes = new Map<string, number>();
  const keys = new Map([...chronicle.all()].map((order) => [order.ticket, order.clientOrderId]));
  for (const command of site.passed) {
    if (command.kind === "submit") {
      const { clientOrderId } = command.order.request;
      const times = (sent.get(clientOrderId) ?? 0) + 1;
      sent.set(clientOrderId, times);
      if (times === 2) wrong.push(`${clientOrderId} was sent twice`);
      const order = chronicle.order(command.order.number);
      if (order?.clientOrderId !== clientOrderId) {
        wrong.push(`${clientOrderId} was sent as number ${command.order.number}, and the journal does not say so`);
      }
    } else {
      const target = command.kind === "modify_position" ? command.position : keys.get(command.order);
      const name = `${command.kind} ${target}`;
      changes.set(name, (changes.get(name) ?? 0) + 1);
    }
  }
  const executed = new Map<bigint, number>();
  for (const order of [...broker.books.orders.values(), ...broker.books.pastOrders.values()]) {
    if (order.reason !== "expert" || order.magic === 0n) continue;
    const times = (executed.get(order.magic) ?? 0) + 1;
    executed.set(order.magic, times);
    if (times === 2) wrong.push(`the order with magic ${order.magic} was executed twice`);
  }
  const switches = new Map<string, number>();
  for (const [key, { change }] of chronicle.changes) {
    if (!key.startsWith("deadman:") || change.kind !== "cancel") continue;
    const name = `cancel ${keys.get(change.order)}`;
    switches.set(name, (switches.get(name) ?? 0) + 1);
  }
  for (const [name, times] of changes) {
    const asked = (told.asked.get(name)?.size ?? 0) + (switches.get(name) ?? 0);
    if (times > asked) wrong.push(`${name} was sent ${times} times for ${asked} keys`);
  }
  return wrong;
}

/** What became of every change is known, and what was carried out is not denied. */
function wrongAnswers({ site }: Scene, chronicle: Chronicle): string[] {
  const wrong: string[] = [];
  const denied = new Map<string, boolean>();
  for (const [key, { change, answer }] of chronicle.changes) {
    if (answer === undefined) wrong.push(`nobody knows what became of ${key}`);
    const name = nameOf(change);
    // That the order or the position was over first does not matter any more, whether it is so or not.
    const denies = answer?.kind === "failed" && answer.fault === "never_arrived";
    denied.set(name, denied.get(name) !== false && denies);
  }
  for (const command of site.done) {
    if (command.kind === "submit") continue;
    const name = nameOf(command);
    if (denied.get(name) === true)
      wrong.push(`${name}: it was carried out, and everyone was told that it never arrived`);
  }
  return wrong;
}

/** What strategies were told is so, and stays so. */
function brokenWords({ told }: Scene, chronicle: Chronicle): string[] {
  const wrong: string[] = [];
  const ids = new Map<string, string>();
  for (const { key, order, known } of told.answers) {
    const states = chronicle.orders.get(order.number);
    const state = states?.[order.version - 1];
    if (state === undefined) {
      wrong.push(`${key}: was told to be ${order.stage} (version ${order.version}), and the journal does not know it`);
    } else if (digest(state) !== digest(order)) {
      wrong.push(`${key}: was told to be ${digest(order)}, and the journal has ${digest(state)}`);
    }
    if (order.clientOrderId !== key) wrong.push(`${key}: was told of ${order.clientOrderId}`);
    if (order.version < known) wrong.push(`${key}: version ${known} was told before, and then ${order.version}`);
    const id = ids.get(key) ?? order.id;
    ids.set(key, id);
    if (id !== order.id) wrong.push(`${key}: was told to be ${id} and to be ${order.id}`);
  }
  for (const [key, ends] of told.ends) {
    const told = new Set(ends.filter((end) => end === "done" || end === "refused_by_broker"));
    if (told.size > 1) wrong.push(`${key}: ended as ${[...told].join(" and as ")}`);
  }
  return wrong;
}

const digest = ({ stage, filled, ticket, deals }: Order): string => `${stage} ${filled} ${ticket} ${deals.join(",")}`;

/** Orders, positions, deals and the balance are those of the broker; nothing is in doubt. */
async function otherThanTheBroker({ bridge, broker: { books } }: Scene, chronicle: Chronicle): Promise<string[]> {
  const record = bridge.account?.record;
  if (record === undefined) return ["the bridge does not serve"];
  const wrong: string[] = [];
  const seen = new Map([...books.pastOrders, ...books.orders]);
  const byMagic = new Map([...seen.values()].filter(isOurs).map((order) => [order.magic, order]));
  for (const order of chronicle.all()) {
    const { number, stage, magic } = order;
    const there = order.ticket === undefined ? byMagic.get(magic) : seen.get(order.ticket);
    const name = `order ${number} (${order.clientOrderId ?? "not ours"})`;
    if (["received", "sent", "in_doubt"].includes(stage)) wrong.push(`${name} is still ${stage}`);
    else if (order.clientOrderId !== undefined && there !== byMagic.get(magic)) {
      wrong.push(`${name} is taken for the broker's ${order.ticket}, and is ${byMagic.get(magic)?.ticket}`);
    } else if (there === undefined) {
      if (stage !== "rejected") wrong.push(`${name} is ${stage}, and the broker does not know it`);
    } else wrong.push(...differences(name, order, there, books.deals));
  }
  for (const ticket of seen.keys()) {
    if (!record.knowsOrder(ticket)) wrong.push(`the broker's order ${ticket} is not known`);
  }
  wrong.push(...compare("position", record.openPositions, books.positions.values()));
  const listed = await whole(record, () => record.listDeals(...all));
  const deals = listed?.map(({ deal }) => deal) ?? books.deals;
  wrong.push(...compare("deal", deals, books.deals));
  wrong.push(...otherVolumes(record, books.positions.values()));
  const { balance } = record.holdings.valuation;
  if (balance !== books.balance) wrong.push(`the balance is ${books.balance}, and the bridge has ${balance}`);
  return wrong;
}

/** What limits count as open, by the deals, is what is open. */
function otherVolumes({ holdings }: AccountRecord, positions: Iterable<Position>): string[] {
  const volumes = new Map<string, number>();
  const add = (symbol: string, volume: number) => volumes.set(symbol, (volumes.get(symbol) ?? 0) + volume);
  for (const { symbol, volume } of holdings.exposures()) add(symbol, volume);
  for (const { symbol, side, volume } of positions) add(symbol, side === "buy" ? -volume : volume);
  return [...volumes].flatMap(([symbol, volume]) =>
    volume === 0 ? [] : [`by its deals there is ${volume} more of ${symbol} than at the broker`],
  );
}

const isOurs = ({ magic, reason }: TerminalOrder): boolean =>
  reason === "expert" && orderNumberOf(magic) !== 0 && strategyIdOf(magic) !== 0;

// biome-ignore format: a table is read by its columns
const stageOf: Readonly<Record<TerminalOrder["state"], Order["stage"] | undefined>> = {
  started: undefined, placed: "working", partial: "partially_filled",
  filled: "filled", canceled: "canceled", expired: "expired", rejected: "rejected",
};

function differences(name: string, order: Order, there: TerminalOrder, deals: readonly Deal[]): string[] {
  const wrong: string[] = [];
  // Closing by makes a deal on either position, each of the whole volume.
  const dealt = (deal: Deal) =>
    deal.order === there.ticket && (there.type !== "close_by" || deal.position === there.position);
  const filled = deals.filter(dealt).reduce((sum, { volume }) => sum + volume, 0);
  if (order.stage !== stageOf[there.state]) wrong.push(`${name} is ${order.stage}, and ${there.state} at the broker`);
  if (order.filled !== filled) wrong.push(`${name} is filled ${order.filled}, and ${filled} at the broker`);
  if (order.ticket !== there.ticket)
    wrong.push(`${name} has ticket ${order.ticket}, and ${there.ticket} at the broker`);
  if (order.magic !== there.magic) wrong.push(`${name} has the magic of another`);
  if (!isFinal(order.stage) && (order.price !== there.price || order.stopLoss !== there.stopLoss)) {
    wrong.push(`${name} is at ${order.price}, and at ${there.price} at the broker`);
  }
  return wrong;
}

function compare<T extends { readonly ticket: bigint }>(
  kind: string,
  ours: Iterable<T>,
  theirs: Iterable<T>,
): string[] {
  const wrong: string[] = [];
  const left = new Map([...theirs].map((one) => [one.ticket, one]));
  for (const one of ours) {
    const there = left.get(one.ticket);
    left.delete(one.ticket);
    if (there === undefined) wrong.push(`${kind} ${one.ticket} is not the broker's, or is there twice`);
    else if (text(one) !== text(there))
      wrong.push(`${kind} ${one.ticket} is ${text(one)}, at the broker ${text(there)}`);
  }
  for (const ticket of left.keys()) wrong.push(`the broker's ${kind} ${ticket} is not known`);
  return wrong;
}

/**
 * What another process makes of the disk is what this one has in memory: from the newest snapshot, and from every event
 * since the beginning.
 */
async function otherAfterRestart({ world, bridge, disk, counts }: Scene, chronicle: Chronicle): Promise<string[]> {
  const record = bridge.account?.record;
  if (record === undefined) return [];
  const process = new Process("another");
  const clock = world.clockOf(process);
  const around = { clock, stopwatch: () => 0, newEpoch: () => "another", observer: { note: () => undefined } };
  const store = await JournalStore.open(disk.of(process), around);
  const journal = store.journal<AccountEvent>("orders");
  const { epoch } = journal;
  const everything: Journal<AccountEvent> = {
    ...{ epoch, pages: () => journal.pages(), append: (events) => journal.append(events) },
    ...{ flushed: () => journal.flushed(), reopened: () => journal.reopened(), onFailure: () => undefined },
  };
  const before = await whole(record, () => textsOf(record, chronicle));
  const wrong: string[] = [];
  const shelved = counts.of("start from a snapshot");
  const { shelf } = journal;
  const read: Journal<AccountEvent> = {
    ...{ ...everything, pages: (after) => journal.pages(after) },
    ...(shelf && {
      shelf: { get: (names) => shelf.get(names), names: () => shelf.names(), put: async () => undefined },
    }),
  };
  for (const source of [read, everything]) {
    const again = await AccountRecord.open(source, record.holdings.valuation);
    const after = await whole(again, () => textsOf(again, chronicle));
    if (before === undefined || after === undefined) continue;
    const at = before.findIndex((line, i) => line !== after[i]);
    if (at === -1 && before.length === after.length) continue;
    const whence = source === everything ? "" : ` ${counts.of("start from a snapshot") - shelved} snapshots read`;
    wrong.push(`after a restart there is ${after[at] ?? "less or more"}, where there was ${before[at]}${whence}`);
  }
  return wrong;
}

const all = [{}, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER] as const;

/** Undefined where something on the shelf is damaged: it takes a world that goes on to make it anew. */
async function whole<T>(record: AccountRecord, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (record.failure === undefined) throw error;
    return undefined;
  }
}

/** What a key was used for and what its change came to, in memory or not. */
async function keyText(record: AccountRecord, key: ClientOrderId): Promise<string> {
  const used = await record.used(key);
  const answer = used !== undefined && "answer" in used ? used.answer : record.changes.answerOf(key);
  return `${key} is ${used?.content ?? record.contentOf(key)}: ${text(answer ?? {})}`;
}

/** All that a record knows, in words. */
async function textsOf(record: AccountRecord, chronicle: Chronicle): Promise<string[]> {
  const { holdings, changes } = record;
  const keys = [...chronicle.keys] as ClientOrderId[];
  const now = toBrokerTime(holdings.newestDeal?.time ?? (0 as Instant));
  const open = [...changes.open].map((change) => text({ ...change, change: change.change && text(change.change) }));
  return [
    ...(await record.listOrders(...all)).map(text),
    ...[...holdings.positions].map(text),
    ...(await record.listDeals(...all)).map(({ deal }) => text(deal)),
    ...holdings.dealt.map(text).sort(),
    ...[...holdings.exposures()].map(text).sort(),
    ...[undefined, 1, 2, 3].map((id) => `realised ${holdings.realised(id as StrategyId | undefined, now)}`),
    ...open.sort(),
    ...[...changes.canceling].map(([ticket, { key }]) => `${ticket} is being canceled by ${key}`).sort(),
    ...(await Promise.all(keys.map((key) => keyText(record, key)))),
  ];
}
