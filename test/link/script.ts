/**
 * Conformance scripts of the link: what is sent, what is expected, a line each.
 *
 *   # a remark
 *   let buy = {"action": 1, …}        a name for a piece of text, from here to the end of the file: $buy
 *   == a title                        a case begins: a fresh process, a fresh folder
 *   needs spells                      left out where the other side cannot do that
 *   env TERMINAL_MAX_VOLUME=1         of the process
 *   > word {…}                        sends a frame; ` + 0a0b` behind it: these bytes are added to the message
 *   < word {…}                        takes the first frame, among those not taken yet, that fits
 *   never word {…}                    none that fits comes, from here to the end of the case
 *
 * In what is expected, "*" is any value, "@name" any value and remembered as $name, ">=5" and "<5" are compared,
 * "one of A|B" is either, null is a message that is not there, ["…", x] a list that has x in it. What is not
 * mentioned may be anything. $now is the bridge's clock in ms, $now+500 half a second later.
 */

export interface Line {
  readonly number: number;
  readonly verb: string;
  readonly rest: string;
}

export interface Case {
  readonly file: string;
  readonly title: string;
  readonly line: number;
  readonly needs: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly lets: ReadonlyMap<string, string>;
  readonly lines: readonly Line[];
}

export function parse(file: string, text: string): Case[] {
  const cases: (Case & { needs: string[]; env: Record<string, string>; lines: Line[] })[] = [];
  const lets = new Map<string, string>();
  for (const [index, raw] of text.split("\n").entries()) {
    const number = index + 1;
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const [, verb = "", rest = ""] = /^(\S+)\s*(.*)$/.exec(line) ?? [];
    const current = cases.at(-1);
    if (verb === "==")
      cases.push({ file, title: rest, line: number, needs: [], env: {}, lets: new Map(lets), lines: [] });
    else if (verb === "let") {
      const [, name, value] = /^(\w+) = (.*)$/.exec(rest) ?? [];
      if (name === undefined || value === undefined) throw new Error(`${file}:${number}: let name = text`);
      lets.set(name, value);
    } else if (current === undefined) throw new Error(`${file}:${number}: before the first case`);
    else if (verb === "needs") current.needs.push(...rest.split(/[ ,]+/));
    else if (verb === "env") {
      const [name = "", value = ""] = rest.split(/=(.*)/s);
      current.env[name] = value;
    } else current.lines.push({ number, verb, rest });
  }
  const titles = cases.map(({ title }) => title);
  const twice = titles.find((title, i) => titles.indexOf(title) !== i);
  if (twice !== undefined) throw new Error(`${file}: two cases are called ${twice}`);
  return cases;
}

/** Names in the text, in their place; a number behind `+` or `-` is added. Unknown ones are a mistake of the script. */
export function filled(text: string, known: (name: string) => string | undefined): string {
  let out = text;
  for (let round = 0; round < 5 && out.includes("$"); round++) {
    out = out.replace(/\$(\w+)([+-]\d+)?/g, (_, name: string, offset?: string) => {
      const value = known(name);
      if (value === undefined) throw new Error(`$${name} is not known`);
      return offset === undefined ? value : String(BigInt(value) + BigInt(offset));
    });
  }
  return out;
}

/** `{…} + 0a0b`: the JSON and the bytes behind it. */
export function withBytes(text: string): { readonly json: string; readonly extra: Buffer } {
  const [, json = text, hex = ""] = /^(.*\})\s*\+\s*([0-9a-f ]+)$/i.exec(text) ?? [];
  return { json, extra: Buffer.from(hex.replaceAll(" ", ""), "hex") };
}
