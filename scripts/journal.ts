/** The journal verified, shown and taken out, and never changed: `npm run journal`. */
import { resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import type { LogState } from "../src/store/journal-disk.ts";
import { Unreadable } from "../src/store/journal-page.ts";
import { decodeEvent } from "../src/store/journal-record.ts";
import { inDatabase, inFolder, type JournalPlace, type KeptJournal, Refused } from "./journal-places.ts";
import { snapshotHolds } from "./journal-snapshot.ts";

const usage = `Usage: npm run journal -- verify [options]
       npm run journal -- show [options]
       npm run journal -- export [options]

  verify         reads every record and says which are not as they were written; holds the snapshot against them
  show           the newest events, a line each
  export         every record as it is kept, checksum and all, as lines of JSON

  --data         the folder with journals in files; otherwise the PostgreSQL that DATABASE_URL says, otherwise
                 the folder that DATA_DIR says, otherwise ./data
  --account      one account, as verify names it; needed by show and export when there are several
  --log          orders (what the bridge knows), control (what operators decided) or ledger (the paper terminal's books); otherwise all
  --from         the first event, by its number; show otherwise ends with the newest
  --limit        at most so many events of each log; show otherwise 100
  --json         lines of JSON for a program

A bridge with its journal in a file must be stopped: it holds the file for itself. Beside one with its journal in
PostgreSQL this may run, and reads what was there when it began. Nothing is changed.
Ends with 0 when all is well, 1 when something is damaged, 2 when it could not be done.
`;

interface Asked {
  readonly command: "verify" | "show" | "export";
  readonly place: JournalPlace;
  readonly account: string | undefined;
  readonly log: string | undefined;
  readonly from: number | undefined;
  readonly limit: number | undefined;
  readonly json: boolean;
}

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
      place: placeOf(values.data, env),
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

function placeOf(data: string | undefined, env: NodeJS.ProcessEnv): JournalPlace {
  const url = env["DATABASE_URL"];
  if (data !== undefined || !url) return inFolder(resolve(data ?? (env["DATA_DIR"] || "data")));
  if (/^postgres(ql)?:$/.test(URL.parse(url)?.protocol ?? "")) return inDatabase(url);
  throw new Refused("DATABASE_URL: a URL that starts with postgresql://");
}

async function accountsOf({ place, account, command }: Asked): Promise<readonly string[]> {
  const all = await place.accounts();
  if (account !== undefined && !all.includes(account)) {
    throw new Refused(`--account: must be one of ${all.join(", ")}, not ${JSON.stringify(account)}`);
  }
  if (account === undefined && all.length > 1 && command !== "verify") {
    throw new Refused(`--account: must say which: ${all.join(", ")}`);
  }
  return account === undefined ? all : [account];
}

function logsOf(kept: KeptJournal, { log }: Asked): readonly LogState[] {
  const chosen = kept.logs.filter(({ name }) => log === undefined || name === log);
  if (log !== undefined && chosen.length === 0) {
    throw new Refused(
      `--log: must be one of ${kept.logs.map(({ name }) => name).join(", ")}, not ${JSON.stringify(log)}`,
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

interface Damage {
  readonly sound: number;
  readonly found: readonly Found[];
}

/** Reads a log and goes on behind whatever cannot be read. */
async function damageOf(kept: KeptJournal, log: LogState, of: Asked, progress: Progress): Promise<Damage> {
  const { first, end } = rangeOf(of, log.last);
  const found: Found[] = log.damage === undefined ? [] : [{ first: 1, last: 1, why: log.damage }];
  let sound = 0;
  for (let at = first; at <= end; ) {
    try {
      const { count } = await kept.page(log.id, at, end);
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
  for (const account of await accountsOf(of)) {
    let kept: KeptJournal;
    try {
      kept = await of.place.open(account);
    } catch (error) {
      if (error instanceof Refused) throw error;
      damaged();
      yield of.json ? json({ account, damage: messageOf(error) }) : `${account}\n  damaged: ${messageOf(error)}\n`;
      continue;
    }
    try {
      yield* verified(account, kept, of, progress, damaged);
    } finally {
      await kept.close();
    }
  }
}

async function* verified(
  account: string,
  kept: KeptJournal,
  of: Asked,
  progress: Progress,
  damaged: () => void,
): AsyncGenerator<string> {
  if (!of.json) yield `${account}\n`;
  for (const cut of kept.cuts) yield of.json ? json({ account, cut }) : `  the next start will cut: ${cut}\n`;
  for (const log of logsOf(kept, of)) {
    const { sound, found } = await damageOf(kept, log, of, progress);
    if (found.length > 0) damaged();
    const { name, epoch } = log;
    if (of.json) yield json({ account, log: name, epoch, sound, damaged: found });
    else {
      yield `  ${name}: ${sound} events, ${found.length === 0 ? "all as they were written" : `${found.length} places damaged`}\n`;
      for (const { why } of found) yield `    ${why}\n`;
    }
    if (name !== "orders" || found.length > 0) continue;
    progress(`${name}: the snapshot is held against the journal`);
    const holds = await snapshotHolds(kept, log);
    if (holds === false) damaged();
    if (holds === undefined) continue;
    const said = holds ? "comes to the same" : "comes to something else: delete the rows of the table shelf";
    yield of.json ? json({ account, log: name, snapshot: holds }) : `  ${name}: its snapshot ${said}\n`;
  }
}

/** Of the one account that was meant. */
async function* ofOne(of: Asked, lines: (kept: KeptJournal) => AsyncIterable<string>): AsyncGenerator<string> {
  const [account = ""] = await accountsOf(of);
  const kept = await of.place.open(account);
  try {
    yield* lines(kept);
  } finally {
    await kept.close();
  }
}

async function* shownOf(kept: KeptJournal, of: Asked): AsyncGenerator<string> {
  for (const log of logsOf(kept, of)) {
    const { first, end } = rangeOf(of, log.last);
    if (!of.json) yield `${log.name}, ${log.last} events, epoch ${log.epoch}\n`;
    for (let at = first; at <= end; ) {
      const { text } = await kept.page(log.id, at, end);
      for (const line of text.split("\n")) {
        const event = decodeEvent(line);
        yield of.json ? json({ log: log.name, sequence: at, event }) : `  ${at}  ${described(event)}\n`;
        at++;
      }
    }
  }
}

async function* exportedOf(kept: KeptJournal, of: Asked, progress: Progress): AsyncGenerator<string> {
  for (const log of logsOf(kept, of)) {
    const { name, epoch, last } = log;
    const { first, end } = rangeOf(of, last);
    yield json({ log: name, epoch, last });
    for (let at = first; at <= end; ) {
      let next = end + 1;
      for await (const { sequence, format, checksum, body } of kept.records(log.id, at, end)) {
        yield json({ log: name, sequence, format, checksum, body });
        next = sequence + 1;
      }
      at = next;
      progress(`${name}: ${at - 1} of ${end}`);
    }
  }
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
    show: () => ofOne(of, (kept) => shownOf(kept, of)),
    export: () => ofOne(of, (kept) => exportedOf(kept, of, progress.tell)),
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
