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
  type Clocks,
  type CommandResult,
  CommandStatus,
  type Gap,
  type Hello,
  type Report,
  SnapshotRequestSchema,
} from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import { BridgeError } from "../../core/errors.ts";
import type { AccountInfo } from "../../core/model/account.ts";
import type { AccountAlias, Instant, Ticket } from "../../core/model/ids.ts";
import type { NumberedOrder, OrderChange, OrderRequest, Stops } from "../../core/model/order.ts";
import type { SymbolSpec } from "../../core/model/symbol.ts";
import type { Approved } from "../../core/orders/risk.ts";
import type { LinkCarrier } from "../../core/ports/link.ts";
import type { Severity } from "../../core/ports/observer.ts";
import type { AccountSnapshot, CheckResult, Outcome, TerminalPort, TerminalReport } from "../../core/ports/terminal.ts";
import { BrokerZone } from "./broker-zone.ts";
import { Catalog } from "./catalog.ts";
import { unanswered } from "./commands.ts";
import { type Known, textOfKnown } from "./known.ts";
import { type Ask, Link, type LinkParts, type Taker } from "./link.ts";
import type { LinkState } from "./link-state.ts";
import { isAnyOpen } from "./market-hours.ts";
import { type Dropped, ReportQueue } from "./report-queue.ts";
import { Shown } from "./shown.ts";
import { SnapshotParts } from "./snapshot-parts.ts";
import { Subscription } from "./subscription.ts";
import type { NameRules } from "./symbol-names.ts";
import { askForNews, readSymbols } from "./symbols-read.ts";
import { mustBeWanted, Trading } from "./trading.ts";

/** Reports that wait for their reader, and ticks in them. */
const mostReports = 65_536;
const mostTicks = 1_000_000;
/** A snapshot's beginning is by the broker's clock, which may be misjudged by so much (ms). */
const clockDoubt = 3_600_000;

export interface LiveTerminalParts extends LinkParts {
  readonly alias: AccountAlias;
  /** What an earlier run has learned. */
  readonly known?: Known | undefined;
  /** Takes what this one learns, for the next. */
  readonly remember: (known: Known) => void;
  readonly names: NameRules;
  /** Our names of the symbols whose ticks are streamed; none: all. */
  readonly streamed: readonly string[];
}

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

export class LiveTerminal implements TerminalPort, Taker {
  /** Resolves when the account and its symbols are known: at once, or when its terminal has told them. */
  readonly known: Promise<void>;
  readonly #parts: LiveTerminalParts;
  readonly #link: Link;
  readonly #zone: BrokerZone;
  readonly #queue: ReportQueue;
  readonly #shown = new Shown();
  readonly #trading: Trading;
  readonly #subscription: Subscription;
  readonly #introduced = Promise.withResolvers<void>();
  #catalog: Catalog | undefined;
  #learned: Known | undefined;
  #marketOpen: boolean | undefined;
  #dropped = 0;

  constructor(parts: LiveTerminalParts) {
    this.#parts = parts;
    this.#zone = new BrokerZone(parts.known?.zone);
    this.#link = new Link(parts, this);
    this.#trading = new Trading({
      ...parts,
      link: this.#link,
      shown: this.#shown,
      zone: this.#zone,
      catalog: () => this.#here,
    });
    const { clock, streamed } = parts;
    const tell = (message: string) => this.#note("warn", message);
    this.#subscription = new Subscription({ zone: this.#zone, clock, streamed, tell });
    const dropped = (what: Dropped) => this.#tellDropped(what);
    this.#queue = new ReportQueue({ limit: mostReports, ticks: mostTicks, dropped, turn: () => clock.sleep(0) });
    this.known = this.#introduced.promise;
    if (parts.known !== undefined) this.#know(parts.known);
    this.#link.say();
  }

  get account(): AccountInfo {
    return this.#here.account;
  }

  get symbols(): readonly SymbolSpec[] {
    return this.#here.symbols;
  }

  /** The life of the bridge for this account. */
  get life(): bigint {
    return this.#link.commands.life;
  }

  get figures(): LinkFigures {
    const { state, counts, commands, far } = this.#link;
    const now = this.#parts.clock.now();
    return {
      state,
      connections: counts.welcomed,
      reports: counts.reports,
      commands: commands.given,
      expired: commands.expired,
      pending: commands.pending,
      roundTrip: far.roundTrip,
      clockOffset: this.#zone.toBroker(now) - now,
    };
  }

  /** Serves one connection, from behind its hello to its end. Never throws. */
  attach(carrier: LinkCarrier, frames: AsyncIterator<Uint8Array>, hello: Hello, signal: AbortSignal): Promise<void> {
    return this.#link.attach(carrier, frames, hello, signal);
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
    const { records } = this.#here;
    const sinceMs = since === 0 ? 0 : Math.max(0, Math.floor(this.#zone.toBroker(since) - clockDoubt));
    const value = create(SnapshotRequestSchema, { sinceMs: BigInt(sinceMs) });
    const parts = new SnapshotParts();
    let place: Promise<void> | undefined;
    const part = (result: CommandResult) => {
      parts.add(result);
      if (result.more || result.status !== CommandStatus.ANSWERED) return;
      this.#shown.showAll(parts.open(records));
      place = this.#queue.place();
    };
    const { result } = await this.#link.ask({ case: "snapshot", value }, { isTrade: false, part });
    if (result.status !== CommandStatus.ANSWERED) throw unanswered("the records were not read", result.message);
    await place;
    return parts.whole(records, asked, clock.now());
  }

  reports(signal: AbortSignal): AsyncIterable<TerminalReport> {
    return this.#queue.reports(signal);
  }

  async introduce(hello: Hello, fresh: boolean, ask: Ask): Promise<void> {
    const { account } = hello;
    if (account === undefined || (this.#learned !== undefined && this.#catalog !== undefined && !fresh)) return;
    const { symbols, unknown } = await readSymbols(ask, this.#parts.names, this.#parts.streamed);
    if (symbols.length === 0 || account.currency === "") {
      if (this.#catalog !== undefined) return; // what was known holds until the broker has told the terminal
      throw unanswered("it has not been told its account and symbols by the broker yet", "");
    }
    for (const symbol of unknown) this.#note("warn", `the broker does not know the symbol ${symbol}`);
    if (this.#catalog === undefined) this.#know({ account, symbols, zone: this.#zone.memory });
    else this.#catalog.update(symbols, account);
    this.#remember({ account, symbols, zone: this.#zone.memory });
  }

  async catchUp(fresh: boolean, ask: Ask): Promise<void> {
    const catalog = this.#here;
    const [first] = catalog.symbols;
    if (fresh) this.#subscription.lost();
    else await askForNews(ask, first && catalog.names.brokers(first.name));
    if (!this.#subscription.isWhole) await this.#subscription.renew(catalog, ask);
  }

  report(event: Report["event"]): void {
    if (this.#catalog === undefined) return; // nobody has asked yet: the records are read when somebody can
    try {
      this.#tell(event, this.#catalog);
    } catch (error) {
      this.#note("error", "a report could not be read", { event: event.case, error });
      if (event.case !== "ticks") this.#readAgain();
    }
  }

  clocks({ serverMs, serverLastMs }: Clocks): void {
    const now = this.#parts.clock.now();
    if (serverMs !== 0n) this.#zone.hear(Number(serverMs), now);
    if (serverLastMs === 0n || !this.#zone.watch(Number(serverLastMs), now)) return;
    const hours = (this.#zone.toBroker(now) - now) / 3_600_000;
    this.#note("info", `the broker's clock is UTC${hours < 0 ? "" : "+"}${hours}`);
    if (this.#learned !== undefined) this.#remember({ ...this.#learned, zone: this.#zone.memory });
  }

  tended(): void {
    if (this.#catalog === undefined) return;
    if (this.#link.state === "up" && !this.#subscription.isWhole) this.#renew(this.#catalog);
    const open = isAnyOpen(this.#catalog.symbols, this.#zone.toBroker(this.#parts.clock.now()));
    if (open === this.#marketOpen) return;
    this.#marketOpen = open;
    this.#queue.post({ type: "market", open });
  }

  stands(up: boolean, why: string): void {
    this.#queue.post({ type: "link", up, why });
  }

  #tell(event: Report["event"], catalog: Catalog): void {
    const { records, ticks } = catalog;
    switch (event.case) {
      case "ticks": {
        const rows = ticks.rows(event.value);
        if (rows === undefined) throw new RangeError("the columns of the ticks do not fit each other");
        if (rows.length > 0) this.#queue.post({ type: "ticks", ticks: rows, patient: false });
        break;
      }
      case "order": {
        const order = records.order(event.value, this.#shown.position(event.value.positionId as Ticket));
        this.#shown.showOrder(order);
        this.#queue.post({ type: "order", order });
        break;
      }
      case "deal": {
        const deal = records.deal(event.value);
        this.#shown.showDeal(deal);
        this.#queue.post({ type: "deal", deal });
        break;
      }
      case "position": {
        const position = records.position(event.value);
        this.#shown.showPosition(position);
        this.#queue.post({ type: "position", position });
        break;
      }
      case "positionClosed": {
        const position = records.position(event.value);
        this.#shown.showClosed(position);
        this.#queue.post({ type: "position_closed", position });
        break;
      }
      case "accountState": {
        const symbolOf = (position: Ticket) => this.#shown.position(position)?.symbol;
        const valuation = records.valuation(event.value, this.#parts.clock.now(), symbolOf);
        this.#queue.post({ type: "valuation", valuation });
        break;
      }
      case "symbols":
        catalog.update(event.value.symbols);
        break;
      case "gap":
        this.#fill(event.value, catalog);
        break;
    }
  }

  /** What was forgotten on the way is read where it is kept. */
  #fill({ ticks, trades }: Gap, catalog: Catalog): void {
    if (ticks) this.#subscription.lost();
    if (this.#link.state === "up" && !this.#subscription.isWhole) this.#renew(catalog);
    if (trades) this.#readAgain();
  }

  #renew(catalog: Catalog): void {
    const ask: Ask = (action, part) => this.#link.ask(action, { isTrade: false, ...(part && { part }) });
    this.#subscription.renew(catalog, ask).catch((error: unknown) => {
      this.#note("warn", "the ticks that were lost are asked for again later", { error });
    });
  }

  /** Who reads the reports reads the records when the link comes up. */
  #readAgain(): void {
    const { up, why } = this.#link.standing;
    if (up) this.#queue.post({ type: "link", up, why });
  }

  #tellDropped(what: Dropped): void {
    this.#dropped++;
    if (what === "ticks" && this.#dropped % 100 !== 1) return;
    this.#note("error", `what the terminal tells is not read: ${what} were dropped`, { waiting: this.#queue.length });
  }

  get #here(): Catalog {
    if (this.#catalog !== undefined) return this.#catalog;
    throw new BridgeError("terminal_offline", this.#link.standing.why);
  }

  #know(known: Known): void {
    const { alias, names, observer } = this.#parts;
    this.#catalog = new Catalog(known, { alias, names, zone: this.#zone, observer });
    if (known.account.fingerprint !== undefined) this.#link.expect(known.account.fingerprint);
    this.#introduced.resolve();
  }

  #remember(known: Known): void {
    const before = this.#learned ?? this.#parts.known;
    this.#learned = known;
    if (before === undefined || textOfKnown(before) !== textOfKnown(known)) this.#parts.remember(known);
  }

  #note(severity: Severity, message: string, context: Readonly<Record<string, unknown>> = {}): void {
    this.#parts.observer.note(severity, "live terminal", message, { account: this.#parts.alias, ...context });
  }
}
