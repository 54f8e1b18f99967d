/**
 * What people who run the bridge read.
 *
 * Every line has the same keys: timestamp, level, service, component, message and
 * context; and trace_id, where it belongs to a trace. It is JSON where a program reads it, and text on a terminal.
 *
 * Always true:
 *   - A line never throws, whatever it is given: who reports trouble gets no more of it.
 *   - A line never waits. When whoever reads is too slow, lines beyond a few megabytes are
 *     dropped, and the next line that gets through says how many.
 *   - Secrets stay out: values under a telling name, credentials in URLs, and whatever an
 *     error carries apart from its name, message, code, stack and cause.
 */
import { once } from "node:events";
import { createRequire } from "node:module";
import { setTimeout as delay } from "node:timers/promises";
import { type DestinationStream, destination, type Logger, pino } from "pino";
import { BridgeError } from "../core/errors.ts";
import type { Observer, Severity } from "../core/ports/observer.ts";

const HELD_BYTES = 4 * 1024 * 1024;
/** Of one turn; more are written in several parts. */
const TURN_CHARACTERS = 64 * 1024;

/** How long the last lines may take to be read. */
const LAST_MS = 2000;

export interface Log extends Observer {
  /** Resolves when all lines are written, or their reader is too slow. */
  close(): Promise<void>;
}

/** The log of this process, on its standard output. */
export function openLog(level: Severity): Log {
  const out = destination({ dest: 1, sync: false, maxLength: HELD_BYTES });
  const turn = new Turn(out);
  const log = logTo(turn, level, process.stdout.isTTY === true);

  let dropped = 0;
  out.on("drop", (text: string) => {
    dropped += text.split("\n").length - 1;
  });
  out.on("drain", () => {
    turn.isWriting = false;
    if (dropped === 0) return;
    const lines = dropped;
    dropped = 0;
    log.note("warn", "log", "Lines were dropped: their reader was too slow", { lines });
  });

  const close = async () => {
    turn.end();
    // Its own `flush` is over at once, and what is being written then would be cut in the middle by the exit.
    if (turn.isWriting) await Promise.race([once(out, "drain"), delay(LAST_MS)]).catch(() => undefined);
  };
  return { ...log, close };
}

/** The lines of one turn of the event loop, in one write at its end. */
class Turn implements DestinationStream {
  /** Whether some of what was written is still on its way, until somebody says that it is not. */
  isWriting = false;
  readonly #out: DestinationStream;
  #lines = "";

  constructor(out: DestinationStream) {
    this.#out = out;
  }

  write(line: string): void {
    if (this.#lines === "") setImmediate(() => this.end());
    this.#lines += line;
    if (this.#lines.length > TURN_CHARACTERS) this.end();
  }

  end(): void {
    const lines = this.#lines;
    this.#lines = "";
    if (lines === "") return;
    this.isWriting = true;
    this.#out.write(lines);
  }
}

/** A log that writes elsewhere. */
export function logTo(out: DestinationStream, level: Severity, readByPeople: boolean): Observer {
  const logger = pino(
    {
      level,
      base: { service: "mt5-bridge" },
      messageKey: "message",
      timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
      formatters: { level: (word) => ({ level: word }) },
    },
    readByPeople ? forPeople(out) : out,
  );
  return {
    hears: (severity) => logger.isLevelEnabled(severity),
    note: (...line) => write(logger, ...line),
  };
}

const write = (logger: Logger, ...[severity, component, message, context = {}]: Parameters<Observer["note"]>) => {
  if (!logger.isLevelEnabled(severity)) return;
  const { trace_id, ...rest } = context;
  const traced = typeof trace_id === "string" && trace_id !== "";
  const line = { component, ...(traced ? { trace_id: plain(trace_id) } : {}), context: plain(rest) };
  logger[severity](line, withoutSecrets(message));
};

function forPeople(out: DestinationStream): DestinationStream {
  // Loaded where it is needed only: a service's memory has no room for what only terminals show.
  const { isColorSupported, prettyFactory } = createRequire(import.meta.url)(
    "pino-pretty",
  ) as typeof import("pino-pretty");
  const toText = prettyFactory({
    colorize: isColorSupported,
    messageKey: "message",
    timestampKey: "timestamp",
    translateTime: "SYS:HH:MM:ss.l",
    messageFormat: "{component}: {message}",
    ignore: "service,component",
    singleLine: true,
  });
  return { write: (line) => out.write(toText(line) ?? line) };
}

// From anything to plain data.

const MAX_DEPTH = 6;
const MAX_ITEMS = 100;
const MAX_TEXT = 4096;

const telling = /passw(or)?d|passphrase|secret|token|apikey|authorization|credential|cookie|privatekey/;

/** The same as plain data: bounded in depth and size, without cycles, without secrets. */
export function plain(value: unknown, depth = 0): unknown {
  switch (typeof value) {
    case "string":
      return withoutSecrets(value);
    case "bigint":
      return String(value);
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "boolean":
      return value;
    case "object":
      return value === null ? null : plainObject(value, depth);
    default:
      return undefined;
  }
}

function plainObject(value: object, depth: number): unknown {
  if (depth >= MAX_DEPTH) return "…";
  try {
    if (value instanceof Error) return plainError(value, depth);
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? "invalid date" : value.toISOString();
    if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
    if (value instanceof Map)
      return plainEntries(
        [...value].map(([key, item]) => [String(key), item]),
        depth,
      );
    if (value instanceof Set || Array.isArray(value)) {
      const items = [...value];
      const more = items.length > MAX_ITEMS ? [`… ${items.length - MAX_ITEMS} more`] : [];
      return [...items.slice(0, MAX_ITEMS).map((item) => plain(item, depth + 1) ?? null), ...more];
    }
    return plainEntries(Object.entries(value), depth);
  } catch {
    return "unreadable"; // a getter or a proxy that throws
  }
}

function plainEntries(entries: readonly [string, unknown][], depth: number): Record<string, unknown> {
  const shown = entries
    .slice(0, MAX_ITEMS)
    .map(([key, item]) => [key, isSecret(key) ? "[redacted]" : plain(item, depth + 1)]);
  return { ...Object.fromEntries(shown), ...(entries.length > MAX_ITEMS ? { "…": entries.length - MAX_ITEMS } : {}) };
}

/** Only what errors are known to have: a client library's may carry a whole request, headers and all. */
function plainError(error: Error, depth: number): Record<string, unknown> {
  const known = error instanceof BridgeError ? error : undefined;
  const code = "code" in error ? plain(error.code, depth + 1) : undefined;
  const expected = known !== undefined && known.fault !== "internal";
  return {
    name: error.name,
    message: withoutSecrets(error.message),
    ...(code === undefined ? {} : { code }),
    ...(known === undefined ? {} : { fault: known.fault }),
    ...(known?.violations.length ? { violations: plain(known.violations, depth + 1) } : {}),
    ...(known === undefined ? {} : { metadata: plain(known.metadata, depth + 1) }),
    ...(expected ? {} : { stack: withoutSecrets(error.stack ?? "") }),
    ...(error.cause === undefined ? {} : { cause: plain(error.cause, depth + 1) }),
  };
}

const isTelling = (key: string): boolean => telling.test(key.toLowerCase().replace(/[^a-z]/g, ""));

/** The names that lines are made of are few; those that come from outside are not kept. */
const known = new Map<string, boolean>();
const MAX_KNOWN = 500;

function isSecret(key: string): boolean {
  const found = known.get(key);
  if (found !== undefined) return found;
  const secret = isTelling(key);
  if (known.size < MAX_KNOWN) known.set(key, secret);
  return secret;
}

/** Only a text in which one of these stands can need a change. */
const suspicious = /[^ -~]|:\/\/|bearer|basic/i;

/** Text without credentials, and without what could move a terminal's cursor. */
function withoutSecrets(text: string): string {
  const short = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
  if (!suspicious.test(short)) return short;
  return short
    .replace(/(\w:\/\/)[^\s/@]*@/g, "$1[redacted]@")
    .replace(/\b(bearer|basic) [\w.~+/=-]{8,}/gi, "$1 [redacted]")
    .replace(/[\p{Cc}\u2028\u2029]/gu, (char) => (char === "\n" || char === "\t" ? char : "�"));
}
