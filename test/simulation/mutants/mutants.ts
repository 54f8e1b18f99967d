/**
 * Bugs to be planted, one at a time: what the simulator does not find of these, it would not
 * find of ours. Each text stands exactly once in its file, or the planting fails: what has
 * drifted away is noticed.
 */
interface Edit {
  readonly file: string;
  readonly text: string;
  readonly becomes: string;
}

export interface Mutant {
  /** What is wrong with it. */
  readonly name: string;
  readonly edits: readonly Edit[];
  /** What it breaks happens in fewer than one of 10,000 seeds: it is looked for with `--all` only. */
  readonly seldom?: true;
}

const orders = "src/core/orders";
const record = "src/core/accounts/record.ts";
const control = "src/core/control/control-record.ts";

const mutant = (name: string, file: string, text: string, becomes: string): Mutant => ({
  name,
  edits: [{ file, text, becomes }],
});

export const mutants: readonly Mutant[] = [
  mutant(
    "the journal says that it has synced before it has",
    "src/store/journal-store.ts",
    "    group.began = this.#around.stopwatch();",
    "    group.began = this.#around.stopwatch();\n    group.settled.resolve();",
  ),
  mutant(
    "an order is sent before it is durable",
    `${orders}/place-order.ts`,
    `    await desk.record.write([
      { type: "received", order, content },
      { type: "advanced", number: order.number, event: next, at: now },
    ]);`,
    `    desk.record.write([
      { type: "received", order, content },
      { type: "advanced", number: order.number, event: next, at: now },
    ]).catch(() => undefined);`,
  ),
  mutant(
    "a change is sent before it is durable",
    `${orders}/change-order.ts`,
    `    await desk.record.write([{ type: "asked", key, content, change, at: desk.clock.now(), ...cause }]);`,
    `    desk.record.write([{ type: "asked", key, content, change, at: desk.clock.now(), ...cause }]).catch(() => undefined);`,
  ),
  mutant(
    "what happened is published before it is durable",
    record,
    "      await durable;\n",
    "      durable.catch(() => undefined);\n",
  ),
  mutant(
    "an answer tells of the newest state, durable or not",
    `${orders}/place-order.ts`,
    `const kept = await record.find({ by: "number", value });`,
    "const kept = record.orders.byNumber(value);",
  ),
  mutant(
    "a snapshot shows the newest states, durable or not",
    "src/core/accounts/durable.ts",
    "return this.#states.has(key) ? this.#states.get(key) : newest;",
    "return newest;",
  ),
  mutant(
    "a failed write counts as done",
    record,
    "      throw this.#fail(cause);\n    }\n    this.#unpublished -= 1;",
    "    }\n    this.#unpublished -= 1;",
  ),
  mutant(
    "keys are not looked up",
    `${orders}/order-desk.ts`,
    "  first = desk.record.contentOf(key),",
    "  first = undefined as string | undefined,",
  ),
  mutant(
    "keys are kept in memory only",
    record,
    "    journal.onFailure((why) => record.outage.begin(why));\n",
    "    journal.onFailure((why) => record.outage.begin(why));\n    record.#state.contents.clear();\n",
  ),
  mutant(
    "a key stands for any content",
    `${orders}/order-desk.ts`,
    "  if (first === content) return true;",
    "  if (first !== undefined) return true;",
  ),
  mutant(
    "the key of a change is not kept",
    "src/core/accounts/fold.ts",
    "      contents.set(event.key, event.content);\n",
    "",
  ),
  mutant(
    "an order is sent again when no answer comes",
    `${orders}/send-order.ts`,
    "    const unsent = error instanceof BridgeError",
    "    desk.terminal.submit(approved, new AbortController().signal).catch(() => undefined);\n    const unsent = error instanceof BridgeError",
  ),
  mutant(
    "silence is taken for rejection",
    `${orders}/send-order.ts`,
    "    const event: OrderEvent = unsent\n",
    "    const event: OrderEvent = true\n",
  ),
  mutant(
    "a time-out (10012) is taken for rejection",
    "src/core/model/retcodes.ts",
    `  10012: ["TIMEOUT",              "unknown"],`,
    `  10012: ["TIMEOUT",              "refused"],`,
  ),
  mutant(
    "no connection (10031) is taken for rejection",
    "src/core/model/retcodes.ts",
    `  10031: ["CONNECTION",           "unknown"],`,
    `  10031: ["CONNECTION",           "refused"],`,
  ),
  mutant(
    "absence from records that are not whole counts as evidence",
    `${orders}/reconcile.ts`,
    "isLost(desk, order) && (order.sentAt ?? order.knownAt) <= until,",
    "isLost(desk, order),",
  ),
  mutant(
    "a change that incomplete records do not show counts as never arrived",
    `${orders}/reconcile.ts`,
    "const answer = verdict(asked, isOver && asked.at <= until, order, holdings);",
    "const answer = verdict(asked, isOver, order, holdings);",
  ),
  mutant(
    "orders that were under way are not doubted after a restart",
    `${orders}/doubts.ts`,
    `    if (stage !== "received" && stage !== "sent") continue;`,
    "    if (stage !== undefined) continue;",
  ),
  mutant(
    "changes that were under way are not doubted after a restart",
    `${orders}/doubts.ts`,
    "    if (doubt !== undefined) continue;",
    "    if (key !== undefined) continue;",
  ),
  mutant(
    "records that were not whole are not read again",
    `${orders}/doubts.ts`,
    "orders.doubted.length + changes.doubted.length > 0 || !desk.recordsWhole;",
    "orders.doubted.length + changes.doubted.length > 0;",
  ),
  mutant(
    "past orders are not looked at in the records",
    `${orders}/reconcile.ts`,
    "  const { pastOrders, deals } = snapshot;",
    "  const { deals } = snapshot;\n  const pastOrders = snapshot.pastOrders.slice(0, 0);",
  ),
  mutant(
    "deals are not looked at in the records",
    `${orders}/reconcile.ts`,
    "  const { pastOrders, deals } = snapshot;",
    "  const { pastOrders } = snapshot;\n  const deals = snapshot.deals.slice(0, 0);",
  ),
  mutant(
    "positions that are gone stay",
    `${orders}/reconcile.ts`,
    '    ...gone.map((position) => applyReport(desk, { type: "position_closed", position })),\n',
    "",
  ),
  mutant(
    "the records do not win over a position that seems newer",
    `${orders}/apply-report.ts`,
    `  if (evidence !== "records" && before !== undefined && position.updateTime < before.updateTime) return true;`,
    "  if (before !== undefined && position.updateTime < before.updateTime) return false;",
  ),
  mutant(
    "a deal counts as often as it is told",
    `${orders}/apply-report.ts`,
    '  const news: AccountEvent[] = holdings.knows(deal.ticket) ? [] : [{ type: "deal", deal }];',
    '  const news: AccountEvent[] = [{ type: "deal", deal }];',
  ),
  mutant(
    "a deal that is told before its order is lost to it",
    `${orders}/apply-report.ts`,
    "...(known === undefined ? dealsOf(desk, order) : []),",
    "",
  ),
  {
    name: "an order is filled beyond its volume by what is told twice",
    edits: [
      {
        file: `${orders}/lifecycle.ts`,
        text: `  if (filled > order.volume) return { kind: "impossible", why: "filled beyond its volume" };\n`,
        becomes: "",
      },
      {
        file: `${orders}/lifecycle.ts`,
        text: "      return order.deals.includes(event.deal);",
        becomes: "      return false;",
      },
    ],
  },
  mutant(
    "an answer that comes late undoes newer reports",
    `${orders}/send-order.ts`,
    "      .filter((order) => hasEnded(order) || desk.record.orders.byTicket(order.ticket) === undefined)\n",
    "",
  ),
  mutant(
    "order numbers are used again",
    `${orders}/order-book.ts`,
    "    return (this.#count + 1) as OrderNumber;",
    "    return (this.#byKey.size + 1) as OrderNumber;",
  ),
  mutant(
    "a stop that closes our position is taken for the order that opened it",
    `${orders}/apply-report.ts`,
    "  return causeOfReason(seen.reason) === undefined ? desk.record.orders.awaiting(seen.magic) : undefined;",
    "  return desk.record.orders.awaiting(seen.magic);",
  ),
  mutant(
    "a reader that comes back is told the last fact again",
    "src/core/streams/feed.ts",
    "this.#kept.filter((fact) => fact.sequence > after.sequence);",
    "this.#kept.filter((fact) => fact.sequence >= after.sequence);",
  ),
  mutant(
    "a reader that comes back misses a fact",
    "src/core/streams/feed.ts",
    "this.#kept.filter((fact) => fact.sequence > after.sequence);",
    "this.#kept.filter((fact) => fact.sequence > after.sequence + 1);",
  ),
  mutant(
    "checksums are not checked",
    "src/store/journal-page.ts",
    "boolean => checksum(format, sequence, body) === sum;",
    "boolean => checksum(format, sequence, body) === sum || true;",
  ),
  mutant(
    "a torn end of the journal is not cut off",
    "src/store/journal-page.ts",
    "  !isSound(newest) && (",
    "  newest.sequence < 0 && (",
  ),
  mutant("the kill switch is kept in memory only", control, "    await this.#journal.append([event]).durable;\n", ""),
  mutant(
    "the kill switch of one symbol does not hold",
    `${orders}/trading-mode.ts`,
    "      ...(this.#entries.get(nameOf({ symbol })) ?? []),\n",
    "",
  ),
  mutant(
    "a change that was overtaken is denied",
    `${orders}/change-book.ts`,
    `    if (asked.seen !== "it") this.#open.set(asked.key, { ...asked, seen: it ? "it" : "another" });\n`,
    "    void it;\n",
  ),
  mutant(
    "a change that was never sent is to be tried again with its key",
    `${orders}/change-order.ts`,
    `  const lasting = fault === "terminal_offline" ? "never_arrived" : fault;`,
    "  const lasting = fault;",
  ),
  {
    ...mutant(
      "the rest of a partly filled order cannot be rejected",
      `${orders}/lifecycle.ts`,
      `  rejected: ["received", "sent", "in_doubt", "working", "partially_filled"],`,
      `  rejected: ["received", "sent", "in_doubt", "working"],`,
    ),
    seldom: true,
  },
  mutant(
    "an answer that comes late undoes newer changes",
    `${orders}/change-order.ts`,
    "    const news = outcome.orders.filter((order) => first || hasEnded(order));",
    "    const news = outcome.orders;",
  ),
  mutant(
    "racing orders are held against a sum without each other",
    `${orders}/worst-position.ts`,
    "  for (const order of orders.open) yield [order, order.volume - order.filled];",
    `  for (const order of orders.open) if (order.stage !== "sent") yield [order, order.volume - order.filled];`,
  ),
  mutant(
    "orders on their way do not count as open",
    `${orders}/risk-rules.ts`,
    "    if (strategyId === undefined || order.strategyId === strategyId) count += 1;\n  }\n  return count;\n}\n\nfunction position",
    `    if (order.stage === "sent") continue;
    if (strategyId === undefined || order.strategyId === strategyId) count += 1;\n  }\n  return count;\n}\n\nfunction position`,
  ),
  {
    ...mutant(
      "deals are counted only once their position is reported",
      "src/core/accounts/holdings.ts",
      "    yield* this.#dealt.unreported(reported);\n",
      "",
    ),
    seldom: true,
  },
  mutant(
    "risk limits are kept in memory only",
    control,
    `      await this.#write({ type: "limits_set", entry });`,
    `      this.#apply({ type: "limits_set", entry });`,
  ),
  mutant(
    "risk limits of a strategy are not looked at",
    `${orders}/risk.ts`,
    "  for (const strategyId of [undefined, request.strategyId]) {",
    "  for (const strategyId of [undefined] as const) {",
  ),
  mutant(
    "a damaged decision is passed over",
    control,
    "    if (cut === undefined) return;",
    "    if (cut !== undefined) return;",
  ),
  mutant(
    "dead-man switches forget after a restart",
    "src/core/control/dead-man.ts",
    "this.#leftAlone(arming.strategyId);\n  }\n\n  /** A stream has come",
    "void arming;\n  }\n\n  /** A stream has come",
  ),
  mutant(
    "a dead-man switch fires at once",
    "src/core/control/dead-man.ts",
    "    await clock.sleep(arming.timeout, signal);",
    "    await clock.sleep(arming.timeout / 4, signal);",
  ),
  mutant(
    "a strategy that comes back does not stop its dead-man switch",
    "src/core/control/dead-man.ts",
    "    presence.streams += 1;\n    presence.away?.abort();\n",
    "    presence.streams += 1;\n",
  ),
  mutant(
    "a dead-man switch tries once",
    "src/core/control/dead-man.ts",
    "        if (isDone) {",
    "        if (isDone || !isDone) {",
  ),
  mutant(
    "a dead-man switch that has fired is disarmed under a strategy that is back",
    "src/core/control/dead-man.ts",
    "        if (signal.aborted) return; // the strategy is back, and was told that its switch is armed\n",
    "",
  ),
  mutant(
    "what is written again after a failure undoes what was set meanwhile",
    control,
    "    this.#unsure.limits.delete(name);\n    try {\n",
    "    try {\n",
  ),
  mutant(
    "a dead-man switch leaves positions as they are",
    "src/core/control/dead-man.ts",
    `if (arming.action === "close_positions" && !signal.aborted)`,
    `if (arming.action === "close_positions" && signal.aborted)`,
  ),
  mutant(
    "a snapshot is without the last event",
    record,
    "void this.#keep(taken);",
    "void this.#keep({ ...taken, sequence: sequence + 1 });",
  ),
  mutant(
    "a snapshot leaves out the keys of changes",
    "src/core/accounts/unshelved.ts",
    `        this.#changes.push({ number: this.#answered, key, content: contents.get(key) ?? "", answer });\n`,
    "",
  ),
  mutant(
    "two snapshots are kept at a time",
    "src/core/accounts/snapshots.ts",
    "    this.#busy = true;\n    this.#tried = sequence;\n    return true;",
    "    return true;",
  ),
  {
    name: "a snapshot that has lost the names of a box is used",
    edits: [
      {
        file: "src/core/accounts/snapshots.ts",
        text: "        if (value === undefined) throw new Error(",
        becomes: "        if (value === undefined && from < 0) throw new Error(",
      },
      {
        file: "src/core/accounts/snapshots.ts",
        text: "archived.restore(boxes[kind][i++] as BoxPlace, value);",
        becomes: `archived.restore(boxes[kind][i++] as BoxPlace, value ?? { numbers: [], names: "" });`,
      },
    ],
  },
  mutant(
    "a start ends at what is damaged beside the journal",
    "src/core/accounts/recover.ts",
    "    if (!desk.record.isDamaged) throw error;\n",
    "    throw error;\n",
  ),
  mutant(
    "a key that has left memory is free again",
    record,
    "    return this.#state.contents.has(key) ? undefined : this.#past.used(key);",
    "    return undefined;",
  ),
  mutant(
    "a key that has left memory stands for any content",
    `${orders}/place-order.ts`,
    "replayed: sameContent(desk, key, content, used.content)",
    "replayed: true",
  ),
  mutant(
    "an order leaves memory with what the shelf does not have",
    "src/core/accounts/unshelved.ts",
    " || this.#orders.has(number)",
    "",
  ),
  mutant(
    "a box forgets what was in it when something is added",
    "src/core/accounts/boxes.ts",
    "new Map(await this.box(index))",
    "new Map<number, T>()",
  ),
  mutant(
    "an order that has left memory is taken for a new one when it is reported again",
    `${orders}/apply-report.ts`,
    `  return record.archived({ by: "order_ticket", value: ticket });`,
    "  return undefined;",
  ),
  mutant(
    "a netting position that turns round stays on its side",
    "src/core/accounts/dealt-volumes.ts",
    "      all: (before?.all ?? 0) + signed,",
    `      all: entry === "inout" ? signed : (before?.all ?? 0) + signed,`,
  ),
  mutant(
    "a netting account is taken for a hedging one",
    `${orders}/worst-position.ts`,
    `  const hedging = books.marginMode === "hedging";`,
    `  const hedging = books.marginMode !== "";`,
  ),
  mutant(
    "on netting accounts every market order counts as reducing",
    `${orders}/reduction.ts`,
    "  return request.volume + onItsWay(request, books, own) <= openAgainst(request, books);",
    "  return openAgainst(request, books) >= 0;",
  ),
  mutant(
    "a close that is told before its opening is forgotten",
    `${orders}/reconcile.ts`,
    "  if (isComplete) desk.record.holdings.complete();",
    "  desk.record.holdings.complete();",
  ),
];
