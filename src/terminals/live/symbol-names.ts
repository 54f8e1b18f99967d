/**
 * What a symbol is called here, and what at the broker.
 *
 * A broker adds something of its own to the names: EURUSD.m, mEURUSD, GOLD for XAUUSD. A
 * table and a prefix and suffix take that off and put it on again. Whatever they say, no two
 * of the broker's symbols share a name here, and each name leads back to its symbol.
 */

export interface NameRules {
  readonly prefix: string;
  readonly suffix: string;
  /** The broker's names by ours. */
  readonly table: ReadonlyMap<string, string>;
}

/** In front of a broker's name whose own place was taken by another symbol. */
const MARK = "=";

export class SymbolNames {
  readonly #rules: NameRules;
  /** Our names by the broker's. */
  readonly #inTable: ReadonlyMap<string, string>;
  readonly #ours = new Map<string, string>();
  readonly #brokers = new Map<string, string>();

  /** `known`: the broker's names; who comes first has the first choice among names of one kind. */
  constructor(rules: NameRules, known: readonly string[] = []) {
    this.#rules = rules;
    this.#inTable = new Map([...rules.table].map(([ours, brokers]) => [brokers, ours]));
    const wishes = known.map((brokers) => this.#wished(brokers));
    for (const kind of [0, 1, 2, 3]) for (const [i, brokers] of known.entries()) this.#name(brokers, wishes[i]?.[kind]);
  }

  /** A symbol that comes later gets the best name that is left. */
  add(brokers: string): void {
    for (const ours of this.#wished(brokers)) this.#name(brokers, ours);
  }

  /** Whether a symbol of the broker has its name here. */
  has(brokers: string): boolean {
    return this.#ours.has(brokers);
  }

  /** Our name of a symbol of the broker. */
  ours(brokers: string): string {
    const known = this.#ours.get(brokers);
    if (known !== undefined) return known;
    const ours = this.#bare(brokers) ?? brokers;
    return this.#brokers.has(ours) || this.#rules.table.has(ours) ? `${MARK}${brokers}` : ours;
  }

  /** The broker's name of a symbol of ours. */
  brokers(ours: string): string {
    const { prefix, suffix, table } = this.#rules;
    const marked = ours.startsWith(MARK) ? ours.slice(MARK.length) : undefined;
    return this.#brokers.get(ours) ?? table.get(ours) ?? marked ?? `${prefix}${ours}${suffix}`;
  }

  /** The best name first. */
  #wished(brokers: string): readonly (string | undefined)[] {
    return [this.#inTable.get(brokers), this.#bare(brokers), brokers, `${MARK}${brokers}`];
  }

  #name(brokers: string, ours: string | undefined): void {
    if (ours === undefined || this.#ours.has(brokers) || this.#brokers.has(ours)) return;
    this.#ours.set(brokers, ours);
    this.#brokers.set(ours, brokers);
  }

  /** Without prefix and suffix; undefined when the name does not have both, or nothing is left. */
  #bare(brokers: string): string | undefined {
    const { prefix, suffix } = this.#rules;
    const has = brokers.startsWith(prefix) && brokers.endsWith(suffix);
    const long = brokers.length > prefix.length + suffix.length;
    return has && long ? brokers.slice(prefix.length, brokers.length - suffix.length) : undefined;
  }
}
