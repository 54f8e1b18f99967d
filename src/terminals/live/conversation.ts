/**
 * What a terminal tells over its link, and what it is asked beside orders.
 *
 * Reports go on to their reader in the terminal's order; what was lost on the way is read
 * from its records, and ticks are asked for again from where they stopped.
 */
import type { Clocks, Gap, Hello, Report } from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import { BridgeError } from "../../core/errors.ts";
import type { Ticket } from "../../core/model/ids.ts";
import type { Severity } from "../../core/ports/observer.ts";
import { Acquaintance, type AcquaintanceParts } from "./acquaintance.ts";
import { BrokerZone } from "./broker-zone.ts";
import type { Catalog } from "./catalog.ts";
import { type Ask, Link, type LinkParts, type Taker } from "./link.ts";
import { isAnyOpen } from "./market-hours.ts";
import { type Dropped, ReportQueue } from "./report-queue.ts";
import { Shown } from "./shown.ts";
import { Subscription } from "./subscription.ts";

/** Reports that wait for their reader, and ticks in them. */
const mostReports = 65_536;
const mostTicks = 1_000_000;

export type ConversationParts = LinkParts & Omit<AcquaintanceParts, "zone" | "met" | "grown">;

export class Conversation implements Taker {
  readonly link: Link;
  readonly zone: BrokerZone;
  readonly queue: ReportQueue;
  readonly shown = new Shown();
  /** Resolves when the account and its symbols are known: at once, or when its terminal has told them. */
  readonly met: Promise<void>;
  readonly #parts: ConversationParts;
  readonly #acquaintance: Acquaintance;
  readonly #subscription: Subscription;
  #marketOpen: boolean | undefined;
  #dropped = 0;

  constructor(parts: ConversationParts) {
    this.#parts = parts;
    this.zone = new BrokerZone(parts.known?.zone);
    this.link = new Link(parts, this);
    const { clock, streamed } = parts;
    const tell = (message: string) => this.#note("warn", message);
    this.#subscription = new Subscription({ zone: this.zone, clock, streamed, tell });
    const dropped = (what: Dropped) => this.#tellDropped(what);
    this.queue = new ReportQueue({ limit: mostReports, ticks: mostTicks, dropped, turn: () => clock.sleep(0) });
    const met = Promise.withResolvers<void>();
    this.met = met.promise;
    this.#acquaintance = new Acquaintance({
      ...parts,
      zone: this.zone,
      met: ({ account }) => {
        if (account.fingerprint !== undefined) this.link.expect(account.fingerprint);
        met.resolve();
      },
      grown: (names) => this.#grow(names),
    });
    this.#acquaintance.recall();
    this.link.standing.say();
  }

  /** Throws while nothing is known of the terminal. */
  get catalog(): Catalog {
    const { catalog } = this.#acquaintance;
    if (catalog !== undefined) return catalog;
    throw new BridgeError("terminal_offline", this.link.standing.now.why);
  }

  introduce(hello: Hello, fresh: boolean, ask: Ask): Promise<void> {
    return this.#acquaintance.introduce(hello, fresh, ask);
  }

  async catchUp(fresh: boolean, ask: Ask): Promise<void> {
    const catalog = this.catalog;
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
    if (serverMs !== 0n) this.zone.hear(Number(serverMs), now);
    if (serverLastMs === 0n || !this.zone.watch(Number(serverLastMs), now)) return;
    const hours = (this.zone.toBroker(now) - now) / 3_600_000;
    this.#note("info", `the broker's clock is UTC${hours < 0 ? "" : "+"}${hours}`);
    this.#acquaintance.zoneChanged();
  }

  tended(): void {
    const { catalog } = this.#acquaintance;
    if (catalog === undefined) return;
    if (this.link.standing.state === "up") this.#ask(catalog);
    this.#acquaintance.remember();
    const open = isAnyOpen(catalog.symbols, this.zone.toBroker(this.#parts.clock.now()));
    if (open === this.#marketOpen) return;
    this.#marketOpen = open;
    this.queue.post({ type: "market", open });
  }

  stands(up: boolean, why: string): void {
    this.#acquaintance.remember();
    this.queue.post({ type: "link", up, why });
  }

  #tell(event: Report["event"], catalog: Catalog): void {
    const { records, ticks } = catalog;
    switch (event.case) {
      case "ticks": {
        const rows = ticks.rows(event.value);
        if (rows === undefined) throw new RangeError("the columns of the ticks do not fit each other");
        if (rows.length > 0) this.queue.post({ type: "ticks", ticks: rows, patient: false });
        break;
      }
      case "order": {
        const order = records.order(event.value, this.shown.position(event.value.positionId as Ticket));
        this.shown.showOrder(order);
        this.queue.post({ type: "order", order });
        break;
      }
      case "deal": {
        const deal = records.deal(event.value);
        this.shown.showDeal(deal);
        this.queue.post({ type: "deal", deal });
        break;
      }
      case "position": {
        const position = records.position(event.value);
        this.shown.showPosition(position);
        this.queue.post({ type: "position", position });
        break;
      }
      case "positionClosed": {
        const position = records.position(event.value);
        this.shown.showClosed(position);
        this.queue.post({ type: "position_closed", position });
        break;
      }
      case "accountState": {
        const symbolOf = (position: Ticket) => this.shown.position(position)?.symbol;
        const valuation = records.valuation(event.value, this.#parts.clock.now(), symbolOf);
        this.queue.post({ type: "valuation", valuation });
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
    if (this.link.standing.state === "up") this.#ask(catalog);
    if (trades) this.#readAgain();
  }

  /** Symbols have come: they are streamed, and what the records say of them can be read. */
  #grow(names: readonly string[]): void {
    this.queue.post({ type: "symbols" });
    const { streamed } = this.#parts;
    if (streamed.length === 0 || names.some((name) => streamed.includes(name))) this.#subscription.widen();
    const { catalog } = this.#acquaintance;
    if (catalog === undefined) return;
    if (this.link.standing.state === "up") this.#ask(catalog);
    const wereStrange = names.filter((name) => catalog.records.strangers.delete(catalog.names.brokers(name)));
    if (wereStrange.length > 0) this.#readAgain();
  }

  /** Asks for the ticks and the specifications that are missing. */
  #ask(catalog: Catalog): void {
    const ask: Ask = (action, part) => this.link.ask(action, { isTrade: false, ...(part && { part }) });
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
    const { up, why } = this.link.standing.now;
    if (up) this.queue.post({ type: "link", up, why });
  }

  #tellDropped(what: Dropped): void {
    this.#dropped++;
    if (what === "ticks" && this.#dropped % 100 !== 1) return;
    this.#note("error", `what the terminal tells is not read: ${what} were dropped`, { waiting: this.queue.length });
  }

  #note(severity: Severity, message: string, context: Readonly<Record<string, unknown>> = {}): void {
    this.#parts.observer.note(severity, "live terminal", message, { account: this.#parts.alias, ...context });
  }
}
