/**
 * The symbols of a terminal as the core sees them, and how its records are read with them.
 *
 * The list only grows: the core has built on it. A specification that changes changes in
 * place, so that whoever holds it sees what the terminal now says; but a symbol keeps its
 * decimals, as all its prices are counted in them.
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

/** No broker has as many: a terminal that goes on telling new ones does not fill the memory. */
const mostSymbols = 20_000;

export interface CatalogParts {
  readonly alias: AccountAlias;
  readonly names: NameRules;
  readonly zone: BrokerZone;
  readonly observer: Observer;
}

export class Catalog {
  readonly account: AccountInfo;
  /** One list, which grows. */
  readonly symbols: SymbolSpec[] = [];
  readonly names: SymbolNames;
  readonly records: Records;
  readonly ticks: TickStream;
  readonly #parts: CatalogParts;
  readonly #vocabulary: Vocabulary;
  readonly #specs = new Map<string, SymbolSpec>();

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
    this.records = new Records({
      ...{ account: this.account, specs: this.#specs, names: this.names, zone, vocabulary, observer },
    });
    this.ticks = new TickStream(zone);
    this.#learn(sound);
  }

  /** A symbol by our name. */
  traded(name: string): Traded | undefined {
    const spec = this.#specs.get(name);
    return spec && { spec, name: this.names.brokers(name) };
  }

  /** What the terminal says now of its symbols, and of its account where it has said that anew; our names of those that are new. */
  update(symbols: readonly Symbol_[], account?: Account): readonly string[] {
    if (account !== undefined) this.#updateAccount(account);
    const sound = symbols.filter((symbol) => this.#isSound(symbol));
    const isNew = ({ name }: Symbol_) => !this.names.has(name);
    for (const symbol of sound) if (!isNew(symbol)) this.#change(symbol);
    const fresh = new Map(sound.filter(isNew).map((symbol) => [symbol.name, symbol]));
    const room = [...fresh.values()].slice(0, Math.max(0, mostSymbols - this.symbols.length));
    if (room.length < fresh.size) {
      this.#note(
        "error",
        `only ${mostSymbols} symbols are served: ${fresh.size - room.length} that are new are left out`,
      );
    }
    for (const { name } of room) this.names.add(name);
    this.#learn(room);
    return room.map(({ name }) => this.names.ours(name));
  }

  /** Symbols whose names are known. */
  #learn(symbols: readonly Symbol_[]): void {
    const { zone } = this.#parts;
    const specs = symbols.map((symbol) => specOf(symbol, this.names.ours(symbol.name), this.#vocabulary, zone));
    for (const spec of specs) this.#specs.set(spec.name, spec);
    this.symbols.push(...specs);
    this.ticks.learn(specs, (ours) => this.names.brokers(ours));
  }

  #change(symbol: Symbol_): void {
    const spec = this.#specs.get(this.names.ours(symbol.name));
    if (spec === undefined) return;
    if (spec.digits === symbol.digits)
      Object.assign(spec, specOf(symbol, spec.name, this.#vocabulary, this.#parts.zone));
    else this.#tell("error", symbol.name, `now has ${symbol.digits} decimals: start the bridge anew`);
  }

  /** What all amounts are counted in stays, as does what an order means: the core has built on them. */
  #updateAccount(told: Account): void {
    const { alias } = this.#parts;
    const { currency, currencyDigits, marginMode, ...terms } = accountOf(told, alias, this.#vocabulary);
    const before = this.account;
    Object.assign(this.account, terms);
    const same =
      before.currency === currency && before.currencyDigits === currencyDigits && before.marginMode === marginMode;
    if (same) return;
    this.#note("error", `the account is kept in ${currency} and ${marginMode} now: start the bridge anew`);
  }

  #isSound(symbol: Symbol_): boolean {
    const flaw = flawOf(symbol);
    if (flaw !== undefined) this.#tell("warn", symbol.name, `cannot be traded here: ${flaw}`);
    return flaw === undefined;
  }

  #tell(severity: "warn" | "error", symbol: string, what: string): void {
    this.#note(severity, `${symbol} ${what}`, { symbol });
  }

  #note(severity: "warn" | "error", message: string, context: Readonly<Record<string, unknown>> = {}): void {
    const { alias, observer } = this.#parts;
    observer.note(severity, "live terminal", message, { account: alias, ...context });
  }
}
