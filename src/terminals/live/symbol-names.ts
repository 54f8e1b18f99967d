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
  readonly #ours = new Map<string, string>();
  readonly #brokers = new Map<string, string>();

  /** `known`: the broker's names; who comes first has the first choice among names of one kind. */
  constructor(rules: NameRules, known: readonly string[] = []) {
    this.#rules = rules;
    const inTable = new Map([...rules.table].map(([ours, brokers]) => [brokers, ours]));
    const name = (brokers: string, ours: string | undefined) => {
      if (ours === undefined || this.#ours.has(brokers) || this.#brokers.has(ours)) return;
      this.#ours.set(brokers, ours);
      this.#brokers.set(ours, brokers);
    };
    for (const brokers of known) name(brokers, inTable.get(brokers));
    for (const brokers of known) name(brokers, this.#bare(brokers));
    for (const brokers of known) name(brokers, brokers);
    for (const brokers of known) name(brokers, `${MARK}${brokers}`);
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

  /** Without prefix and suffix; undefined when the name does not have both, or nothing is left. */
  #bare(brokers: string): string | undefined {
    const { prefix, suffix } = this.#rules;
    const has = brokers.startsWith(prefix) && brokers.endsWith(suffix);
    const long = brokers.length > prefix.length + suffix.length;
    return has && long ? brokers.slice(prefix.length, brokers.length - suffix.length) : undefined;
  }
}
