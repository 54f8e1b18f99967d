/**
 * Every tick that passed, in `history.db` in a folder of its own per market feed.
 *
 * Recording copies a tick's numbers into an array and hands full arrays to a thread;
 * packing, writing and drawing minutes happen there, and so does reading.
 *
 * Always true:
 *   - Recording never waits, and never asks for more than the memory it is allowed.
 *     A thread that falls a million ticks behind (a disk that stands still) loses what
 *     comes then, and the observer hears of it. A source that can wait asks `room`.
 *   - Reading sees everything recorded before the call, but for what the disk has not taken.
 *   - A disk that is full or fails loses what comes until it can be written again, and the
 *     last five seconds before; the observer hears of it, and in the end how many ticks it
 *     were. What is on disk can be read meanwhile, or the answer says why not.
 *   - A killed process loses the last five seconds, never half of something; an orderly
 *     close loses nothing.
 */
import type { Worker } from "node:worker_threads";
import { BridgeError } from "../../core/errors.ts";
import type { Bar, Timeframe } from "../../core/model/bar.ts";
import type { Price, Volume } from "../../core/model/decimals.ts";
import type { BrokerTime, Instant } from "../../core/model/ids.ts";
import type { SymbolSpec } from "../../core/model/symbol.ts";
import type { Tick } from "../../core/model/tick.ts";
import { ROW, TickRows } from "../../core/model/tick-rows.ts";
import type { HistoryRange, TickHistory } from "../../core/ports/history.ts";
import type { Observer } from "../../core/ports/observer.ts";
import { BAR_FIELDS, CHUNK_ROWS, type HistorySettings, type Reply, type Request } from "./history-messages.ts";
import { startThread } from "./thread.ts";

/** Arrays of 4,096 ticks that may wait for the thread: 1,048,576 ticks, 80 MiB. */
const CHUNKS_WAITING = 256;
/** What comes within this time travels together. */
const GATHER_MS = 50;

const historyDefaults = { maxBytes: 2 ** 30, maxDays: 400 } as const;

export interface HistoryOptions {
  readonly folder: string;
  /** Say whose bars are drawn from the last price; a symbol that is not among them has bid bars. May grow. */
  readonly specs: readonly Pick<SymbolSpec, "name" | "chartMode">[];
  /** What the file may hold before the oldest ticks go. */
  readonly maxBytes?: number;
  /** How long before its newest tick the history may reach back. */
  readonly maxDays?: number;
  readonly observer?: Observer;
}

export interface StoredHistory extends TickHistory {
  close(): Promise<void>;
}

export async function openTickHistory(options: HistoryOptions): Promise<StoredHistory> {
  const { folder, specs, maxBytes, maxDays } = { ...historyDefaults, ...options };
  const lastCharts = lastChartsIn(specs);
  const thread = startThread("history-worker", { folder, maxBytes, maxDays, lastCharts } satisfies HistorySettings);
  const history = new SqliteTickHistory(thread, specs, options.observer);
  await history.opened;
  return history;
}

const lastChartsIn = (specs: HistoryOptions["specs"]): string[] =>
  specs.filter((spec) => spec.chartMode === "last").map((spec) => spec.name);

const unusable = (why: string, cause?: unknown): BridgeError =>
  new BridgeError("internal", `the tick history cannot be used: ${why}`, { cause });

const newChunk = (): Float64Array => new Float64Array(CHUNK_ROWS * ROW);

class SqliteTickHistory implements StoredHistory {
  readonly opened: Promise<void>;
  readonly #thread: Worker;
  readonly #specs: HistoryOptions["specs"];
  readonly #observer: Observer | undefined;
  readonly #numbers = new Map<string, number>();
  readonly #reads = new Map<number, { resolve(reply: Reply): void; reject(error: BridgeError): void }>();
  readonly #spare: Float64Array[] = [];
  readonly #gone: Promise<void>;
  /** How the ticks that came last number their symbols, and the numbers of those that have occurred here. */
  #source: { readonly symbols: TickRows["symbols"]; readonly numbers: number[] } = { symbols: [], numbers: [] };
  #names: string[] = [];
  #chunk = newChunk();
  #at = 0;
  #waiting = 0;
  #lost = 0;
  #lastRead = 0;
  #gathering: NodeJS.Timeout | undefined;
  #wanting: (() => void)[] = [];
  #failure: BridgeError | undefined;
  #closing: Promise<void> | undefined;

  constructor(thread: Worker, specs: HistoryOptions["specs"], observer: Observer | undefined) {
    this.#thread = thread;
    this.#specs = specs;
    this.#observer = observer;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.opened = promise;
    let crash: unknown;
    thread.on("message", (reply: Reply) => {
      if (reply.kind === "opened") resolve();
      else if (reply.kind === "refused") {
        this.#failure = unusable(reply.why);
        reject(this.#failure);
      } else this.#take(reply);
    });
    thread.on("error", (error) => {
      crash = error;
    });
    this.#gone = new Promise((gone) => {
      thread.once("exit", () => {
        if (this.#closing === undefined) this.#fail(unusable("its thread ended", crash));
        this.#end(this.#failure ?? unusable("it is closed"));
        reject(unusable("its thread ended", crash));
        gone();
      });
    });
  }

  record(ticks: TickRows<Tick>): void {
    if (this.#failure !== undefined || this.#closing !== undefined) return;
    const { numbers, symbols } = ticks;
    if (this.#source.symbols !== symbols) this.#source = { symbols, numbers: [] };
    const own = this.#source.numbers;
    for (let from = 0; from < numbers.length; ) {
      if (this.#at === this.#chunk.length) this.#handOver();
      const chunk = this.#chunk;
      const to = Math.min(numbers.length, from + chunk.length - this.#at);
      chunk.set(numbers.subarray(from, to), this.#at);
      for (const end = this.#at + to - from; this.#at < end; this.#at += ROW) {
        const symbol = chunk[this.#at] as number;
        chunk[this.#at] = own[symbol] ?? this.#number(symbol);
      }
      from = to;
    }
    if (this.#at > 0) this.#gathering ??= setTimeout(() => this.#handOver(), GATHER_MS);
  }

  async ticks(range: HistoryRange): Promise<TickRows<Tick>> {
    const { rows } = await this.#read({ kind: "ticks", id: ++this.#lastRead, range: whole(range) });
    return new TickRows([{ name: range.symbol }], rows);
  }

  async bars(range: HistoryRange, timeframe: Timeframe): Promise<readonly Bar[]> {
    const { rows } = await this.#read({ kind: "bars", id: ++this.#lastRead, range: whole(range), timeframe });
    const count = rows.length / BAR_FIELDS;
    return Array.from({ length: count }, (_, i) => barOf(range.symbol, timeframe, rows, i * BAR_FIELDS));
  }

  async latest(): Promise<readonly Tick[]> {
    const { rows, names = [] } = await this.#read({ kind: "latest", id: ++this.#lastRead });
    return [
      ...new TickRows<Tick>(
        names.map((name) => ({ name })),
        rows,
      ),
    ];
  }

  /** Room is when at least half of what may wait is free. */
  room(): Promise<void> {
    if (this.#failure !== undefined || this.#waiting <= CHUNKS_WAITING / 2) return Promise.resolve();
    return new Promise((resolve) => this.#wanting.push(resolve));
  }

  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#handOver();
      this.#send({ kind: "close" });
      this.#closing = this.#gone;
    }
    return this.#closing;
  }

  /** The history's own number of a symbol of the source. */
  #number(symbol: number): number {
    const name = this.#source.symbols[symbol]?.name as string;
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.#numbers.size;
      this.#numbers.set(name, number);
      this.#names.push(name);
    }
    this.#source.numbers[symbol] = number;
    return number;
  }

  #handOver(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    const count = this.#at / ROW;
    this.#at = 0;
    if (count === 0) return;
    if (this.#waiting >= CHUNKS_WAITING) {
      if (this.#lost === 0) this.#note("warn", "the tick history cannot keep up and leaves ticks out");
      this.#lost += count;
      return;
    }
    const rows = this.#chunk;
    this.#chunk = this.#spare.pop() ?? newChunk();
    this.#waiting++;
    const names = this.#names;
    const lastCharts = names.length === 0 ? [] : lastChartsIn(this.#specs.filter(({ name }) => names.includes(name)));
    this.#send({ kind: "record", names, lastCharts, rows, count }, [rows.buffer as ArrayBuffer]);
    this.#names = [];
  }

  #read(request: Request & { id: number }): Promise<Extract<Reply, { kind: "rows" }>> {
    if (this.#closing !== undefined) return Promise.reject(unusable("it is closed"));
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#handOver();
    return new Promise((resolve, reject) => {
      const settle = (reply: Reply) => {
        if (reply.kind === "rows") resolve(reply);
        else reject(unusable(reply.kind === "unreadable" ? reply.why : `unexpected ${reply.kind}`));
      };
      this.#reads.set(request.id, { resolve: settle, reject });
      this.#send(request);
    });
  }

  #take(reply: Reply): void {
    switch (reply.kind) {
      case "recorded":
        this.#waiting--;
        if (this.#spare.length < 4) this.#spare.push(reply.rows);
        if (this.#waiting <= CHUNKS_WAITING / 2) this.#caughtUp();
        break;
      case "rows":
      case "unreadable":
        this.#reads.get(reply.id)?.resolve(reply);
        this.#reads.delete(reply.id);
        break;
      case "damage":
        this.#note("error", reply.why);
        break;
      case "failed":
        this.#note("error", `the tick history cannot be written: ${reply.why}; ticks are left out until it can`);
        break;
      case "left_out": {
        const now =
          this.#closing === undefined ? "can be written again" : "is closed and could not be written to its end";
        this.#note("warn", `the tick history ${now}`, { ticksLeftOut: reply.ticks });
      }
    }
  }

  #caughtUp(): void {
    if (this.#lost > 0) this.#note("warn", "the tick history has caught up", { ticksLeftOut: this.#lost });
    this.#lost = 0;
    for (const resolve of this.#wanting.splice(0)) resolve();
  }

  #fail(failure: BridgeError): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    this.#note("error", `${failure.message}; no more ticks are recorded`);
    this.#end(failure);
  }

  /** Nobody waits any longer. */
  #end(failure: BridgeError): void {
    for (const read of this.#reads.values()) read.reject(failure);
    this.#reads.clear();
    for (const resolve of this.#wanting.splice(0)) resolve();
    clearTimeout(this.#gathering);
  }

  #note(severity: "warn" | "error", message: string, context?: Readonly<Record<string, unknown>>): void {
    this.#observer?.note(severity, "history", message, context);
  }

  #send(request: Request, handedOver: ArrayBuffer[] = []): void {
    this.#thread.postMessage(request, handedOver);
  }
}

const whole = (range: HistoryRange): HistoryRange => ({
  ...range,
  from: Math.ceil(range.from) as Instant,
  to: Math.floor(range.to) as Instant,
});

function barOf(symbol: string, timeframe: Timeframe, rows: Float64Array, at: number): Bar {
  return {
    symbol,
    timeframe,
    time: rows[at] as Instant,
    brokerTime: rows[at + 1] as BrokerTime,
    open: rows[at + 2] as Price,
    high: rows[at + 3] as Price,
    low: rows[at + 4] as Price,
    close: rows[at + 5] as Price,
    tickVolume: rows[at + 6] as number,
    spread: rows[at + 7] as number,
    realVolume: rows[at + 8] as Volume,
    final: rows[at + 9] === 1,
  };
}
