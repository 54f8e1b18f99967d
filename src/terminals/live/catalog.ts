/**
 * The symbols of a terminal as the core sees them, and how its records are read with them.
 *
 * The list stands for the whole life of the bridge: the core has built on it. A
 * specification that changes changes in place, so that whoever holds it sees what the
 * terminal now says; but a symbol keeps its decimals, as all its prices are counted in them.
 */

import type { Account, Symbol as Symbol_ } from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import type { AccountInfo } from "../../core/model/account.ts";
import type { AccountAlias } from "../../core/model/ids.ts";
import type { SymbolSpec } from "../../core/model/symbol.ts";
import type { Observer } from "../../core/ports/observer.ts";
import type { BrokerZone } from "./broker-zone.ts";
import type { Known } from "./known.ts";
import { Records } from "./records.ts";
import type { Traded } from "./requests.ts";
import { accountOf, flawOf, specOf } from "./specification.ts";
import { type NameRules, SymbolNames } from "./symbol-names.ts";
import { TickStream } from "./tick-stream.ts";
import { Vocabulary } from "./vocabulary.ts";

export interface CatalogParts {
  readonly alias: AccountAlias;
  readonly names: NameRules;
  readonly zone: BrokerZone;
  readonly observer: Observer;
}

export class Catalog {
  readonly account: AccountInfo;
  readonly symbols: readonly SymbolSpec[];
  readonly names: SymbolNames;
  readonly records: Records;
  readonly ticks: TickStream;
  readonly #parts: CatalogParts;
  readonly #vocabulary: Vocabulary;
  readonly #specs: ReadonlyMap<string, SymbolSpec>;

  constructor(known: Known, parts: CatalogParts) {
    const { alias, names, zone, observer } = parts;
    this.#parts = parts;
    this.#vocabulary = new Vocabulary(observer);
    const vocabulary = this.#vocabulary;
    this.account = accountOf(known.account, alias, vocabulary);
    const sound = known.symbols.filter((symbol) => this.#isSound(symbol));
    this.names = new SymbolNames(
      names,
      sound.map(({ name }) => name),
    );
    this.symbols = sound.map((symbol) => specOf(symbol, this.names.ours(symbol.name), vocabulary, zone));
    this.#specs = new Map(this.symbols.map((spec) => [spec.name, spec]));
    this.records = new Records({
      ...{ account: this.account, specs: this.#specs, names: this.names, zone, vocabulary, observer },
    });
    this.ticks = new TickStream(this.symbols, (ours) => this.names.brokers(ours), zone);
  }

  /** A symbol by our name. */
  traded(name: string): Traded | undefined {
    const spec = this.#specs.get(name);
    return spec && { spec, name: this.names.brokers(name) };
  }

  /** What the terminal says now of its symbols, and of its account where it has said that anew. */
  update(symbols: readonly Symbol_[], account?: Account): void {
    if (account !== undefined) this.#updateAccount(account);
    for (const symbol of symbols) {
      const spec = this.#specs.get(this.names.ours(symbol.name));
      if (!this.#isSound(symbol)) continue;
      if (spec === undefined)
        this.#tell("info", symbol.name, "is new, and can be traded after the bridge's next start");
      else if (spec.digits === symbol.digits)
        Object.assign(spec, specOf(symbol, spec.name, this.#vocabulary, this.#parts.zone));
      else this.#tell("error", symbol.name, `now has ${symbol.digits} decimals: start the bridge anew`);
    }
  }

  /** What all amounts are counted in stays, as does what an order means: the core has built on them. */
  #updateAccount(told: Account): void {
    const { alias, observer } = this.#parts;
    const { currency, currencyDigits, marginMode, ...terms } = accountOf(told, alias, this.#vocabulary);
    const before = this.account;
    Object.assign(this.account, terms);
    const same =
      before.currency === currency && before.currencyDigits === currencyDigits && before.marginMode === marginMode;
    if (same) return;
    const message = `the account is kept in ${currency} and ${marginMode} now: start the bridge anew`;
    observer.note("error", "live terminal", message, { account: alias });
  }

  #isSound(symbol: Symbol_): boolean {
    const flaw = flawOf(symbol);
    if (flaw !== undefined) this.#tell("warn", symbol.name, `cannot be traded here: ${flaw}`);
    return flaw === undefined;
  }

  #tell(severity: "info" | "warn" | "error", symbol: string, what: string): void {
    const { alias, observer } = this.#parts;
    observer.note(severity, "live terminal", `${symbol} ${what}`, { account: alias, symbol });
  }
}
