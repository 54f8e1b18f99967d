/** API keys made, listed and taken back: `npm run keys`. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Grants, type Limits, type Scope, scopes } from "../src/contract/principal.ts";
import { type KeyRecord, makeKey, readKeys, writeKeys } from "../src/transport/api-keys.ts";

const usage = `Usage: npm run keys -- create --name <name> --scopes <scopes> [limits]
       npm run keys -- list
       npm run keys -- revoke <id>

  --name         what the key is for: 1 to 64 of A-Z a-z 0-9 _ . -
  --scopes       any of read, trade, admin, terminal, separated by commas; none includes another
  --file         the file of keys; otherwise what API_KEYS_FILE says, otherwise ./data/api-keys.json

Limits, each for all of the key's scopes, or for one when its name stands before (trade:EURUSD),
and then more than once if need be; of the scope terminal only the accounts are limited:

  --accounts     aliases of accounts, separated by commas
  --symbols      symbols, separated by commas
  --max-volume   lots of one order
`;

/** What was asked for cannot be done; the message says why. */
class Refused extends Error {}

interface Asked {
  readonly name?: string | undefined;
  readonly scopes?: string | undefined;
  readonly accounts?: string[] | undefined;
  readonly symbols?: string[] | undefined;
  readonly "max-volume"?: string[] | undefined;
}

/** Runs a command and returns what is to be shown. */
export function keys(args: readonly string[], env: NodeJS.ProcessEnv, now: Date): string {
  const { values, positionals } = parsed(args);
  if (values.help) return usage;
  const path = resolve(values.file ?? (env["API_KEYS_FILE"] || "data/api-keys.json"));
  const [command, id, ...more] = positionals;
  if (more.length > 0 || (id !== undefined && command !== "revoke")) throw new Refused(usage);
  switch (command) {
    case "create":
      return create(path, values, env, now);
    case "list":
      return list(existing(path));
    case "revoke":
      return revoke(path, id);
    default:
      throw new Refused(usage);
  }
}

function parsed(args: readonly string[]) {
  const text = { type: "string" } as const;
  const texts = { type: "string", multiple: true } as const;
  const limits = { accounts: texts, symbols: texts, "max-volume": texts };
  const options = { name: text, scopes: text, file: text, help: { type: "boolean", short: "h" }, ...limits } as const;
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new Refused(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
}

function create(path: string, asked: Asked, env: NodeJS.ProcessEnv, now: Date): string {
  const { name } = asked;
  if (name === undefined || !/^[A-Za-z0-9_.-]{1,64}$/.test(name)) {
    throw new Refused("--name: 1 to 64 of A-Z a-z 0-9 _ . -");
  }
  const before = existing(path);
  const { key, record } = makeKey(name, grantsFrom(asked), now);
  writeKeys(path, [...before, record]);
  const hint = env["API_KEYS_FILE"] ? "" : `\nThe bridge asks for keys when it is started with API_KEYS_FILE=${path}\n`;
  return `${describe(record)}\n\n${key}\n\nThis is the only time that the key is shown. Send it as \`authorization: Bearer <key>\`.\n${hint}`;
}

function grantsFrom(asked: Asked): Grants {
  const wanted = items(asked.scopes ?? "", "--scopes");
  const unknown = wanted.find((name) => !isScope(name));
  if (wanted.length === 0 || unknown !== undefined) {
    throw new Refused(
      `--scopes: must name any of ${scopes.join(", ")}${unknown === undefined ? "" : `; got ${unknown}`}`,
    );
  }
  const granted = wanted.filter(isScope);
  const grants: Partial<Record<Scope, Limits>> = Object.fromEntries(granted.map((scope) => [scope, {}]));
  const limit = (option: string, values: readonly string[] | undefined, limitOf: (text: string) => Limits) => {
    for (const value of (values ?? []).toSorted((a, b) => Number(isForOne(a)) - Number(isForOne(b)))) {
      const [only, text] = isForOne(value)
        ? [value.replace(/:.*/, ""), value.replace(/^[^:]*:/, "")]
        : [undefined, value];
      if (only === "terminal" && option !== "--accounts")
        throw new Refused(`${option}: does not limit the scope terminal`);
      if (only !== undefined && !granted.some((scope) => scope === only)) {
        throw new Refused(`${option}: limits the scope ${only}, which the key does not have`);
      }
      const limits = limitOf(text);
      const limited = granted.filter((scope) => scope !== "terminal" || option === "--accounts");
      for (const scope of limited)
        if (only === undefined || scope === only) grants[scope] = { ...grants[scope], ...limits };
    }
  };
  limit("--accounts", asked.accounts, (text) => ({ accounts: items(text, "--accounts") }));
  limit("--symbols", asked.symbols, (text) => ({ symbols: items(text, "--symbols") }));
  limit("--max-volume", asked["max-volume"], (text) => ({ maxVolume: volumeFrom(text) }));
  return grants;
}

const isScope = (name: string): name is Scope => scopes.some((scope) => scope === name);

const isForOne = (value: string): boolean => scopes.some((scope) => value.startsWith(`${scope}:`));

function items(text: string, option: string): string[] {
  const all = text === "" ? [] : text.split(",").map((item) => item.trim());
  if (all.length === 0 || all.some((item) => item === "" || item.length > 64)) {
    throw new Refused(`${option}: names of at most 64 characters, separated by commas`);
  }
  return all;
}

function volumeFrom(text: string): number {
  if (!/^(\d+\.?\d*|\.\d+)$/.test(text) || !(Number(text) > 0))
    throw new Refused("--max-volume: a number above 0, in lots");
  return Number(text);
}

function list(records: readonly KeyRecord[]): string {
  return records.length === 0 ? "There are no keys.\n" : `${records.map(describe).join("\n")}\n`;
}

function describe({ id, name, created, scopes: granted }: KeyRecord): string {
  const parts = Object.entries(granted as Grants).map(([scope, { accounts, symbols, maxVolume } = {}]) => {
    const limits = [
      ...(accounts ? [`accounts ${accounts.join(",")}`] : []),
      ...(symbols ? [`symbols ${symbols.join(",")}`] : []),
      ...(maxVolume ? [`at most ${maxVolume} lots`] : []),
    ];
    return limits.length === 0 ? scope : `${scope} (${limits.join("; ")})`;
  });
  return `${id}  ${created}  ${name}  ${parts.join(", ")}`;
}

function revoke(path: string, id: string | undefined): string {
  const before = existing(path);
  const rest = before.filter((record) => record.id !== id);
  if (id === undefined || rest.length === before.length) {
    throw new Refused(
      `revoke: the id of a key, as \`npm run keys -- list\` shows it${id === undefined ? "" : `; there is no ${id}`}`,
    );
  }
  writeKeys(path, rest);
  return `${id} is revoked.\n`;
}

function existing(path: string): KeyRecord[] {
  return existsSync(path) ? readKeys(path) : [];
}

if (import.meta.main) {
  try {
    process.stdout.write(keys(process.argv.slice(2), process.env, new Date()));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
