/**
 * A number of one of MetaTrader's enumerations for which there is no word here.
 *
 * Brokers' servers may use numbers that nobody has written down. Such a one takes the
 * place of the word, as text: it is journalled and told on like any word, and code that
 * decides by words does not compile until it says what it does with none.
 */

/** For example `#42`; of bits, the value of the bit. */
export type Unnamed = `#${number}`;

export const unnamed = (number: number): Unnamed => `#${number}`;

export const isUnnamed = (word: string | undefined): word is Unnamed => word?.startsWith("#") ?? false;

export const numberOfUnnamed = (word: Unnamed): number => Number(word.slice(1));

/** The numbers of those fields that have no word. */
export function numbersIn(fields: Readonly<Record<string, string | undefined>>): Record<string, number> {
  const numbers: Record<string, number> = {};
  for (const field in fields) {
    const word = fields[field];
    if (isUnnamed(word)) numbers[field] = numberOfUnnamed(word);
  }
  return numbers;
}

/** What the bridge itself makes: every word of it is known. */
export type Named<T> = { readonly [Field in keyof T]: Exclude<T[Field], Unnamed> };
