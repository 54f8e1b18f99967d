/**
 * The history's thread. Messages are worked through in order, so whoever reads sees
 * everything recorded before.
 *
 * What comes in is committed every few seconds, sooner when much comes in: that bounds
 * the transaction, and with it what a killed process loses. When the disk fails, that
 * transaction is given up and the file opened anew, so that what is in it can be read; the
 * disk is tried again and again, ever more seldom. What comes meanwhile is counted and left
 * out; arrays still go back, so that the sender never waits in vain.
 */
import { join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { tryDisk } from "./disk-trouble.ts";
import { HistoryFile } from "./history-file.ts";
import type { HistorySettings, Reply, Request } from "./history-messages.ts";

const COMMIT_EVERY_MS = 5000;
/** Milliseconds before the disk is tried again: twice as many each time, until a commit has succeeded. */
const pauses = { first: 1000, longest: 30_000 } as const;

const port = parentPort;
if (port === null) throw new Error("history-worker runs in a thread of its own");
const reply = (message: Reply, handedOver: ArrayBuffer[] = []) => port.postMessage(message, handedOver);
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

class Recorder {
  readonly #settings: HistorySettings;
  /** In the order in which the sender numbered them. */
  readonly #names: string[] = [];
  /** Of the symbols that are drawn from the last price, those that have come since the start, too. */
  readonly #lastCharts: string[];
  #file: HistoryFile | undefined;
  /** Why nothing is recorded, or why there is no file to read. */
  #failure: string | undefined;
  /** Ticks that came since the last commit. */
  #unsaved = 0;
  #pause: number = pauses.first;
  #again: NodeJS.Timeout | undefined;

  constructor(settings: HistorySettings) {
    this.#settings = settings;
    this.#lastCharts = [...settings.lastCharts];
    this.#file = this.#opened();
  }

  record({ names, lastCharts, rows, count }: Extract<Request, { kind: "record" }>): void {
    this.#names.push(...names);
    this.#lastCharts.push(...lastCharts);
    this.#unsaved += count;
    this.#write((file) => {
      file.record(this.#names, rows, count);
      if (file.full) this.#commit(file);
    });
  }

  commit(): void {
    this.#write((file) => this.#commit(file));
  }

  read(request: Parameters<HistoryFile["read"]>[0]): ReturnType<HistoryFile["read"]> {
    if (this.#file === undefined) throw new Error(this.#failure);
    return this.#file.read(request);
  }

  close(): void {
    this.commit();
    clearTimeout(this.#again);
    if (this.#failure !== undefined) reply({ kind: "left_out", ticks: this.#unsaved });
    this.#file?.close();
  }

  #write(work: (file: HistoryFile) => void): void {
    if (this.#file === undefined || this.#failure !== undefined) return;
    try {
      work(this.#file);
    } catch (error) {
      this.#failure = messageOf(error);
      reply({ kind: "failed", why: this.#failure });
      this.#reopen();
      this.#later();
    }
  }

  #commit(file: HistoryFile): void {
    file.commit();
    this.#unsaved = 0;
    this.#pause = pauses.first;
  }

  /** What was not committed is not in memory any more either: reads tell what is on disk. */
  #reopen(): void {
    const spoilt = this.#file;
    this.#file = undefined;
    try {
      spoilt?.close();
      this.#file = this.#opened();
    } catch (error) {
      this.#failure = messageOf(error);
    }
  }

  #later(): void {
    this.#again = setTimeout(() => this.#tryAgain(), this.#pause);
    this.#pause = Math.min(2 * this.#pause, pauses.longest);
  }

  #tryAgain(): void {
    try {
      tryDisk(join(this.#settings.folder, "history.try"));
      this.#file ??= this.#opened();
    } catch (error) {
      this.#failure = messageOf(error);
      this.#later();
      return;
    }
    this.#failure = undefined;
    reply({ kind: "left_out", ticks: this.#unsaved });
    this.#unsaved = 0;
  }

  #opened(): HistoryFile {
    return new HistoryFile({ ...this.#settings, lastCharts: this.#lastCharts }, (why) =>
      reply({ kind: "damage", why }),
    );
  }
}

function serve(recorder: Recorder): void {
  const commits = setInterval(() => recorder.commit(), COMMIT_EVERY_MS);
  port?.on("message", (request: Request) => {
    switch (request.kind) {
      case "record":
        recorder.record(request);
        reply({ kind: "recorded", rows: request.rows }, [request.rows.buffer as ArrayBuffer]);
        break;
      case "close":
        clearInterval(commits);
        recorder.close();
        port?.close();
        break;
      default:
        try {
          const { rows, names } = recorder.read(request);
          reply({ kind: "rows", id: request.id, rows, ...(names && { names }) }, [rows.buffer as ArrayBuffer]);
        } catch (error) {
          reply({ kind: "unreadable", id: request.id, why: messageOf(error) });
        }
    }
  });
}

try {
  serve(new Recorder(workerData as HistorySettings));
  reply({ kind: "opened" });
} catch (error) {
  reply({ kind: "refused", why: messageOf(error) });
  port.close();
}
