/** What has come in a case and was not taken yet, what must not come, and what names stand for. */
import { fits, type Json } from "./match.ts";
import { filled } from "./script.ts";

export interface Came {
  readonly word: string;
  readonly json: Json;
  taken: boolean;
}

const patience = 15_000;
/** How long a case goes on for the sake of what must not come. */
const settling = 150;
/** Words of which there are so many that they say nothing about what went wrong. */
const noise = new Set(["ticks", "ping"]);

export class Talk {
  /** The first thing that went wrong. */
  complaint: string | undefined;
  /** Why nothing more can come: true while something can. */
  isOpen: () => boolean = () => true;
  readonly #values: (name: string) => string | undefined;
  readonly #known = new Map<string, string>();
  readonly #nevers: { readonly text: string; readonly word: string; readonly json: Json }[] = [];
  #came: Came[] = [];
  #change = Promise.withResolvers<void>();

  /** `values`: of names that change with time. */
  constructor(lets: ReadonlyMap<string, string>, values: (name: string) => string | undefined) {
    for (const [name, value] of lets) this.#known.set(name, value);
    this.#values = values;
  }

  set(name: string, value: string): void {
    this.#known.set(name, value);
  }

  fill(text: string): string {
    return filled(text, (name) => this.#values(name) ?? this.#known.get(name));
  }

  complain(what: string): void {
    this.complaint ??= what;
    this.changed();
  }

  /** What came before and was not taken is forgotten. */
  clear(): void {
    this.#came = [];
  }

  came(word: string, json: Json): void {
    this.#came.push({ word, json, taken: false });
    const wrong = this.#nevers.find((never) => never.word === word && fits(never.json, json, () => undefined));
    if (wrong !== undefined) this.complain(`this came, and must not: ${wrong.text}`);
    this.changed();
  }

  never(text: string): void {
    this.#nevers.push({ text, ...this.#pattern(text) });
  }

  async expect(text: string): Promise<void> {
    const { word, json } = this.#pattern(text);
    const remember = (name: string, value: string) => this.set(name, value);
    const find = () => this.#came.find((each) => !each.taken && each.word === word && fits(json, each.json, remember));
    let found = find();
    await this.until(() => {
      found ??= find();
      return found !== undefined || !this.isOpen() || this.complaint !== undefined;
    }, text);
    if (found === undefined) {
      throw new Error(`${this.complaint ?? "the connection has ended"} before ${text}\n${this.#seen()}`);
    }
    found.taken = true;
  }

  /** Whether one came that was not taken. */
  has(word: string): boolean {
    return this.#came.some((each) => !each.taken && each.word === word);
  }

  async until(done: () => boolean, what: string): Promise<void> {
    const end = Date.now() + patience;
    while (!done()) {
      const left = end - Date.now();
      if (left <= 0) throw new Error(`waited ${patience / 1000} s for: ${what}\n${this.#seen()}`);
      this.#change = Promise.withResolvers();
      await Promise.race([this.#change.promise, pause(Math.min(left, 250))]);
    }
  }

  /** To the end of the case. */
  async settle(): Promise<void> {
    if (this.#nevers.length > 0) await pause(settling);
    if (this.complaint !== undefined) throw new Error(this.complaint);
  }

  changed(): void {
    this.#change.resolve();
  }

  #pattern(text: string): { readonly word: string; readonly json: Json } {
    const [, word = "", rest = ""] = /^(\S+)\s*(.*)$/.exec(text) ?? [];
    return { word, json: JSON.parse(rest === "" ? "{}" : this.fill(rest)) as Json };
  }

  #seen(): string {
    const left = this.#came.filter(({ taken, word }) => !taken && !noise.has(word));
    return left
      .slice(-12)
      .map(({ word, json }) => `      came: ${word} ${JSON.stringify(json).slice(0, 400)}`)
      .join("\n");
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** `word rest` in two. */
export function split(text: string): readonly [word: string, rest: string] {
  const [, word = "", rest = ""] = /^(\S+)\s*(.*)$/.exec(text) ?? [];
  return [word, rest];
}

export const bytesOf = (hex: string): Buffer => Buffer.from(hex.replaceAll(" ", ""), "hex");

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  for (; left > 127; left = Math.floor(left / 128)) bytes.push((left % 128) | 128);
  return Buffer.from([...bytes, left]);
}

/** A frame that is so many bytes long: `head`, and behind it a field that nobody knows. */
export function ofSize(bytes: number, head: readonly number[]): Buffer {
  const room = bytes - head.length - 2;
  const length = varint(room - varint(room).length);
  return Buffer.concat([Buffer.from([...head, 0xfa, 0x3e]), length, Buffer.alloc(room - length.length)]);
}

/** A message inside another, with bytes behind it that its type does not know. */
export function nested(field: number, inner: Uint8Array, extra: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2]), varint(inner.length + extra.length), inner, extra]);
}
