/** TicksService: prices live, latest and recorded; symbols. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import {
  Delivery,
  GetLatestTicksResponseSchema,
  GetSymbolResponseSchema,
  ListBarsResponseSchema,
  ListSymbolsResponseSchema,
  type StreamBarsResponse,
  StreamBarsResponseSchema,
  type StreamTicksRequest,
  type StreamTicksResponse,
  StreamTicksResponseSchema,
  SubscriptionSchema,
  TickForm,
  TicksService,
  type Timeframe,
  UpdateTickSubscriptionResponseSchema,
} from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import type { SymbolResultSchema } from "../../gen/ts/mt5bridge/v1/types_pb.ts";
import type { Account } from "../core/accounts/account.ts";
import { BridgeError } from "../core/errors.ts";
import type { Bar, Timeframe as CoreTimeframe } from "../core/model/bar.ts";
import type { Instant } from "../core/model/ids.ts";
import { TickRows } from "../core/model/tick-rows.ts";
import type { HistoryRange } from "../core/ports/history.ts";
import type { Flow } from "../core/streams/flow.ts";
import { largest, RowFrame } from "../core/ticks/frame.ts";
import { pastBars } from "../core/ticks/past-bars.ts";
import type { Quotes } from "../core/ticks/quotes.ts";
import { streamBars } from "../core/ticks/stream-bars.ts";
import { streamTicks, type TickEvent } from "../core/ticks/stream-ticks.ts";
import type { SymbolResult } from "../core/ticks/tick-item.ts";
import { type Accounts, accountOf } from "./accounts.ts";
import { batchOfColumns, type Form, frameMessage } from "./frame-message.ts";
import { partsOf, sizeOf, tokenOf } from "./pages.ts";
import { mayReadSymbol } from "./principal.ts";
import { TicksAsColumns, TicksAsRows } from "./recorded-ticks.ts";
import { type Implementation, service } from "./service.ts";
import { courseEvent, cursorFrom, cursorOf, heartbeatOf } from "./streams.ts";
import { barMessage, batchMessage, symbolMessage, tickMessage } from "./tick-message.ts";
import { instant, milliseconds } from "./times.ts";
import { timeframes, wordOf } from "./words.ts";

type SymbolResults = MessageInitShape<typeof SymbolResultSchema>[];

/** The RPCs that need nothing but prices. */
export function tickStreams(accounts: ReadonlyMap<string, Quotes>) {
  return {
    streamTicks(request, call) {
      const account = accountOf(accounts, request.account);
      const { results, events } = streamTicks(account, tickOptions(request, call.principal.name), call);
      const form = formOf(request.form);
      return events.map((event) => tickEvent(event, form, account, results));
    },

    async updateTickSubscription({ streamId, add, remove }, { principal }) {
      const { hub, reader } = readerOf(accounts, streamId, principal.name);
      const { symbols, results } = hub.update(reader, add, remove);
      const subscription = create(SubscriptionSchema, { symbols: [...symbols], results: [...results] });
      return create(UpdateTickSubscriptionResponseSchema, { subscription });
    },
  } satisfies Partial<Implementation<typeof TicksService>>;
}

export const ticksService = (accounts: Accounts) =>
  service(TicksService, {
    ...tickStreams(accounts),

    async getLatestTicks(request) {
      const account = accountOf(accounts, request.account);
      const symbols = request.symbols.length === 0 ? [...account.symbols.keys()] : request.symbols;
      for (const symbol of symbols) account.desk.symbol(symbol);
      const ticks = symbols.flatMap((symbol) => account.hub.latest(symbol) ?? []);
      return create(GetLatestTicksResponseSchema, { ticks: ticks.map((tick) => tickMessage(tick, account.symbols)) });
    },

    async listTicks(request) {
      const account = accountOf(accounts, request.account);
      const { digits } = account.desk.symbol(request.symbol);
      const inColumns = request.form === TickForm.COLUMNS;
      if (!inColumns) refuseAbove(largestPage, request.pageSize);
      const range = rangeOf(request);
      const rows = await account.history.ticks(range);
      const next = nextPage(range, rows.length, (i) => rows.timeAt(i));
      return inColumns ? new TicksAsColumns(rows, next, digits) : new TicksAsRows(rows, next, account.symbols);
    },

    async listBars(request) {
      const account = accountOf(accounts, request.account);
      account.desk.symbol(request.symbol);
      const range = rangeOf(request);
      const bars = await pastBars(account, range, timeframeOf(request.timeframe));
      return create(ListBarsResponseSchema, {
        bars: bars.map((bar) => barMessage(bar, account.symbols)),
        nextPageToken: nextPage(range, bars.length, (i) => (bars[i] as Bar).time),
      });
    },

    async *streamBars(request, call) {
      const account = accountOf(accounts, request.account);
      const options = {
        symbols: request.symbols,
        timeframe: timeframeOf(request.timeframe),
        minInterval: milliseconds(request.minInterval, 100),
        after: cursorFrom(request.resumeAfter),
        heartbeat: heartbeatOf(request.heartbeatInterval),
      };
      const { results, events } = await streamBars(account, options, call);
      for await (const event of events) yield barEvent(event, account, [...results]);
    },

    async listSymbols(request, { principal }) {
      const account = accountOf(accounts, request.account);
      const names = [...account.symbols.values()]
        .filter(({ name }) => mayReadSymbol(principal, name))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
      const [from = 0] = partsOf(request.pageToken, 1) ?? [];
      const to = from + sizeOf(request.pageSize, 1000);
      return create(ListSymbolsResponseSchema, {
        symbols: names.slice(from, to).map(symbolMessage),
        nextPageToken: to < names.length ? tokenOf(to) : "",
      });
    },

    async getSymbol(request) {
      const account = accountOf(accounts, request.account);
      return create(GetSymbolResponseSchema, { symbol: symbolMessage(account.desk.symbol(request.symbol)) });
    },
  });

/** A stream that somebody else has opened is as unknown as one that nobody has. */
function readerOf(accounts: ReadonlyMap<string, Quotes>, id: string, owner: string) {
  for (const { hub } of accounts.values()) {
    const reader = hub.readerOf(id, owner);
    if (reader !== undefined) return { hub, reader };
  }
  throw new BridgeError("unknown_stream", `stream_id: no stream is called ${JSON.stringify(id)}`, {
    violations: [{ field: "stream_id", description: "must be the stream_id of an open StreamTicks" }],
  });
}

const formOf = (form: TickForm): Form => (form === TickForm.COLUMNS ? "columns" : "rows");

function tickOptions(request: StreamTicksRequest, owner: string) {
  const after = cursorFrom(request.resumeAfter);
  return {
    owner,
    symbols: request.symbols,
    lossless: request.delivery !== Delivery.LATEST,
    minInterval: milliseconds(request.minInterval, 0),
    maxBatch: sizeOf(request.maxBatch, largest),
    linger: milliseconds(request.maxLinger, 0),
    snapshot: request.snapshot ?? after === undefined,
    after,
    heartbeat: heartbeatOf(request.heartbeatInterval),
  };
}

function tickEvent(
  event: TickEvent,
  form: Form,
  account: Quotes,
  symbols: readonly SymbolResult[],
): StreamTicksResponse {
  switch (event.type) {
    case "batch":
      return frameMessage(event.frame, form, event.cursor, account.symbols);
    case "snapshot": {
      const { ticks, cursor } = event;
      const value =
        form === "rows"
          ? batchMessage(ticks, undefined, cursor, account.symbols)
          : batchOfColumns(new RowFrame(TickRows.of(ticks), cursor.sequence), cursor, account.symbols);
      return create(StreamTicksResponseSchema, { event: { case: "snapshot", value } });
    }
    case "subscription": {
      const value = create(SubscriptionSchema, { symbols: [...event.symbols], results: [...event.results] });
      return create(StreamTicksResponseSchema, { event: { case: "subscription", value } });
    }
    default:
      return create(StreamTicksResponseSchema, { event: courseEvent(event, account.info, [...symbols]) });
  }
}

type BarEvent = Awaited<ReturnType<typeof streamBars>>["events"] extends Flow<infer E> ? E : never;

function barEvent(event: BarEvent, account: Account, symbols: SymbolResults): StreamBarsResponse {
  const cursor = cursorOf(event.cursor);
  if (event.type !== "snapshot" && event.type !== "bar") {
    return create(StreamBarsResponseSchema, { cursor, event: courseEvent(event, account.info, symbols) });
  }
  const value = barMessage(event.bar, account.symbols);
  return create(StreamBarsResponseSchema, { cursor, event: { case: event.type, value } });
}

function timeframeOf(timeframe: Timeframe): CoreTimeframe {
  const word = wordOf(timeframes, timeframe);
  if (word !== undefined) return word;
  throw new BridgeError("invalid_argument", "timeframe: required", {
    violations: [{ field: "timeframe", description: "must be M1 to MN1" }],
  });
}

interface RangeRequest {
  readonly symbol: string;
  readonly from?: Timestamp | undefined;
  readonly to?: Timestamp | undefined;
  readonly pageSize: number;
  readonly pageToken: string;
}

/** Ticks of one page, unless they come as columns. */
const largestPage = 10_000;

function refuseAbove(most: number, size: number): void {
  if (size <= most) return;
  const description = `must be 0 to ${most}; got ${size}`;
  throw new BridgeError("invalid_argument", `page_size: ${description}`, {
    violations: [{ field: "page_size", description }],
  });
}

/** The part of history that a request means. A token carries the row's moment at which the page before has ended. */
function rangeOf(request: RangeRequest): HistoryRange {
  const from = request.from === undefined ? (0 as Instant) : instant(request.from);
  const to = request.to === undefined ? (Number.MAX_SAFE_INTEGER as Instant) : instant(request.to);
  if (from > to) {
    throw new BridgeError("invalid_argument", "from: must not be later than to", {
      violations: [{ field: "from", description: "must not be later than to" }],
    });
  }
  const newest = request.from === undefined;
  const [edge, skip = 0] = partsOf(request.pageToken, 2) ?? [newest ? to : from, 0];
  const limit = sizeOf(request.pageSize, 1000);
  const bounds = newest ? { from, to: edge as Instant } : { from: edge as Instant, to };
  return { symbol: request.symbol, ...bounds, limit, newest, skip };
}

/** A full page may have a next one: it begins at the moment of this one's last row, without the rows already given. */
function nextPage(range: HistoryRange, rows: number, timeOf: (row: number) => Instant): string {
  if (rows < range.limit) return "";
  const edge = timeOf(range.newest ? 0 : rows - 1);
  let same = 1;
  while (same < rows && timeOf(range.newest ? same : rows - 1 - same) === edge) same++;
  const before = edge === (range.newest ? range.to : range.from) ? range.skip : 0;
  return tokenOf(edge, same + before);
}
