/** The paper account: its folder, its market, its terminal. */
import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import type { Config } from "../config.ts";
import { ControlRecord } from "../core/control/control-record.ts";
import type { SymbolSpec } from "../core/model/symbol.ts";
import type { TickHistory } from "../core/ports/history.ts";
import type { Journal } from "../core/ports/journal.ts";
import type { LedgerEvent } from "../terminals/paper/books.ts";
import { GeneratedMarket } from "../terminals/paper/generated-market.ts";
import type { Market } from "../terminals/paper/market.ts";
import { ReplayMarket } from "../terminals/paper/replay-market.ts";
import { seeded } from "../terminals/paper/seeded.ts";
import { paperSettings, paperSymbols } from "../terminals/paper/setup.ts";
import { PaperTerminal } from "../terminals/paper/terminal.ts";
import { configuredLimits, type Ground } from "./ground.ts";
import type { ServedAccounts } from "./served-accounts.ts";
import type { Side } from "./side.ts";
import { type Parts, type Plan, StandingAccount } from "./standing-account.ts";

/** The one account that is part of the bridge. */
export class PaperSide implements Side {
  readonly control: ControlRecord;
  readonly stores = [];
  readonly #plan: PaperPlan;

  static async open(ground: Ground, accounts: ServedAccounts): Promise<PaperSide> {
    const plan = new PaperPlan(ground);
    const standing = await StandingAccount.open(plan, ground);
    accounts.add(standing);
    return new PaperSide(plan, standing.account.desk.control);
  }

  private constructor(plan: PaperPlan, control: ControlRecord) {
    this.#plan = plan;
    this.control = control;
  }

  get folder(): string {
    return this.#plan.folder;
  }

  /** Somebody reads prices who is not a reader here. */
  readElsewhere(): void {
    this.#plan.readElsewhere();
  }

  async begin() {
    this.#plan.ready();
    return {};
  }

  async leave(): Promise<void> {}

  async close(): Promise<void> {}
}

class PaperPlan implements Plan {
  readonly folder: string;
  readonly space: string;
  readonly symbols: readonly SymbolSpec[];
  readonly #ground: Ground;
  readonly #ready = Promise.withResolvers<void>();
  readonly #read = Promise.withResolvers<void>();

  constructor(ground: Ground) {
    const { paper } = ground.config;
    this.#ground = ground;
    this.folder = folderOf(ground.config);
    this.space = basename(this.folder);
    this.symbols = paperSymbols(paper.symbols, paper.symbolFiles);
  }

  async terminal({ store, history, hub }: Parts): Promise<PaperTerminal> {
    const { config, clock, log, watch } = this.#ground;
    const { paper } = config;
    void hub.firstReader().then(this.#read.resolve);
    const begin = paper.start === "now" ? [this.#ready.promise] : [this.#ready.promise, this.#read.promise];
    return PaperTerminal.open({
      settings: paperSettings(paper, this.symbols),
      latencyMs: paper.latencyMs,
      market: await this.#market(history),
      ledger: store.journal("ledger") as Journal<LedgerEvent>,
      clock,
      chance: seeded(paper.seed),
      observer: log,
      stopwatch: () => watch.now(),
      start: Promise.all(begin).then(() => undefined),
    });
  }

  async control(store: Parts["store"]): Promise<ControlRecord> {
    const { config, clock, log } = this.#ground;
    const control = await ControlRecord.open(store.journal("control"), clock, log);
    control.limits.configured = configuredLimits(config, this.symbols);
    return control;
  }

  /** Prices may come. */
  ready(): void {
    this.#ready.resolve();
  }

  readElsewhere(): void {
    this.#read.resolve();
  }

  async #market(history: TickHistory): Promise<Market> {
    const { config, clock, log } = this.#ground;
    const { paper } = config;
    if (paper.replay.length > 0) {
      const zone = paper.timeZone === undefined ? {} : { timeZone: paper.timeZone };
      const { replay: files, speed, strict } = paper;
      return ReplayMarket.open({ files, speed, strict, ...zone }, this.symbols, clock, log);
    }
    const resume = (await history.latest()).filter((tick) => this.symbols.some((spec) => spec.name === tick.symbol));
    const { seed, rate, keepSessions: sessions } = paper;
    return new GeneratedMarket({ seed, rate, sessions, resume }, this.symbols, clock);
  }
}

/** Each market has an account and a history of its own: what was traded in one makes no sense in another. */
function folderOf({ dataDir, paper }: Config): string {
  const recorded = createHash("sha256").update(paper.replay.map((file) => basename(file)).join("\n"));
  const market = paper.replay.length === 0 ? "generated" : `replay-${recorded.digest("hex").slice(0, 8)}`;
  return join(dataDir, `${market}-${paper.currency.toLowerCase()}-${paper.marginMode}`);
}
