/**
 * A live terminal: one account, whose terminal dials in and may be gone at any time.
 *
 * Always true:
 *   - What is asked while the link is not up is refused at once; nothing was sent.
 *   - What was sent is doubtful until it is answered. A cut cable does not end it: it is
 *     sent again, under its own number, to the inbox that may have it already.
 *   - Every command names the account it is meant for. While another one is logged in
 *     nothing is asked, and nothing that is told is believed.
 *   - What the terminal tells goes on in its order; what was lost on the way is read from
 *     its records.
 */
import { create } from "@bufbuild/protobuf";
import {
  type CommandResult,
  CommandStatus,
  type Hello,
  SnapshotRequestSchema,
} from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import type { AccountInfo } from "../../core/model/account.ts";
import type { Bar } from "../../core/model/bar.ts";
import type { BrokerTime, Instant, Ticket } from "../../core/model/ids.ts";
import type { NumberedOrder, OrderChange, OrderRequest, Stops } from "../../core/model/order.ts";
import type { SymbolSpec } from "../../core/model/symbol.ts";
import type { Approved } from "../../core/orders/risk.ts";
import type { LinkCarrier } from "../../core/ports/link.ts";
import type {
  AccountSnapshot,
  BarsAsked,
  CheckResult,
  Outcome,
  TerminalPort,
  TerminalReport,
} from "../../core/ports/terminal.ts";
import { unanswered } from "./commands.ts";
import { Conversation, type ConversationParts } from "./conversation.ts";
import type { Ask } from "./link.ts";
import type { LinkState } from "./link-state.ts";
import { pastBars } from "./past-bars.ts";
import { SnapshotParts } from "./snapshot-parts.ts";
import { mustBeWanted, Trading } from "./trading.ts";

/** A snapshot's beginning is by the broker's clock, which may be misjudged by so much (ms). */
const clockDoubt = 3_600_000;

/** Figures of the link, for who watches over it. */
export interface LinkFigures {
  readonly state: LinkState;
  readonly connections: number;
  readonly reports: number;
  readonly commands: number;
  readonly expired: number;
  readonly pending: number;
  /** Of the quickest ping lately, ms. */
  readonly roundTrip: number | undefined;
  /** How far the broker's clock is ahead of UTC, ms. */
  readonly clockOffset: number;
}

export class LiveTerminal implements TerminalPort {
  readonly #parts: ConversationParts;
  readonly #conversation: Conversation;
  readonly #trading: Trading;

  constructor(parts: ConversationParts) {
    this.#parts = parts;
    const conversation = new Conversation(parts);
    const { link, shown, zone } = conversation;
    this.#conversation = conversation;
    this.#trading = new Trading({ ...parts, link, shown, zone, catalog: () => conversation.catalog });
  }

  /** Resolves when the account and its symbols are known: at once, or when its terminal has told them. */
  get known(): Promise<void> {
    return this.#conversation.met;
  }

  get account(): AccountInfo {
    return this.#conversation.catalog.account;
  }

  get symbols(): readonly SymbolSpec[] {
    return this.#conversation.catalog.symbols;
  }

  brokerTime(at: Instant): BrokerTime {
    return this.#conversation.zone.toBroker(at);
  }

  /** The life of the bridge for this account. */
  get life(): bigint {
    return this.#conversation.link.commands.life;
  }

  get figures(): LinkFigures {
    const { link, zone } = this.#conversation;
    const { standing, counts, commands, far } = link;
    const now = this.#parts.clock.now();
    return {
      state: standing.state,
      connections: counts.welcomed,
      reports: counts.reports,
      commands: commands.given,
      expired: commands.expired,
      pending: commands.pending,
      roundTrip: far.roundTrip,
      clockOffset: zone.toBroker(now) - now,
    };
  }

  /** Serves one connection, from behind its hello to its end. Never throws. */
  attach(carrier: LinkCarrier, frames: AsyncIterator<Uint8Array>, hello: Hello, signal: AbortSignal): Promise<void> {
    return this.#conversation.link.attach(carrier, frames, hello, signal);
  }

  /** A terminal was turned away, and told so, whose account is not served. */
  strayed(answer: string): void {
    this.#conversation.link.standing.strayed(answer);
  }

  /** Has the terminal log in with the password of its own settings; undefined, or why its side cannot. */
  async logIn(): Promise<string | undefined> {
    const { status, message, lastError } = (await this.#conversation.link.logIn()).result;
    if (status === CommandStatus.ANSWERED) return undefined;
    if (status === CommandStatus.UNSUPPORTED) return message;
    throw unanswered("the terminal could not log in", lastError === 0 ? message : `${message} (error ${lastError})`);
  }

  submit(order: Approved<NumberedOrder>, signal: AbortSignal): Promise<Outcome> {
    return this.#trading.submit(order, signal);
  }

  modify(order: Ticket, change: OrderChange, signal: AbortSignal): Promise<Outcome> {
    return this.#trading.modify(order, change, signal);
  }

  cancel(order: Ticket, signal: AbortSignal): Promise<Outcome> {
    return this.#trading.cancel(order, signal);
  }

  modifyPosition(position: Ticket, stops: Stops, signal: AbortSignal): Promise<Outcome> {
    return this.#trading.modifyPosition(position, stops, signal);
  }

  check(order: OrderRequest, signal: AbortSignal): Promise<CheckResult> {
    return this.#trading.check(order, signal);
  }

  /** As of its place among the reports: those before it have been read, those behind it come later. */
  async snapshot(since: Instant, signal: AbortSignal): Promise<AccountSnapshot> {
    mustBeWanted(signal);
    const { clock } = this.#parts;
    const asked = clock.now();
    const { link, zone, shown, queue, catalog } = this.#conversation;
    const { records } = catalog;
    const sinceMs = since === 0 ? 0 : Math.max(0, Math.floor(zone.toBroker(since) - clockDoubt));
    const value = create(SnapshotRequestSchema, { sinceMs: BigInt(sinceMs) });
    const parts = new SnapshotParts();
    let place: Promise<void> | undefined;
    const part = (result: CommandResult) => {
      parts.add(result);
      if (result.more || result.status !== CommandStatus.ANSWERED) return;
      shown.showAll(parts.open(records));
      place = queue.place();
    };
    const { result } = await link.ask({ case: "snapshot", value }, { isTrade: false, part });
    if (result.status !== CommandStatus.ANSWERED) throw unanswered("the records were not read", result.message);
    await place;
    return parts.whole(records, asked, clock.now());
  }

  async pastBars(asked: BarsAsked, signal: AbortSignal): Promise<readonly Bar[]> {
    mustBeWanted(signal);
    const { link, zone, catalog } = this.#conversation;
    const traded = catalog.traded(asked.symbol);
    if (traded === undefined) return [];
    const ask: Ask = (action, part) => link.ask(action, { isTrade: false, ...(part && { part }) });
    return pastBars(asked, traded, zone, this.#parts.clock.now(), ask);
  }

  reports(signal: AbortSignal): AsyncIterable<TerminalReport> {
    return this.#conversation.queue.reports(signal);
  }
}
