/**
 * Where the orders of one account are given: what placing, changing and reporting share.
 *
 * The desk counts what is on its way to the terminal, so that the bridge can finish it
 * before it ends.
 */
import type { AccountRecord } from "../accounts/record.ts";
import type { ControlRecord } from "../control/control-record.ts";
import { BridgeError } from "../errors.ts";
import type { Volume } from "../model/decimals.ts";
import type { AccountAlias, ClientOrderId, Instant, Moment, OrderNumber, Ticket } from "../model/ids.ts";
import type { SymbolSpec } from "../model/symbol.ts";
import type { Clock } from "../ports/clock.ts";
import type { Observer } from "../ports/observer.ts";
import type { TerminalPort } from "../ports/terminal.ts";
import type { SpanRef, Witness } from "../ports/witness.ts";
import type { Prices } from "../ticks/prices.ts";
import type { Standing } from "./risk.ts";

/** Why a wait is over. A reason that is given need not be made: each would be an exception with a stack. */
const answered = "answered";
const silent = "silent";

export interface Limits {
  /** After so many milliseconds without an answer the terminal counts as silent. */
  readonly silence: number;
}

/** How long a caller waits for an answer, and what it is called in logs. */
export interface Caller {
  /** When it stops waiting; absent: never. */
  readonly deadline: Instant | undefined;
  readonly signal: AbortSignal;
  readonly traceId: string;
  /** Whose doing it is; absent: the client's. */
  readonly cause?: "bridge";
  /** The call's own span, where its trace is recorded. */
  readonly span?: SpanRef | undefined;
}

export class OrderDesk {
  readonly account: AccountAlias;
  readonly terminal: TerminalPort;
  readonly record: AccountRecord;
  readonly #symbols: Map<string, SymbolSpec>;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly limits: Limits;
  readonly control: ControlRecord;
  readonly prices: Prices;
  draining = false;
  linkUp = true;
  /** Since when the link is up, or why it is down. */
  linkMessage = "";
  /** Since when the link has been down: what has happened there later is not known here. */
  apartSince: Instant | undefined;
  /** Orders whose submission the terminal has not ended, silent ones included: their absence proves nothing. */
  readonly submitting = new Set<OrderNumber>();
  /** The same of changes, by their keys. */
  readonly changing = new Set<ClientOrderId>();
  /** When the broker took orders in, of which no deal has come. */
  readonly begun = new Map<Ticket, Moment>();
  /** The reading of the terminal's records that is under way, and the one that follows it. */
  readonly settling: { now?: Promise<void> | undefined; next?: Promise<void> | undefined } = {};
  /** Whether the terminal's records were read when they last had to be, and were whole: else something may be missing that nobody doubts. */
  recordsWhole = true;
  /** How many reports could not be kept. Only records that are asked for afterwards are sure to tell of them. */
  missedReports = 0;
  #inFlight = 0;
  #idle: (() => void)[] = [];

  constructor(
    terminal: TerminalPort,
    record: AccountRecord,
    clock: Clock,
    observer: Observer,
    limits: Limits,
    control: ControlRecord,
    prices: Prices,
  ) {
    this.account = terminal.account.alias;
    this.terminal = terminal;
    this.record = record;
    this.#symbols = new Map(terminal.symbols.map((spec) => [spec.name, spec]));
    this.clock = clock;
    this.observer = observer;
    this.limits = limits;
    this.control = control;
    this.prices = prices;
  }

  /** What the terminal says was filled of orders that have ended, where not all of their deals have come. */
  get owed(): Map<OrderNumber, Volume> {
    return this.record.owed;
  }

  get symbols(): ReadonlyMap<string, SymbolSpec> {
    return this.#symbols;
  }

  /** A symbol that the terminal did not have before. */
  learn(spec: SymbolSpec): void {
    this.#symbols.set(spec.name, spec);
  }

  get witness(): Witness {
    return this.record.witness;
  }

  get standing(): Standing {
    const { draining, linkUp, linkMessage, control, record, terminal, symbols, prices, owed } = this;
    const { account: info } = terminal;
    const { modes, limits } = control;
    const { orders, holdings } = record;
    const books = { orders, holdings, owed, marginMode: info.marginMode };
    const market = { symbols, prices, broker: terminal, now: this.clock.now() };
    return { ...books, ...market, draining, linkUp, linkMessage, info, modes, limits };
  }

  missReport(): void {
    this.missedReports += 1;
    this.recordsWhole = false;
  }

  /** Commands that the terminal has not answered. */
  get inFlight(): number {
    return this.#inFlight;
  }

  symbol(name: string): SymbolSpec {
    const spec = this.symbols.get(name);
    if (spec !== undefined) return spec;
    throw new BridgeError("unknown_symbol", `symbol: ${JSON.stringify(name)} is not known to the terminal`, {
      violations: [{ field: "symbol", description: "must be a symbol of the terminal; ListSymbols names them" }],
    });
  }

  /** Runs one command at the terminal; `terminal_silent` when it gives no answer in time. An answer after that is `late`. */
  command<T>(run: (signal: AbortSignal) => Promise<T>, late?: (answer: T) => void): Promise<T> {
    this.#inFlight += 1;
    const over = new AbortController();
    return new Promise((resolve, reject) => {
      let waiting = true;
      const end = (): boolean => {
        const ends = waiting;
        waiting = false;
        callOff();
        if (ends) this.#landed();
        return ends;
      };
      const callOff = this.clock.after(this.limits.silence, () => {
        end();
        over.abort(silent);
        reject(new BridgeError("terminal_silent", `the terminal has not answered for ${this.limits.silence} ms`));
      });
      const answering = async () => run(over.signal);
      answering().then(
        (answer) => (end() ? resolve(answer) : late?.(answer)),
        (error: unknown) => end() && reject(error),
      );
    });
  }

  /** Resolves when nothing is on its way. */
  async idle(): Promise<void> {
    while (this.#inFlight > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Resolves when `reached` holds of what `name` names, when it never will, when the caller is gone or its deadline is near. */
  async until(name: ClientOrderId | string, reached: () => boolean, caller: Caller): Promise<void> {
    const decided = () => reached() || this.record.failure !== undefined;
    if (decided()) return;
    const remaining = caller.deadline === undefined ? undefined : caller.deadline - this.clock.now();
    const over = remaining === undefined ? undefined : new AbortController();
    await new Promise<void>((resolve) => {
      const unwatch = this.record.watch(name as ClientOrderId, () => {
        if (decided()) done();
      });
      const done = () => {
        unwatch();
        over?.abort(answered);
        caller.signal.removeEventListener("abort", done);
        resolve();
      };
      caller.signal.addEventListener("abort", done);
      if (caller.signal.aborted) done();
      // The answer must still travel: it leaves a little before the deadline.
      else if (remaining !== undefined) {
        void this.clock.sleep(Math.max(0, remaining - Math.min(50, remaining / 10)), over?.signal).then(done);
      }
    });
  }

  #landed(): void {
    this.#inFlight -= 1;
    if (this.#inFlight > 0) return;
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }
}

/** What a request asks for, as one text: the same content gives the same text, in every version. */
export function contentOf(kind: string, fields: object): string {
  const values = fields as Readonly<Record<string, unknown>>;
  const given: string[] = [];
  for (const name in values) if (values[name] !== undefined) given.push(name);
  let text = kind;
  for (const name of given.sort()) text += ` ${name}=${textOf(values[name])}`;
  return text;
}

const textOf = (value: unknown): string =>
  typeof value === "number" && Number.isFinite(value)
    ? String(value)
    : JSON.stringify(typeof value === "bigint" ? String(value) : value);

/** A key that was used before is free only for the same content. */
export function sameContent(
  desk: OrderDesk,
  key: ClientOrderId,
  content: string,
  first = desk.record.contentOf(key),
): boolean {
  if (first === undefined) return false;
  if (first === content) return true;
  throw new BridgeError(
    "client_order_id_reused",
    `client_order_id: ${JSON.stringify(key)} was used before with other content; it is taken for ever`,
    { violations: [{ field: "client_order_id", description: "must be a new key, or the same content as before" }] },
  );
}
