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
import type { Instant, Ticket } from "../../core/model/ids.ts";
import type { NumberedOrder, OrderChange, OrderRequest, Stops } from "../../core/model/order.ts";
import type { SymbolSpec } from "../../core/model/symbol.ts";
import type { Approved } from "../../core/orders/risk.ts";
import type { LinkCarrier } from "../../core/ports/link.ts";
import type { Severity } from "../../core/ports/observer.ts";
import type { AccountSnapshot, CheckResult, Outcome, TerminalPort, TerminalReport } from "../../core/ports/terminal.ts";
import { Acquaintance, type AcquaintanceParts } from "./acquaintance.ts";
import { BrokerZone } from "./broker-zone.ts";
import type { Catalog } from "./catalog.ts";
import { unanswered } from "./commands.ts";
import { type Ask, Link, type LinkParts, type Taker } from "./link.ts";
import type { LinkState } from "./link-state.ts";
import { isAnyOpen } from "./market-hours.ts";
import { type Dropped, ReportQueue } from "./report-queue.ts";
import { Shown } from "./shown.ts";
import { SnapshotParts } from "./snapshot-parts.ts";
import { Subscription } from "./subscription.ts";
import { mustBeWanted, Trading } from "./trading.ts";

/** Reports that wait for their reader, and ticks in them. */
const mostReports = 65_536;
const mostTicks = 1_000_000;
/** A snapshot's beginning is by the broker's clock, which may be misjudged by so much (ms). */
const clockDoubt = 3_600_000;

export type LiveTerminalParts = LinkParts & Omit<AcquaintanceParts, "zone" | "met" | "grown">;

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
  readonly #acquaintance: Acquaintance;
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
    this.#acquaintance = new Acquaintance({
      ...parts,
      zone: this.#zone,
      met: ({ account }) => {
        if (account.fingerprint !== undefined) this.#link.expect(account.fingerprint);
        this.#introduced.resolve();
      },
      grown: (names) => this.#grow(names),
    });
    this.#acquaintance.recall();
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

  /** A terminal was turned away, and told so, whose account is not served. */
  strayed(answer: string): void {
    this.#link.strayed(answer);
  }

  /** Has the terminal log in with the password of its own settings; undefined, or why its side cannot. */
  async logIn(): Promise<string | undefined> {
    const { status, message, lastError } = (await this.#link.logIn()).result;
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

  introduce(hello: Hello, fresh: boolean, ask: Ask): Promise<void> {
    return this.#acquaintance.introduce(hello, fresh, ask);
  }

  async catchUp(fresh: boolean, ask: Ask): Promise<void> {
    const catalog = this.#here;
    if (fresh) this.#subscription.lost();
    else await this.#acquaintance.renew(ask);
    if (!this.#subscription.isWhole) await this.#subscription.renew(catalog, ask);
  }

  report(event: Report["event"]): void {
    const { catalog } = this.#acquaintance;
    if (catalog === undefined) return; // nobody has asked yet: the records are read when somebody can
    try {
      this.#tell(event, catalog);
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
    this.#acquaintance.zoneChanged();
  }

  tended(): void {
    const { catalog } = this.#acquaintance;
    if (catalog === undefined) return;
    if (this.#link.state === "up") this.#ask(catalog);
    this.#acquaintance.remember();
    const open = isAnyOpen(catalog.symbols, this.#zone.toBroker(this.#parts.clock.now()));
    if (open === this.#marketOpen) return;
    this.#marketOpen = open;
    this.#queue.post({ type: "market", open });
  }

  stands(up: boolean, why: string): void {
    this.#acquaintance.remember();
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
        this.#acquaintance.told(event.value.symbols);
        break;
      case "gap":
        this.#fill(event.value, catalog);
        break;
    }
  }

  /** What was forgotten on the way is read where it is kept. */
  #fill({ ticks, trades }: Gap, catalog: Catalog): void {
    if (ticks) this.#subscription.lost();
    if (this.#link.state === "up") this.#ask(catalog);
    if (trades) this.#readAgain();
  }

  /** Symbols have come: they are streamed, and what the records say of them can be read. */
  #grow(names: readonly string[]): void {
    this.#queue.post({ type: "symbols" });
    const { streamed } = this.#parts;
    if (streamed.length === 0 || names.some((name) => streamed.includes(name))) this.#subscription.widen();
    const { catalog } = this.#acquaintance;
    if (catalog === undefined) return;
    if (this.#link.state === "up") this.#ask(catalog);
    const wereStrange = names.filter((name) => catalog.records.strangers.delete(catalog.names.brokers(name)));
    if (wereStrange.length > 0) this.#readAgain();
  }

  /** Asks for the ticks and the specifications that are missing. */
  #ask(catalog: Catalog): void {
    const ask: Ask = (action, part) => this.#link.ask(action, { isTrade: false, ...(part && { part }) });
    if (!this.#subscription.isWhole) {
      this.#subscription.renew(catalog, ask).catch((error: unknown) => {
        this.#note("warn", "the ticks that were lost are asked for again later", { error });
      });
    }
    this.#acquaintance.askAboutStrangers(ask).catch((error: unknown) => {
      this.#note("warn", "symbols that are not known could not be asked about", { error });
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
    const { catalog } = this.#acquaintance;
    if (catalog !== undefined) return catalog;
    throw new BridgeError("terminal_offline", this.#link.standing.why);
  }

  #note(severity: Severity, message: string, context: Readonly<Record<string, unknown>> = {}): void {
    this.#parts.observer.note(severity, "live terminal", message, { account: this.#parts.alias, ...context });
  }
}
