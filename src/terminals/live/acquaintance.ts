/**
 * What the bridge knows of a terminal's account and symbols: from an earlier run, from its
 * terminal's introduction, and from what that tells later. Whatever is learned is remembered
 * for the next run.
 */
import type { Hello, Symbol as Symbol_ } from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import type { AccountAlias } from "../../core/model/ids.ts";
import type { Observer } from "../../core/ports/observer.ts";
import type { BrokerZone } from "./broker-zone.ts";
import { Catalog } from "./catalog.ts";
import { unanswered } from "./commands.ts";
import { type Known, textOfKnown } from "./known.ts";
import type { Ask } from "./link.ts";
import type { NameRules } from "./symbol-names.ts";
import { readSymbols, readSymbolsNamed } from "./symbols-read.ts";

export interface AcquaintanceParts {
  readonly alias: AccountAlias;
  /** What an earlier run has learned. */
  readonly known?: Known | undefined;
  /** Takes what this one learns, for the next. */
  readonly remember: (known: Known) => void;
  readonly names: NameRules;
  /** Our names of the symbols whose ticks are streamed; none: all. */
  readonly streamed: readonly string[];
  readonly zone: BrokerZone;
  readonly observer: Observer;
  /** It is known who the terminal is. */
  readonly met: (known: Known) => void;
  /** Our names of symbols that have come. */
  readonly grown: (names: readonly string[]) => void;
}

export class Acquaintance {
  /** Undefined until the account and its symbols are known. */
  catalog: Catalog | undefined;
  readonly #parts: AcquaintanceParts;
  #learned: Known | undefined;
  /** What was last remembered. */
  #kept: Known | undefined;
  /** Symbols of records that the terminal was asked about, since it was last started. */
  readonly #asked = new Set<string>();

  constructor(parts: AcquaintanceParts) {
    this.#parts = parts;
    this.#kept = parts.known;
  }

  /** Goes by what an earlier run has learned. */
  recall(): void {
    if (this.#parts.known !== undefined) this.#meet(this.#parts.known);
  }

  async introduce({ account }: Hello, fresh: boolean, ask: Ask): Promise<void> {
    if (account === undefined || (this.#learned !== undefined && this.catalog !== undefined && !fresh)) return;
    const { names, streamed, zone } = this.#parts;
    const { symbols, unknown } = await readSymbols(ask, names, streamed);
    if (symbols.length === 0 || account.currency === "") {
      if (this.catalog !== undefined) return; // what was known holds until the broker has told the terminal
      throw unanswered("it has not been told its account and symbols by the broker yet", "");
    }
    for (const symbol of unknown) this.#note("warn", `the broker does not know the symbol ${symbol}`);
    this.#asked.clear();
    const known = { account, symbols, zone: zone.memory };
    if (this.catalog === undefined) this.#meet(known);
    else this.#grow(this.catalog.update(symbols, account));
    this.#learned = known;
    this.remember();
  }

  /** What the market watch shows by now, after the link was cut. The answer comes behind all that was told before it. */
  async renew(ask: Ask): Promise<void> {
    this.told((await readSymbolsNamed(ask, [])).symbols);
  }

  /** Specifications that have changed, and symbols that are new. */
  told(symbols: readonly Symbol_[]): void {
    if (this.catalog === undefined || this.#learned === undefined) return;
    this.#grow(this.catalog.update(symbols));
    const all = new Map([...this.#learned.symbols, ...symbols].map((symbol) => [symbol.name, symbol]));
    const served = [...all.values()].filter(({ name }) => this.catalog?.names.has(name));
    this.#learned = { ...this.#learned, symbols: served };
  }

  /** Asks about symbols that occur in records and were never told of. */
  async askAboutStrangers(ask: Ask): Promise<void> {
    const { strangers } = this.catalog?.records ?? { strangers: new Set<string>() };
    const names = [...strangers].filter((name) => !this.#asked.has(name));
    if (names.length === 0) return;
    for (const name of names) this.#asked.add(name);
    this.told((await readSymbolsNamed(ask, names)).symbols);
  }

  /** The broker's clock has been learned anew. */
  zoneChanged(): void {
    if (this.#learned !== undefined) this.#learned = { ...this.#learned, zone: this.#parts.zone.memory };
    this.remember();
  }

  /** For the next run, if there is anything new; a terminal that goes on telling is not written down at each word. */
  remember(): void {
    const { learned, kept } = { learned: this.#learned, kept: this.#kept };
    if (learned === undefined || learned === kept) return;
    this.#kept = learned;
    if (kept === undefined || textOfKnown(kept) !== textOfKnown(learned)) this.#parts.remember(learned);
  }

  #meet(known: Known): void {
    const { alias, names, zone, observer, met } = this.#parts;
    this.catalog = new Catalog(known, { alias, names, zone, observer });
    met(known);
  }

  #grow(names: readonly string[]): void {
    if (names.length === 0) return;
    this.#note("info", `${names.length === 1 ? "a symbol has" : "symbols have"} come: ${listed(names)}`);
    this.#parts.grown(names);
  }

  #note(severity: "info" | "warn", message: string): void {
    this.#parts.observer.note(severity, "live terminal", message, { account: this.#parts.alias });
  }
}

/** The first of them. */
const listed = (names: readonly string[]): string =>
  names.length <= 10 ? names.join(", ") : `${names.slice(0, 10).join(", ")} and ${names.length - 10} more`;
