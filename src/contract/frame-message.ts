/**
 * A frame of ticks as it goes to all its readers: bytes or text for those who take that, and a message only once
 * somebody looks into it.
 *
 * Readers who want different symbols of the same turn share what is dear to make: the columns of each symbol, and the
 * JSON text of each tick. A tick's own bytes take no longer to write than to copy, and are written anew.
 */
import { create, fromBinary, type Message } from "@bufbuild/protobuf";
import { type StreamTicksResponse, type TickBatch, TickBatchSchema } from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { ROW } from "../core/model/tick-rows.ts";
import type { Cursor } from "../core/streams/cursor.ts";
import { bySymbol, type Frame, Selection } from "../core/ticks/frame.ts";
import { BackwardBytes } from "./backward-bytes.ts";
import { inEnvelope } from "./envelope.ts";
import { cursorOf } from "./streams.ts";
import { TickWriter } from "./tick-bytes.ts";
import { writeColumns } from "./tick-columns.ts";
import { batchMessage, type Symbols } from "./tick-message.ts";
import { batchText, textsOf } from "./tick-text.ts";

export type Form = "rows" | "columns";

class FrameMessage implements StreamTicksResponse {
  readonly $typeName = "mt5bridge.v1.StreamTicksResponse";
  readonly event: StreamTicksResponse["event"];
  readonly #frame: Frame;
  readonly #form: Form;
  readonly #cursor: Cursor;
  readonly #symbols: Symbols;

  constructor(frame: Frame, form: Form, cursor: Cursor, symbols: Symbols) {
    this.#frame = frame;
    this.#form = form;
    this.#cursor = cursor;
    this.#symbols = symbols;
    let batch: TickBatch | undefined;
    this.event = {
      case: "batch",
      get value() {
        batch ??=
          form === "rows"
            ? batchMessage(frame.ticks, frame.skips, cursor, symbols)
            : batchOfColumns(frame, cursor, symbols);
        return batch;
      },
    };
  }

  /** Undefined for columns in JSON, which nobody is in a hurry for. */
  envelope(json: boolean): Buffer | undefined {
    if (json) return this.#form === "rows" ? batchText(this.#texts(), this.#cursor) : undefined;
    const { rows, skips } = this.#frame;
    if (this.#form === "columns") for (const columns of this.#columns().toReversed()) bytes.raw(columns);
    writeCursor(this.#cursor);
    if (this.#form === "rows") writerOf(this.#symbols).write(bytes, rows, skips);
    bytes.enclose(field.batch, 0);
    return inEnvelope(bytes.lend());
  }

  #columns(): readonly Uint8Array[] {
    const symbols = this.#symbols;
    const columns = once(columnsOnce, wholeOf(this.#frame), (whole) => columnsOf(whole, symbols));
    return columns.flatMap((one, i) => (one !== undefined && isWanted(this.#frame, i) ? one : []));
  }

  #texts(): readonly string[] {
    const frame = this.#frame;
    const symbols = this.#symbols;
    const texts = once(textsOnce, wholeOf(frame), ({ rows, skips }) => textsOf(rows, skips, symbols));
    if (!(frame instanceof Selection)) return texts;
    const { numbers } = frame.whole.rows;
    return texts.filter((_, row) => isWanted(frame, numbers[row * ROW] as number));
  }
}

/** Of a whole frame; readers of some of its symbols take their part. */
const columnsOnce = new WeakMap<Frame, readonly (Uint8Array | undefined)[]>();
const textsOnce = new WeakMap<Frame, readonly string[]>();

function once<T>(made: WeakMap<Frame, T>, frame: Frame, make: (frame: Frame) => T): T {
  const known = made.get(frame);
  if (known !== undefined) return known;
  const value = make(frame);
  made.set(frame, value);
  return value;
}

const wholeOf = (frame: Frame): Frame => (frame instanceof Selection ? frame.whole : frame);

const isWanted = (frame: Frame, symbol: number): boolean => !(frame instanceof Selection) || frame.wanted[symbol] === 1;

/** Columns as a message: for JSON, and for a snapshot, which is made once. */
export function batchOfColumns(frame: Frame, cursor: Cursor, symbols: Symbols): TickBatch {
  const { columns } = fromBinary(TickBatchSchema, Buffer.concat(columnsOf(frame, symbols).flatMap((one) => one ?? [])));
  return create(TickBatchSchema, { columns, cursor: cursorOf(cursor) });
}

/** By the number of a symbol: its columns as a field of a TickBatch, so that any set of them can be put together. */
function columnsOf({ rows, skips }: Frame, symbols: Symbols): readonly (Uint8Array | undefined)[] {
  const skipsOf = (symbol: number) => skips?.filter((_, row) => rows.numbers[row * ROW] === symbol);
  return bySymbol(rows).map((part, symbol) => {
    if (part === undefined) return undefined;
    writeColumns(bytes, field.columns, part, digitsOf(rows.symbols[symbol], symbols), skipsOf(symbol));
    return bytes.take();
  });
}

const digitsOf = (symbol: { readonly name: string } | undefined, symbols: Symbols): number =>
  symbols.get(symbol?.name ?? "")?.digits ?? 0;

const field = { batch: 4, cursor: 2, columns: 3, epoch: 1, sequence: 2 } as const;
const bytes = new BackwardBytes();
const utf8 = new TextEncoder();
let lastEpoch = { name: "", text: new Uint8Array(0) };

function writeCursor({ epoch, sequence }: Cursor): void {
  if (epoch !== lastEpoch.name) lastEpoch = { name: epoch, text: utf8.encode(epoch) };
  const before = bytes.length;
  bytes.number(field.sequence, sequence);
  bytes.text(field.epoch, lastEpoch.text);
  bytes.enclose(field.cursor, before);
}

const writers = new WeakMap<Symbols, TickWriter>();

function writerOf(symbols: Symbols): TickWriter {
  const writer = writers.get(symbols) ?? new TickWriter(symbols);
  writers.set(symbols, writer);
  return writer;
}

/** Frames are shared by their readers, and so are their messages and, in the transports, their bytes. */
const messages: Readonly<Record<Form, WeakMap<Frame, FrameMessage>>> = { rows: new WeakMap(), columns: new WeakMap() };

export const frameMessage = (frame: Frame, form: Form, cursor: Cursor, symbols: Symbols): StreamTicksResponse =>
  once(messages[form], frame, () => new FrameMessage(frame, form, cursor, symbols));

/** The bytes or the JSON text of a message that knows them without being encoded, in an envelope. */
export const readyEnvelope = (message: Message, json: boolean): Buffer | undefined =>
  message instanceof FrameMessage ? message.envelope(json) : undefined;
