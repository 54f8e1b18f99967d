/** The load client where there is no compiler: does what `reader.c` does, at some times the cost. Run by `startReader`. */
import { connect, type Socket } from "node:net";
import { BatchReader, JsonReader, type TickLook } from "./batch-reader.ts";
import { work } from "./client.ts";
import { Latencies } from "./latencies.ts";
import { type Opening, openings } from "./openings.ts";
import type { ReaderTask, Received } from "./reader.ts";

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const settingsAck = Buffer.from([0, 0, 0, 4, 1, 0, 0, 0, 0]);
const headEnd = Buffer.from("\r\n\r\n");
const lineEnd = Buffer.from("\r\n");

class Subscriber {
  readonly reader: BatchReader;
  readonly opened = Promise.withResolvers<void>();
  lost = false;
  readonly #opening: Opening;
  readonly #json: JsonReader;
  readonly #socket: Socket;
  /** What has come and is not a whole frame, and not a whole message, yet. */
  #raw: Buffer = Buffer.alloc(0);
  #body: Buffer = Buffer.alloc(0);
  #answered = false;

  constructor(port: number, opening: Opening, look: TickLook | undefined) {
    this.#opening = opening;
    this.reader = new BatchReader(look);
    this.#json = new JsonReader(this.reader, look);
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.write(opening.opening);
    this.#socket.on("data", (bytes) => {
      this.#raw = this.#rest(this.#raw, bytes, (all) => this.#frames(all));
    });
    this.#socket.on("error", () => undefined); // and then it closes
    this.#socket.on("close", () => this.#lose("the connection was closed"));
  }

  #lose(why: string): void {
    this.lost = true;
    this.opened.reject(new Error(why));
    this.#socket.destroy();
  }

  /** `take` says how many bytes it has done with. */
  #rest(before: Buffer, bytes: Buffer, take: (all: Buffer) => number): Buffer {
    const all = before.length === 0 ? bytes : Buffer.concat([before, bytes]);
    return all.subarray(take(all));
  }

  #frames(all: Buffer): number {
    switch (this.#opening.framing) {
      case "h2":
        return this.#http2(all);
      case "h1":
        return this.#chunks(all);
      case "websocket":
        return this.#webSocket(all);
      default:
        throw new Error(`${this.#opening.framing} is read in C alone`);
    }
  }

  #http2(all: Buffer): number {
    let at = 0;
    while (all.length - at >= 9) {
      const end = at + 9 + all.readUIntBE(at, 3);
      if (end > all.length) break;
      const [type, flags] = [all[at + 3], all[at + 4] as number];
      const isAck = (flags & 1) !== 0;
      if (type === 0) this.#content(all.subarray(at + 9, end));
      else if (type === 4 && !isAck) this.#socket.write(settingsAck);
      else if (type === 6 && !isAck) {
        const pong = Buffer.from(all.subarray(at, end));
        pong[4] = 1;
        this.#socket.write(pong);
      }
      if (type === 3 || type === 7 || ((type === 0 || type === 1) && isAck)) this.#lose("the stream ended");
      at = end;
    }
    return at;
  }

  #chunks(all: Buffer): number {
    let at = this.#answer(all);
    while (this.#answered) {
      const line = all.indexOf(lineEnd, at);
      if (line < 0) break;
      const begin = line + 2;
      const end = begin + Number.parseInt(all.toString("latin1", at, line), 16);
      if (end + 2 > all.length) break;
      this.#content(all.subarray(begin, end));
      at = end + 2;
    }
    return at;
  }

  #webSocket(all: Buffer): number {
    let at = this.#answer(all);
    while (this.#answered && all.length - at >= 10) {
      const short = (all[at + 1] as number) & 127;
      const begin = at + (short === 127 ? 10 : short === 126 ? 4 : 2);
      const size = short === 127 ? all.readUIntBE(at + 4, 6) : short === 126 ? all.readUInt16BE(at + 2) : short;
      if (begin + size > all.length) break;
      const kind = (all[at] as number) & 15;
      if (kind === 8) this.#lose("the connection was closed");
      else if (kind === 1 || kind === 2) this.#message(all.subarray(begin, begin + size));
      at = begin + size;
    }
    return at;
  }

  /** How long the head of an HTTP answer is, once; the request follows upon it. */
  #answer(all: Buffer): number {
    const end = this.#answered ? -1 : all.indexOf(headEnd);
    if (end < 0) return 0;
    this.#answered = true;
    this.#socket.write(this.#opening.request);
    return end + headEnd.length;
  }

  #content(bytes: Buffer): void {
    this.#body = this.#rest(this.#body, bytes, (all) => {
      let at = 0;
      while (all.length - at >= 5) {
        const end = at + 5 + all.readUInt32BE(at + 1);
        if (end > all.length) break;
        if (all[at] === 0) this.#message(all.subarray(at + 5, end));
        else this.#lose("the stream ended");
        at = end;
      }
      return at;
    });
  }

  #message(bytes: Buffer): void {
    this.opened.resolve();
    const { content } = this.#opening;
    if (content === "json" || content === "wsJson" || content === "simple") {
      if (this.#json.read(bytes) === "closing") this.lost = true;
    } else {
      const payload = content === "wsProto" ? this.reader.payloadOf(bytes) : bytes;
      if (payload.length > 0 && this.reader.read(payload) === "closing") this.lost = true;
    }
  }
}

await work<ReaderTask, Received>(async ({ port, opening, subscribers, warmMs, measureMs }, began) => {
  const latencies = new Latencies();
  let measuring = false;
  const look = (timeMs: number) => {
    if (measuring) latencies.add(performance.timeOrigin + performance.now() - timeMs);
  };
  // One in ten looks at every tick, the last one among them: it is written to last.
  const all = Array.from(
    { length: subscribers },
    (_, i) => new Subscriber(port, openings[opening](port), (subscribers - 1 - i) % 10 === 0 ? look : undefined),
  );
  await Promise.all(all.map(({ opened }) => opened.promise));
  await delay(warmMs);
  const sum = (of: (reader: BatchReader) => number) => all.reduce((total, { reader }) => total + of(reader), 0);
  const ticks = () => sum((reader) => reader.ticks);
  const batches = () => sum((reader) => reader.batches);
  const before = warmMs > 0 ? { ticks: ticks(), batches: batches() } : { ticks: 0, batches: 0 };
  began();
  measuring = true;
  const start = performance.now();
  if (measureMs === "until quiet") for (let heard = -1; heard < ticks(); await delay(1000)) heard = ticks();
  else await delay(measureMs);
  const end = measureMs === "until quiet" ? Math.max(...all.map(({ reader }) => reader.lastTickAt)) : performance.now();
  return {
    ticks: ticks() - before.ticks,
    batches: batches() - before.batches,
    seconds: (end - start) / 1000,
    holes: sum((reader) => reader.holes),
    lost: all.filter(({ lost }) => lost).length,
    latency: latencies.spread,
  };
});
