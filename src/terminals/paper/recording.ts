/**
 * One file of recorded ticks: what it is, and its ticks as a stream.
 *
 * Opening looks at the first bytes only and settles format, symbol and clock, or says
 * what is wrong with the file. A file of lines is then read as it comes: memory holds one
 * chunk of bytes and one batch, however large the file. A Dukascopy or recorder file is
 * read whole, up to a limit (`wholeLimit`), when its first tick is due.
 */
import type { SymbolSpec } from "../../core/model/symbol.ts";
import type { TickRows } from "../../core/model/tick-rows.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Observer } from "../../core/ports/observer.ts";
import { type Format, type LineFormat, Row, type Sample, type WholeFormat, wholeLimit } from "./formats/format.ts";
import { formatOf, formats } from "./formats/known.ts";
import { RecordedLines } from "./recorded-lines.ts";
import { namedPath, symbolOf } from "./recorded-symbol.ts";
import { RecordedTicks, type Tally } from "./recorded-ticks.ts";
import { type ToUtc, timeZone } from "./time-zone.ts";
import { DamagedFile, Unpacked } from "./unpacked.ts";

const HEAD = 64 * 1024;
const PROGRESS_EVERY = 5000;

export interface RecordingSettings {
  /** The clock of all files, instead of each format's own: "UTC", "UTC-5", "broker" or an IANA name. */
  readonly timeZone?: string;
  /** The clock of one format's files, by the format's name; goes before `timeZone`. */
  readonly timeZones?: Readonly<Record<string, string>>;
  /** A malformed line or a damaged file ends the replay. */
  readonly strict?: boolean;
}

export class Recording {
  readonly path: string;
  readonly symbol: SymbolSpec;
  readonly format: Format;
  /** None of its ticks is earlier; unknown (as early as can be) when its first bytes hold no tick. */
  readonly starts: number;
  readonly #symbols: readonly SymbolSpec[];
  readonly #file: Unpacked;
  readonly #sample: Sample;
  readonly #toUtc: ToUtc;
  readonly #strict: boolean;
  readonly #clock: Clock;
  readonly #observer: Observer;
  #ticks: RecordedTicks;
  #saidAt = 0;

  private constructor(
    file: Unpacked,
    sample: Sample,
    format: Format,
    symbols: readonly SymbolSpec[],
    symbol: SymbolSpec,
    settings: RecordingSettings,
    clock: Clock,
    observer: Observer,
  ) {
    this.path = file.path;
    this.symbol = symbol;
    this.#symbols = symbols;
    this.format = format;
    this.#file = file;
    this.#sample = sample;
    this.#toUtc = timeZone(settings.timeZones?.[format.name] ?? settings.timeZone ?? format.zone(sample));
    this.#strict = settings.strict ?? false;
    this.#clock = clock;
    this.#observer = observer;
    this.#ticks = this.#anew();
    const complete = sample.head.length < HEAD;
    const { digits } = symbol;
    this.starts = this.#toUtc(
      format.kind === "whole" ? format.starts(sample) : RecordedLines.firstTime(format, sample, digits, complete),
    );
  }

  /** `text` is a path, `SYMBOL=path` or `path@SYMBOL`. Throws an error that names the file. */
  static async open(
    text: string,
    settings: RecordingSettings,
    symbols: readonly SymbolSpec[],
    clock: Clock,
    observer: Observer,
  ): Promise<Recording> {
    const named = namedPath(text);
    try {
      const file = await Unpacked.open(named.path);
      const sample = { path: file.path, head: await file.head(HEAD) };
      const format = formatFor(sample);
      const symbol = symbolOf(named, format.symbol?.(sample), symbols);
      return new Recording(file, sample, format, symbols, symbol, settings, clock, observer);
    } catch (cause) {
      throw new Error(`cannot replay ${named.path}: ${(cause as Error).message}`, { cause });
    }
  }

  /** What the last run through the file has met so far. */
  get tally(): Readonly<Tally> {
    return this.#ticks.tally;
  }

  async *batches(): AsyncGenerator<TickRows, void> {
    this.#ticks = this.#anew();
    this.#saidAt = this.#clock.now();
    try {
      yield* this.format.kind === "lines" ? this.#lines(this.format) : this.#whole(this.format);
    } catch (error) {
      if (!(error instanceof DamagedFile)) throw error;
      if (this.#ticks.waiting > 0) yield this.#ticks.take();
      this.#ticks.damaged(error.message);
    }
    this.#ticks.finished();
  }

  async *#lines(format: LineFormat): AsyncGenerator<TickRows, void> {
    const lines = new RecordedLines(format, this.#sample, this.symbol.digits, this.#ticks);
    for await (const batch of lines.batches(this.#file.chunks())) {
      this.#sayProgress();
      yield batch;
    }
  }

  async *#whole(format: WholeFormat): AsyncGenerator<TickRows, void> {
    const ticks = this.#ticks;
    const row = new Row();
    const bytes = await this.#file.whole(wholeLimit);
    const rows = format.rows(this.#sample, bytes, this.symbol, row)[Symbol.iterator]();
    for (let number = 1; ; number++) {
      const { done, value: reason } = stepOf(rows);
      if (done === true) break;
      if (reason === undefined) ticks.add(row);
      else ticks.malformed(`tick ${number}`, reason);
      if (!ticks.full) continue;
      this.#sayProgress();
      yield ticks.take();
    }
    if (ticks.waiting > 0) yield ticks.take();
  }

  #sayProgress(): void {
    const now = this.#clock.now();
    if (now - this.#saidAt < PROGRESS_EVERY) return;
    this.#saidAt = now;
    const percent = Math.round(this.#file.progress * 100);
    this.#observer.note("info", "replay", "replaying", { file: this.path, percent, ticks: this.tally.ticks });
  }

  #anew(): RecordedTicks {
    return new RecordedTicks(this.path, this.#symbols, this.symbol, this.#toUtc, this.#observer, this.#strict);
  }
}

function stepOf(rows: Iterator<string | undefined>): IteratorResult<string | undefined> {
  try {
    return rows.next();
  } catch (cause) {
    throw new DamagedFile((cause as Error).message, { cause });
  }
}

function formatFor(sample: Sample): Format {
  const { head } = sample;
  if (head[0] === 0xff && head[1] === 0xfe) throw new Error("it is UTF-16 text; save it as UTF-8");
  const format = formatOf(sample);
  if (format !== undefined) return format;
  if (head.length === 0) throw new Error("it is empty");
  throw new Error(`its format is none of ${formats.map(({ name }) => name).join(", ")}`);
}
