/**
 * Recorded ticks as an answer: bytes for who takes bytes, straight from the rows, and a message once somebody looks
 * into it. Making messages of them and encoding those takes ten times as long.
 */
import { fromBinary, type Message } from "@bufbuild/protobuf";
import {
  type ListTicksResponse,
  ListTicksResponseSchema,
  type TickColumns,
  type Tick as TickMessage,
} from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import type { Tick } from "../core/model/tick.ts";
import type { TickRows } from "../core/model/tick-rows.ts";
import { BackwardBytes } from "./backward-bytes.ts";
import { TickWriter } from "./tick-bytes.ts";
import { largestColumns, writeColumns } from "./tick-columns.ts";
import { type Symbols, tickMessage } from "./tick-message.ts";

const field = { nextPageToken: 2, columns: 3 } as const;
const utf8 = new TextEncoder();
const writer = new BackwardBytes();

export class TicksAsRows implements ListTicksResponse {
  readonly $typeName = "mt5bridge.v1.ListTicksResponse";
  readonly columns = [];
  readonly nextPageToken: string;
  readonly #rows: TickRows<Tick>;
  readonly #symbols: Symbols;

  constructor(rows: TickRows<Tick>, nextPageToken: string, symbols: Symbols) {
    this.nextPageToken = nextPageToken;
    this.#rows = rows;
    this.#symbols = symbols;
  }

  get ticks(): TickMessage[] {
    return Array.from(this.#rows, (tick) => tickMessage(tick, this.#symbols));
  }

  get bytes(): Buffer {
    writer.text(field.nextPageToken, utf8.encode(this.nextPageToken));
    new TickWriter(this.#symbols).write(writer, this.#rows);
    return writer.take();
  }
}

export class TicksAsColumns implements ListTicksResponse {
  readonly $typeName = "mt5bridge.v1.ListTicksResponse";
  readonly ticks = [];
  readonly nextPageToken: string;
  readonly #parts: readonly TickRows<Tick>[];
  readonly #digits: number;

  constructor(rows: TickRows<Tick>, nextPageToken: string, digits: number) {
    this.nextPageToken = nextPageToken;
    this.#digits = digits;
    const count = Math.ceil(rows.length / largestColumns);
    this.#parts = Array.from({ length: count }, (_, i) =>
      rows.slice(i * largestColumns, Math.min(rows.length, (i + 1) * largestColumns)),
    );
  }

  get columns(): TickColumns[] {
    return fromBinary(ListTicksResponseSchema, this.bytes).columns;
  }

  get bytes(): Buffer {
    for (const part of this.#parts.toReversed()) writeColumns(writer, field.columns, part, this.#digits);
    writer.text(field.nextPageToken, utf8.encode(this.nextPageToken));
    return writer.take();
  }
}

/** A message's bytes, if it makes them itself. */
export const ownBytes = (message: Message): Buffer | undefined =>
  message instanceof TicksAsColumns || message instanceof TicksAsRows ? message.bytes : undefined;
