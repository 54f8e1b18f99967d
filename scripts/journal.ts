/** The journal verified, shown and taken out, while the bridge is stopped: `npm run journal`. */
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import { Unreadable } from "../src/store/journal-page.ts";
import { decodeEvent } from "../src/store/journal-record.ts";
import { FILE, JournalFile } from "../src/store/sqlite/journal-file.ts";
import { snapshotHolds } from "./journal-snapshot.ts";

const usage = `Usage: npm run journal -- verify [options]
       npm run journal -- show [options]
       npm run journal -- export [options]

  verify         reads every record and says which are not as they were written; holds the snapshot against them
  show           the newest events, a line each
  export         every record as it is kept, checksum and all, as lines of JSON

  --data         where the journals are; otherwise what DATA_DIR says, otherwise ./data
  --account      the folder of one account, as verify names it; needed by show and export when there are several
  --log          orders (what the bridge knows), control (what operators decided) or ledger (the paper terminal's books); otherwise all
  --from         the first event, by its number; show otherwise ends with the newest
  --limit        at most so many events of each log; show otherwise 100
  --json         lines of JSON for a program

The bridge must be stopped: it holds its journal for itself. Nothing is changed.
Ends with 0 when all is well, 1 when something is damaged, 2 when it could not be done.
`;

/** What was asked for cannot be done; the message says why. */
class Refused extends Error {}

interface Asked {
  readonly command: "verify" | "show" | "export";
  readonly data: string;
  readonly account: string | undefined;
  readonly log: string | undefined;
  readonly from: number | undefined;
  readonly limit: number | undefined;
  readonly json: boolean;
}

type LogState = JournalFile["logs"][number];

/** What a person who waits is told. */
type Progress = (message: string) => void;

function asked(args: readonly string[], env: NodeJS.ProcessEnv): Asked | "help" {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const options = { data: text, account: text, log: text, from: text, limit: text, json: flag };
  try {
    const parsed = parseArgs({
      args: [...args],
      options: { ...options, help: { type: "boolean", short: "h" } },
      allowPositionals: true,
    });
    const { values, positionals } = parsed;
    if (values.help) return "help";
    const [command, ...more] = positionals;
    if ((command !== "verify" && command !== "show" && command !== "export") || more.length > 0)
      throw new Refused(usage);
    return {
      command,
      data: resolve(values.data ?? (env["DATA_DIR"] || "data")),
      account: values.account,
      log: values.log,
      from: whole("--from", values.from),
      limit: whole("--limit", values.limit),
      json: values.json ?? false,
    };
  } catch (error) {
    throw error instanceof Refused ? error : new Refused(`${messageOf(error)}\n\n${usage}`);
  }
}

function whole(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new Refused(`${option}: a whole number from 1, not ${JSON.stringify(text)}`);
  return Number(text);
}

/** The folders in which there is a journal: one for each account. */
function folders({ data, account, command }: Asked): string[] {
  const all = (existsSync(data) ? readdirSync(data) : []).filter((name) => existsSync(join(data, name, FILE))).sort();
  if (all.length === 0) throw new Refused(`--data: there is no journal in ${data}`);
  if (account !== undefined && !all.includes(account)) {
    throw new Refused(`--account: must be one of ${all.join(", ")}, not ${JSON.stringify(account)}`);
  }
  if (account === undefined && all.length > 1 && command !== "verify") {
    throw new Refused(`--account: must say which: ${all.join(", ")}`);
  }
  return account === undefined ? all : [account];
}

function opened(folder: string): JournalFile {
  try {
    return JournalFile.read(folder);
  } catch (error) {
    const message = messageOf(error);
    if (!message.includes("is in use")) throw error;
    throw new Refused(`The bridge is running with ${folder}: stop it first. (${message})`);
  }
}

function logsOf(file: JournalFile, { log }: Asked): readonly LogState[] {
  const chosen = file.logs.filter(({ name }) => log === undefined || name === log);
  if (log !== undefined && chosen.length === 0) {
    throw new Refused(
      `--log: must be one of ${file.logs.map(({ name }) => name).join(", ")}, not ${JSON.stringify(log)}`,
    );
  }
  return chosen;
}

function rangeOf({ command, from, limit }: Asked, last: number): { first: number; end: number } {
  const most = limit ?? (command === "show" ? 100 : Number.POSITIVE_INFINITY);
  const first = from ?? (command === "show" ? Math.max(1, last - most + 1) : 1);
  return { first, end: Math.min(last, first + most - 1) };
}

interface Found {
  readonly first: number;
  readonly last: number;
  readonly why: string;
}

/** Reads a log and goes on behind whatever cannot be read. */
function damageOf(file: JournalFile, log: LogState, of: Asked, progress: Progress): { sound: number; found: Found[] } {
  const { first, end } = rangeOf(of, log.last);
  const found: Found[] = log.damage === undefined ? [] : [{ first: 1, last: 1, why: log.damage }];
  let sound = 0;
  for (let at = first; at <= end; ) {
    try {
      const { count } = file.page(log.id, at, end);
      at += count;
      sound += count;
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      found.push({ first: error.sequence, last: error.next - 1, why: error.message });
      at = error.next;
    }
    progress(`${log.name}: ${at - 1} of ${end}`);
  }
  return { sound, found };
}

async function* verify(of: Asked, progress: Progress, damaged: () => void): AsyncGenerator<string> {
  for (const account of folders(of)) {
    let file: JournalFile;
    try {
      file = opened(join(of.data, account));
    } catch (error) {
      if (error instanceof Refused) throw error;
      damaged();
      yield of.json ? json({ account, damage: messageOf(error) }) : `${account}\n  damaged: ${messageOf(error)}\n`;
      continue;
    }
    if (!of.json) yield `${account}\n`;
    for (const cut of file.cuts) yield of.json ? json({ account, cut }) : `  the next start will cut: ${cut}\n`;
    for (const log of logsOf(file, of)) {
      const { sound, found } = damageOf(file, log, of, progress);
      if (found.length > 0) damaged();
      const { name, epoch } = log;
      if (of.json) yield json({ account, log: name, epoch, sound, damaged: found });
      else {
        yield `  ${name}: ${sound} events, ${found.length === 0 ? "all as they were written" : `${found.length} places damaged`}\n`;
        for (const { why } of found) yield `    ${why}\n`;
      }
      if (name !== "orders" || found.length > 0) continue;
      progress(`${name}: the snapshot is held against the journal`);
      const holds = await snapshotHolds(file, log);
      if (holds === false) damaged();
      if (holds === undefined) continue;
      const said = holds ? "comes to the same" : "comes to something else: delete the rows of the table shelf";
      yield of.json ? json({ account, log: name, snapshot: holds }) : `  ${name}: its snapshot ${said}\n`;
    }
    file.close();
  }
}

function* show(of: Asked): Generator<string> {
  const [account = ""] = folders(of);
  const file = opened(join(of.data, account));
  for (const log of logsOf(file, of)) {
    const { first, end } = rangeOf(of, log.last);
    if (!of.json) yield `${log.name}, ${log.last} events, epoch ${log.epoch}\n`;
    for (let at = first; at <= end; ) {
      const { text, count } = file.page(log.id, at, end);
      for (const line of text.split("\n")) {
        const event = decodeEvent(line);
        yield of.json ? json({ log: log.name, sequence: at, event }) : `  ${at}  ${described(event)}\n`;
        at++;
      }
      if (count === 0) break;
    }
  }
  file.close();
}

function* exported(of: Asked, progress: Progress): Generator<string> {
  const [account = ""] = folders(of);
  const file = opened(join(of.data, account));
  for (const log of logsOf(file, of)) {
    const { name, epoch, last } = log;
    const { first, end } = rangeOf(of, last);
    yield json({ log: name, epoch, last });
    for (let at = first; at <= end; ) {
      let next = end + 1;
      let count = 0;
      for (const { sequence, format, checksum, body } of file.records(log.id, at, end)) {
        yield json({ log: name, sequence, format, checksum, body });
        next = sequence + 1;
        count++;
      }
      at = count === 0 ? end + 1 : next;
      progress(`${name}: ${at - 1} of ${end}`);
    }
  }
  file.close();
}

const json = (value: unknown): string =>
  `${JSON.stringify(value, (_key, held) => (typeof held === "bigint" ? String(held) : held))}\n`;

/** The event's type first, what it holds after it, and times as people write them. */
function described(event: unknown): string {
  if (typeof event !== "object" || event === null) return JSON.stringify(event);
  const { type, ...rest } = event as Record<string, unknown>;
  const fields = Object.entries(rest).map(([name, value]) => `${name}=${shown(name, value)}`);
  return [type, ...fields].join(" ");
}

function shown(name: string, value: unknown): string {
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number" && /(^at|At|[tT]ime)$/.test(name) && value > 1e11) return new Date(value).toISOString();
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => shown("", item)).join(" ")}]`;
  return `{${Object.entries(value)
    .map(([field, held]) => `${field}=${shown(field, held)}`)
    .join(" ")}}`;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** A line that is written over, for a person at a terminal; at most four times a second. */
function progressOn(stream: NodeJS.WriteStream): { tell: Progress; done(): void } {
  if (!stream.isTTY) return { tell: () => {}, done: () => {} };
  let told = performance.now();
  let shown = false;
  const tell = (message: string) => {
    if (performance.now() - told < 250) return;
    told = performance.now();
    shown = true;
    stream.write(`\r\x1b[K${message}`);
  };
  return { tell, done: () => shown && stream.write("\r\x1b[K") };
}

async function main(): Promise<number> {
  const of = asked(process.argv.slice(2), process.env);
  if (of === "help") {
    process.stdout.write(usage);
    return 0;
  }
  const progress = progressOn(process.stderr);
  let code = 0;
  const damaged = () => {
    code = 1;
  };
  const lines = {
    verify: () => verify(of, progress.tell, damaged),
    show: () => show(of),
    export: () => exported(of, progress.tell),
  }[of.command]();
  try {
    await pipeline(Readable.from(lines), process.stdout, { end: false });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EPIPE") return code; // `head` has seen enough
    if (!(error instanceof Unreadable)) throw error;
    process.stderr.write(`${error.message}; "verify" tells what else is damaged\n`);
    return 1;
  } finally {
    progress.done();
  }
  return code;
}

if (import.meta.main) {
  try {
    process.exitCode = await main();
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exitCode = 2;
  }
}
