/**
 * A market that happened before: recorded ticks, from files.
 *
 * Nothing is dropped. Policies, file by file:
 *   - Crossed quotes (ask below bid) and zero spreads pass as recorded, and are counted.
 *   - Repeated quotes pass: they are ticks of their source. Flags say what changed since the
 *     file's tick before, so a quote that changes nothing has flags 0, unless the recording
 *     tells flags of its own.
 *   - A stamp before its predecessor's: the tick keeps its place, its time is lifted to the
 *     predecessor's. Counted.
 *   - Prices are rounded to the symbol's digits; said once for each file that has finer ones.
 *   - A malformed line is no tick. File, line and reason are logged (the first ten of a file,
 *     then a sum). A damaged or cut-off file counts up to the damage. `strict` makes both fatal.
 *   - Several files are merged by time; at the same time the file listed first goes first.
 *
 * With `speed` a number the recorded gaps are kept, divided by it. A gap of more than ten
 * minutes is a closed market (the longest pause seen inside a session is 387 s, the shortest
 * daily break 46 minutes): it takes a minute at most. Whoever holds the replay up for more
 * than five seconds shifts the rest; ticks are not hurried to catch up with the clock.
 * With "max" batches come back to back, as fast as they are taken.
 */
import { setImmediate as turn } from "node:timers/promises";
import type { Instant } from "../../core/model/ids.ts";
import type { SymbolSpec } from "../../core/model/symbol.ts";
import type { TickRows } from "../../core/model/tick-rows.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Observer } from "../../core/ports/observer.ts";
import type { Market } from "./market.ts";
import { merged } from "./merge.ts";
import type { Tally } from "./recorded-ticks.ts";
import { Recording, type RecordingSettings } from "./recording.ts";

const BATCH = 1000;
const CLOSED = 10 * 60_000;
const LONGEST_WAIT = 60_000;
const MOST_BEHIND = 5000;

export interface ReplaySettings extends RecordingSettings {
  /** Paths; `SYMBOL=path` or `path@SYMBOL` names the symbol. */
  readonly files: readonly string[];
  /** 1 is the pace of the recording, 60 a minute in a second; "max" does not wait. */
  readonly speed: number | "max";
}

export class ReplayMarket implements Market {
  readonly patient: boolean;
  readonly recordings: readonly Recording[];
  readonly #speed: number;
  readonly #clock: Clock;
  readonly #observer: Observer;
  #now: Instant;

  private constructor(recordings: readonly Recording[], speed: number | "max", clock: Clock, observer: Observer) {
    this.patient = speed === "max";
    this.recordings = recordings;
    this.#speed = speed === "max" ? Number.POSITIVE_INFINITY : speed;
    this.#clock = clock;
    this.#observer = observer;
    const starts = recordings.map((recording) => recording.starts).filter(Number.isFinite);
    this.#now = (starts.length === 0 ? 0 : Math.min(...starts)) as Instant;
  }

  /** Looks at every file; throws an error that names the first that cannot be replayed. */
  static async open(
    settings: ReplaySettings,
    symbols: readonly SymbolSpec[],
    clock: Clock,
    observer: Observer,
  ): Promise<ReplayMarket> {
    const { files, speed } = settings;
    if (files.length === 0) throw new Error("a replay needs at least one file");
    if (speed !== "max" && !(speed > 0 && Number.isFinite(speed))) {
      throw new Error(`a replay's speed is a positive number or "max", not ${speed}`);
    }
    const recordings: Recording[] = [];
    for (const file of files) recordings.push(await Recording.open(file, settings, symbols, clock, observer));
    return new ReplayMarket(recordings, speed, clock, observer);
  }

  now(): Instant {
    return this.#now;
  }

  async *batches(signal: AbortSignal): AsyncGenerator<TickRows, void> {
    const ticks = merged(this.recordings, BATCH);
    for await (const batch of this.patient ? ticks : this.#paced(ticks, signal)) {
      if (signal.aborted) return;
      this.#now = batch.timeAt(batch.length - 1);
      yield batch;
      await turn(); // a replay at full speed must not keep everything else waiting
      if (signal.aborted) return;
    }
    if (!signal.aborted) this.#observer.note("info", "replay", "replay finished", { ...this.tally() });
  }

  /** All files' tallies, added up. */
  tally(): Tally {
    const sum: Tally = { ticks: 0, malformed: 0, crossed: 0, repeated: 0, late: 0 };
    for (const { tally } of this.recordings) {
      for (const what of Object.keys(sum) as (keyof Tally)[]) sum[what] += tally[what];
    }
    return sum;
  }

  async *#paced(batches: AsyncIterable<TickRows>, signal: AbortSignal): AsyncGenerator<TickRows, void> {
    let last: Instant | undefined;
    let due: number = this.#clock.now();
    for await (const batch of batches) {
      let sent = 0;
      for (let at = 0; at < batch.length; at++) {
        const time = batch.timeAt(at);
        const next = due + this.#wait(last === undefined ? 0 : time - last);
        let now: number = this.#clock.now();
        if (next > now && at > sent) {
          yield batch.slice(sent, at);
          sent = at;
          now = this.#clock.now();
        }
        while (next > now) {
          if (signal.aborted) return;
          await this.#clock.sleep(Math.ceil(next - now), signal);
          now = this.#clock.now();
        }
        due = now - next > MOST_BEHIND ? now : next;
        last = time;
      }
      if (sent < batch.length) yield sent === 0 ? batch : batch.slice(sent);
    }
  }

  #wait(gap: number): number {
    const scaled = gap / this.#speed;
    return gap > CLOSED ? Math.min(scaled, LONGEST_WAIT) : scaled;
  }
}
