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
  SubscribeSymbolsSchema,
  type Symbol as Symbol_,
  SymbolsRequestSchema,
} from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import { BridgeError } from "../../core/errors.ts";
import type { AccountInfo } from "../../core/model/account.ts";
import type { Deal } from "../../core/model/deal.ts";
import type { AccountAlias, Instant, Ticket } from "../../core/model/ids.ts";
import type { NumberedOrder, OrderChange, OrderRequest, Stops, TerminalOrder } from "../../core/model/order.ts";
import type { SymbolSpec } from "../../core/model/symbol.ts";
import type { Approved } from "../../core/orders/risk.ts";
import type { LinkCarrier } from "../../core/ports/link.ts";
import type { AccountSnapshot, CheckResult, Outcome, TerminalPort, TerminalReport } from "../../core/ports/terminal.ts";
import { BrokerZone } from "./broker-zone.ts";
import { Catalog } from "./catalog.ts";
import { type Known, textOfKnown } from "./known.ts";
import { type Ask, Link, type LinkParts, type Taker } from "./link.ts";
import type { LinkState } from "./link-state.ts";
import { isAnyOpen } from "./market-hours.ts";
import { type Dropped, ReportQueue } from "./report-queue.ts";
import { Shown } from "./shown.ts";
import { SnapshotParts } from "./snapshot-parts.ts";
import { type NameRules, SymbolNames } from "./symbol-names.ts";
import { mustBeWanted, Trading, unanswered } from "./trading.ts";

const COMPONENT = "live terminal";
/** Symbols whose ticks are streamed, at most: what one subscription holds. */
const mostStreamed = 1000;
/** How far back (ms) a stream of ticks is taken up again. */
const streamedAgain = 86_400_000;
/** Reports that wait for their reader. */
const mostReports = 65_536;
/** A snapshot's beginning is by the broker's clock, which may be misjudged by so much (ms). */
const clockDoubt = 3_600_000;

export interface LiveTerminalParts extends Omit<LinkParts, "account"> {
  readonly alias: AccountAlias;
  readonly login: bigint;
  readonly server: string;
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
  readonly #introduced = Promise.withResolvers<void>();
  #catalog: Catalog | undefined;
  #learned: Known | undefined;
  #subscribed = false;
  #marketOpen: boolean | undefined;
  #dropped = 0;

  constructor(parts: LiveTerminalParts) {
    this.#parts = parts;
    this.#zone = new BrokerZone(parts.known?.zone);
    this.#link = new Link({ ...parts, account: `account ${parts.login} at ${parts.server}` }, this);
    this.#trading = new Trading({
      ...parts,
      link: this.#link,
      shown: this.#shown,
      zone: this.#zone,
      catalog: () => this.#here,
    });
    const { clock } = parts;
    const dropped = (what: Dropped) => this.#tellDropped(what);
    this.#queue = new ReportQueue({ limit: mostReports, dropped, turn: () => clock.sleep(0) });
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
      if (result.more) return;
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
    const symbols = await this.#readSymbols(ask);
    if (this.#catalog === undefined) this.#know({ account, symbols, zone: this.#zone.memory });
    else this.#catalog.update(symbols, account);
    this.#remember({ account, symbols, zone: this.#zone.memory });
  }

  async catchUp(fresh: boolean, ask: Ask): Promise<void> {
    if (fresh || !this.#subscribed) return this.#subscribe(ask);
    const [first] = this.#here.symbols;
    const symbols = first === undefined ? [] : [this.#here.names.brokers(first.name)];
    await ask({ case: "symbols", value: create(SymbolsRequestSchema, { symbols }) });
  }

  report(event: Report["event"]): void {
    if (this.#catalog === undefined) return; // nobody has asked yet: the records are read when somebody can
    try {
      this.#tell(event, this.#catalog);
    } catch (error) {
      this.#parts.observer.note("error", COMPONENT, "a report could not be read", { event: event.case, error });
      this.#readAgain();
    }
  }

  clocks({ serverMs, serverLastMs }: Clocks): void {
    const now = this.#parts.clock.now();
    if (serverMs !== 0n) this.#zone.hear(Number(serverMs), now);
    if (serverLastMs === 0n || !this.#zone.watch(Number(serverLastMs), now)) return;
    const hours = (this.#zone.toBroker(now) - now) / 3_600_000;
    const message = `the broker's clock is UTC${hours < 0 ? "" : "+"}${hours}`;
    this.#parts.observer.note("info", COMPONENT, message, { account: this.#parts.alias });
    if (this.#learned !== undefined) this.#remember({ ...this.#learned, zone: this.#zone.memory });
  }

  tended(): void {
    if (this.#catalog === undefined) return;
    const open = isAnyOpen(this.#catalog.symbols, this.#zone.toBroker(this.#parts.clock.now()));
    if (open === this.#marketOpen) return;
    this.#marketOpen = open;
    this.#queue.post({ type: "market", open });
  }

  stands(up: boolean, why: string): void {
    this.#queue.post({ type: "link", up, why });
  }

  #tell(event: Report["event"], { records, ticks }: Catalog): void {
    const { clock } = this.#parts;
    switch (event.case) {
      case "ticks": {
        const rows = ticks.rows(event.value);
        if (rows === undefined) throw new RangeError("the columns of the ticks do not fit each other");
        if (rows.length > 0) this.#queue.post({ type: "ticks", ticks: rows, patient: false });
        break;
      }
      case "order":
        this.#tellOrder(records.order(event.value, this.#shown.position(event.value.positionId as Ticket)));
        break;
      case "deal":
        this.#tellDeal(records.deal(event.value));
        break;
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
        const valuation = records.valuation(event.value, clock.now(), symbolOf);
        this.#queue.post({ type: "valuation", valuation });
        break;
      }
      case "symbols":
        this.#catalog?.update(event.value.symbols);
        break;
      case "gap":
        this.#fill(event.value);
        break;
    }
  }

  #tellOrder(order: TerminalOrder): void {
    this.#shown.showOrder(order);
    this.#queue.post({ type: "order", order });
  }

  #tellDeal(deal: Deal): void {
    this.#shown.showDeal(deal);
    this.#queue.post({ type: "deal", deal });
  }

  /** What was forgotten on the way is read where it is kept. */
  #fill({ ticks, trades }: Gap): void {
    if (ticks) {
      this.#subscribed = false;
      if (this.#link.state === "up") {
        const failed = (error: unknown) =>
          this.#parts.observer.note("warn", COMPONENT, "missing ticks were not read again", { error });
        this.#subscribe((action, part) => this.#link.ask(action, { isTrade: false, ...(part && { part }) })).catch(
          failed,
        );
      }
    }
    if (trades) this.#readAgain();
  }

  /** Who reads the reports reads the records when the link comes up. */
  #readAgain(): void {
    const { up, why } = this.#link.standing;
    if (up) this.#queue.post({ type: "link", up, why });
  }

  #tellDropped(what: Dropped): void {
    this.#dropped++;
    if (what === "ticks" && this.#dropped % 100 !== 1) return;
    const message = `what the terminal tells is not read: ${what} were dropped`;
    this.#parts.observer.note("error", COMPONENT, message, { account: this.#parts.alias, waiting: this.#queue.length });
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

  /** What the market watch shows, and what is to be streamed besides. */
  async #readSymbols(ask: Ask): Promise<readonly Symbol_[]> {
    const { names: rules, streamed } = this.#parts;
    const symbols = new Map<string, Symbol_>();
    const read = async (names: readonly string[]) => {
      const value = create(SymbolsRequestSchema, { symbols: [...names] });
      const { result } = await ask({ case: "symbols", value }, ({ answer }) => {
        if (answer.case !== "symbols") return;
        for (const symbol of answer.value.symbols) symbols.set(symbol.name, symbol);
        for (const name of answer.value.unknown) this.#tellUnknown(name);
      });
      if (result.status !== CommandStatus.ANSWERED) throw unanswered("its symbols were not read", result.message);
    };
    await read([]);
    const names = new SymbolNames(rules, [...symbols.keys()]);
    const missing = streamed.map((ours) => names.brokers(ours)).filter((name) => !symbols.has(name));
    if (missing.length > 0) await read(missing.slice(0, mostStreamed));
    return [...symbols.values()];
  }

  /** Streams the ticks of all symbols that are wanted, from where they stopped. */
  async #subscribe(ask: Ask): Promise<void> {
    const { symbols, names, ticks } = this.#here;
    const { streamed, clock } = this.#parts;
    const meant = streamed.length === 0 ? symbols.map(({ name }) => name) : streamed;
    if (meant.length > mostStreamed) {
      const message = `only the first ${mostStreamed} of ${meant.length} symbols are streamed`;
      this.#parts.observer.note("warn", COMPONENT, message, { account: this.#parts.alias });
    }
    const brokers = meant.slice(0, mostStreamed).map((ours) => names.brokers(ours));
    const afterMs = ticks.begin(brokers, this.#zone.toBroker(clock.now()) - streamedAgain);
    const value = create(SubscribeSymbolsSchema, { symbols: brokers, afterMs });
    const { result } = await ask({ case: "subscribe", value }, ({ status, answer }) => {
      if (status === CommandStatus.ANSWERED) ticks.begun();
      if (answer.case !== "refused") return;
      for (const [i, name] of answer.value.symbols.entries()) this.#tellRefused(name, answer.value.messages[i] ?? "");
    });
    if (result.status !== CommandStatus.ANSWERED) throw unanswered("no ticks were subscribed to", result.message);
    this.#subscribed = true;
  }

  #tellRefused(symbol: string, why: string): void {
    const message = `${symbol} is not streamed: ${why}`;
    this.#parts.observer.note("warn", COMPONENT, message, { account: this.#parts.alias, symbol });
  }

  #tellUnknown(symbol: string): void {
    const message = `the broker does not know the symbol ${symbol}`;
    this.#parts.observer.note("warn", COMPONENT, message, { account: this.#parts.alias, symbol });
  }
}
