/**
 * A strategy that reads ticks over one way, stalls, changes its symbols, goes away and comes back, and holds
 * everything it is told against what was published.
 */
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import {
  Delivery,
  type StreamTicksResponse,
  type Tick as TickMessage,
  TicksService,
} from "../../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { ResetReason } from "../../../gen/ts/mt5bridge/v1/types_pb.ts";
import type { Tick } from "../../../src/core/model/tick.ts";
import type { Life } from "./life.ts";
import { ways } from "./ways.ts";

type Case<K extends string> = Extract<StreamTicksResponse["event"], { case: K }>["value"];

export class TickTaker {
  /** How it asks, for the message of a failure. */
  readonly name: string;
  readonly lossless: boolean;
  /** What it found wrong. */
  wrong: string | undefined;
  /** Ticks it was given. */
  taken = 0;
  /** Starts that were declared to be afresh. */
  resets = 0;
  #life: Life;
  #wanted: Set<string>;
  /** The life and the place behind the last event that told one. */
  #at: { life: Life; place: number } | undefined;
  /** Of each symbol, the place from which on it is to be told. */
  readonly #since = new Map<string, number>();
  /** Of the stream that is open, or of the next one. */
  #streamId = Promise.withResolvers<string>();
  #isNamed = false;
  #connection = new AbortController();
  #reading: Promise<void>;
  #open: PromiseWithResolvers<void> | undefined;
  #news = Promise.withResolvers<void>();
  #over = false;

  constructor(way: string, lossless: boolean, symbols: readonly string[], life: Life) {
    this.name = `${way}, ${lossless ? "EVERY_TICK" : "LATEST"}`;
    this.lossless = lossless;
    this.#life = life;
    this.#wanted = new Set(symbols);
    this.#reading = this.#read(way);
  }

  get symbols(): readonly string[] {
    return [...this.#wanted];
  }

  /** Takes nothing any more, until it is to go on. */
  stall(): void {
    this.#open ??= Promise.withResolvers();
  }

  goOn(): void {
    this.#open?.resolve();
    this.#open = undefined;
  }

  get isStalled(): boolean {
    return this.#open !== undefined;
  }

  /** Breaks the connection; it comes back by itself. */
  cut(): void {
    this.#connection.abort();
  }

  /** The bridge is another one from now on; whoever is still connected to the one before finds out by itself. */
  follow(life: Life): void {
    this.#life = life;
  }

  /** Nothing may be published meanwhile: that makes known from which place on the change holds. */
  async change(add: readonly string[], remove: readonly string[]): Promise<void> {
    const life = this.#life;
    const streamId = await Promise.race([this.#streamId.promise, this.#reading]);
    if (streamId === undefined) return; // it has found something wrong, and reads no more
    const baseUrl = `http://127.0.0.1:${life.ports.http}`;
    // Each protocol has a server of its own here, and all of them one hub.
    const client = createClient(TicksService, createConnectTransport({ baseUrl, httpVersion: "1.1" }));
    try {
      await client.updateTickSubscription({ streamId, add: [...add], remove: [...remove] });
    } catch (error) {
      if (ConnectError.from(error).code === Code.NotFound) return; // the stream was cut meanwhile
      throw error;
    }
    for (const symbol of add) this.#since.set(symbol, life.published.length);
    for (const symbol of remove) this.#gone.push({ symbol, place: life.published.length });
    this.#wanted = new Set([...this.#wanted, ...add].filter((symbol) => !remove.includes(symbol)));
  }

  readonly #gone: { symbol: string; place: number }[] = [];

  async end(): Promise<void> {
    this.#over = true;
    this.goOn();
    this.cut();
    await this.#reading;
  }

  /** Resolves once it has been told all that was published of its symbols, or has found something wrong. */
  async caughtUp(): Promise<void> {
    while (this.wrong === undefined && !this.#isCaughtUp()) await this.#news.promise;
  }

  #isCaughtUp(): boolean {
    const { life, place } = this.#at ?? {};
    const last = this.#life.published.findLastIndex(({ symbol }) => this.#wanted.has(symbol)) + 1;
    return life === this.#life && (place ?? 0) >= last;
  }

  async #read(way: string): Promise<void> {
    const open = ways[way];
    if (open === undefined) throw new Error(`no way is called ${way}`);
    while (!this.#over && this.wrong === undefined) {
      const life = this.#life;
      this.#connection = new AbortController();
      const after = this.#at;
      const wish = {
        symbols: this.symbols as string[],
        delivery: this.lossless ? Delivery.EVERY_TICK : Delivery.LATEST,
        ...(after && { resumeAfter: { epoch: after.life.epoch, sequence: BigInt(after.place) } }),
      };
      try {
        for await (const event of open(life.ports, wish, this.#connection.signal)) {
          await this.#open?.promise;
          this.#take(event, life);
          this.#news.resolve();
          this.#news = Promise.withResolvers();
          if (this.#connection.signal.aborted || this.wrong !== undefined) break;
        }
      } catch {
        // Cut, refused, or the bridge went: it comes back with its cursor.
      }
      if (this.#isNamed) this.#streamId = Promise.withResolvers();
      this.#isNamed = false;
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#news.resolve();
  }

  #take({ event }: StreamTicksResponse, life: Life): void {
    if (event.case === "opened") this.#opened(event.value, life);
    else if (event.case === "reset") this.#reset(event.value, life);
    else if (event.case === "batch") this.#batch(event.value, life);
    else if (event.case === "heartbeat" || event.case === "closing") this.#cursorIs(event.value.cursor, life);
  }

  #opened({ streamId, cursor }: Case<"opened">, life: Life): void {
    this.#gone.length = 0;
    if (this.#at === undefined) this.#start(life, Number(cursor?.sequence));
    else for (const symbol of this.#wanted) this.#since.set(symbol, this.#at.place);
    this.#streamId.resolve(streamId);
    this.#isNamed = true;
  }

  #start(life: Life, place: number): void {
    this.#at = { life, place };
    for (const symbol of this.#wanted) this.#since.set(symbol, place);
  }

  #reset({ reason, cursor }: Case<"reset">, life: Life): void {
    if (this.#at?.life === life) this.#fail(`a reset (${reason}) within one life`);
    else if (reason !== ResetReason.EPOCH_CHANGED) this.#fail(`another life is told with reason ${reason}`);
    this.resets++;
    this.#start(life, Number(cursor?.sequence));
  }

  #cursorIs(cursor: { epoch: string; sequence: bigint } | undefined, life: Life): void {
    if (cursor === undefined || this.#at?.life !== life) return;
    const missed = this.#due(life, Number(cursor.sequence));
    if (this.lossless && missed.length > 0) this.#fail(`${missed.length} ticks before its cursor were not told`);
  }

  #batch({ ticks, cursor }: Case<"batch">, life: Life): void {
    const to = Number(cursor?.sequence);
    const { life: before, place = 0 } = this.#at ?? {};
    if (before !== life) this.#fail("a batch of another life without a reset");
    else if (to <= place) this.#fail(`the cursor went from ${place} to ${to}`);
    else {
      const wrong = this.lossless ? this.#compare(ticks, this.#due(life, to)) : this.#addUp(ticks, life);
      if (wrong !== undefined) this.#fail(wrong);
      this.taken += ticks.length;
      this.#at = { life, place: to };
    }
  }

  /** What has to be told between the last event and the place, in order. */
  #due(life: Life, to: number): Tick[] {
    const from = this.#at?.place ?? 0;
    return life.published.slice(from, to).filter(({ symbol, place }) => this.#isDue(symbol, place));
  }

  #isDue(symbol: string, place: number): boolean {
    if (this.#wanted.has(symbol)) return place > (this.#since.get(symbol) ?? Number.POSITIVE_INFINITY);
    return this.#gone.some((gone) => gone.symbol === symbol && place <= gone.place);
  }

  #compare(ticks: readonly TickMessage[], due: readonly Tick[]): string | undefined {
    if (ticks.length !== due.length) return `${ticks.length} ticks where ${due.length} were published`;
    const odd = due.findIndex((tick, i) => !isSame(ticks[i], tick));
    return odd < 0 ? undefined : `tick ${odd} of a batch is not the one that was published`;
  }

  /** Each is newer than the one before it, and every one between the two was counted. */
  #addUp(ticks: readonly TickMessage[], life: Life): string | undefined {
    for (const tick of ticks) {
      const published = life.published.find(({ symbol, sequence }) => isSame(tick, { symbol, sequence } as Tick));
      if (published === undefined) return "a tick that was never published";
      const since = this.#since.get(tick.symbol) ?? 0;
      const between = life.published.slice(since, published.place - 1).filter(({ symbol }) => symbol === tick.symbol);
      if (published.place <= since) return "a tick older than the one before it";
      if (between.length !== tick.skipped) return `${tick.skipped} skipped of ${tick.symbol}, not ${between.length}`;
      this.#since.set(tick.symbol, published.place);
    }
    return undefined;
  }

  #fail(what: string): void {
    this.wrong ??= what;
  }
}

const isSame = (told: TickMessage | undefined, { symbol, sequence, bid }: Tick): boolean =>
  told?.symbol === symbol &&
  told.sequence === BigInt(sequence) &&
  (bid === undefined || Math.round(told.bid * 1e5) === bid);
