/** Subscribers of every tick of every symbol, each on a connection of its own. Run by `startClient`. */
import { create, toBinary } from "@bufbuild/protobuf";
import { Client, type ClientReadableStream, credentials } from "@grpc/grpc-js";
import { Delivery, StreamTicksRequestSchema } from "../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { SourceState } from "../gen/ts/mt5bridge/v1/types_pb.ts";
import { BatchReader } from "./batch-reader.ts";
import { work } from "./client.ts";
import { Latencies, type Spread } from "./latencies.ts";

export interface SubscriberTask {
  readonly port: number;
  readonly path: string;
  readonly symbols: readonly string[];
  readonly subscribers: number;
  /** Measure for so long, or (a replay) until its market is closed. */
  readonly warmMs: number;
  readonly measureMs: number | "until closed";
}

export interface SubscriberResult {
  /** All subscribers together, within the measured time. */
  readonly ticks: number;
  readonly batches: number;
  readonly seconds: number;
  /** From first to last, of all subscribers. */
  readonly holes: number;
  /** Streams that ended by themselves. */
  readonly lost: number;
  /** From a tick's time to its receipt, each tick of one subscriber in ten. */
  readonly latency: Spread;
}

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const asIs = (bytes: Buffer): Buffer => bytes;

function subscribe({ port, path, symbols }: SubscriberTask): ClientReadableStream<Buffer> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.max_receive_message_length": -1,
  });
  const request = create(StreamTicksRequestSchema, {
    symbols: [...symbols],
    delivery: Delivery.EVERY_TICK,
    snapshot: false,
    heartbeatInterval: { nanos: 200_000_000 },
  });
  const bytes = Buffer.from(toBinary(StreamTicksRequestSchema, request));
  return client.makeServerStreamRequest(path, asIs, asIs, bytes);
}

await work<SubscriberTask, SubscriberResult>(async (task, began) => {
  const latencies = new Latencies();
  let measuring = false;
  let lost = 0;
  let lastTick = 0;
  const closed = Promise.withResolvers<void>();
  const thorough = (timeMs: number) => {
    if (measuring) latencies.add(performance.timeOrigin + performance.now() - timeMs);
  };

  let start = performance.now();
  const opened: Promise<void>[] = [];
  const readers = Array.from({ length: task.subscribers }, (_, i) => {
    // One in ten, the last one among them: it is written to last.
    const reader = new BatchReader((task.subscribers - 1 - i) % 10 === 0 ? thorough : undefined);
    const stream = subscribe(task);
    opened.push(
      new Promise((resolve, reject) => {
        stream.on("data", (bytes: Buffer) => {
          const heard = reader.read(bytes);
          if (heard === "batch") lastTick = performance.now();
          else if (heard === "opened") resolve();
          else if (heard === "heartbeat" && reader.sourceState === SourceState.MARKET_CLOSED) closed.resolve();
        });
        stream.on("error", (error) => {
          lost++;
          reject(error);
          closed.reject(error);
        });
      }),
    );
    return reader;
  });
  closed.promise.catch(() => undefined); // counted as lost
  await Promise.all(opened);
  if (task.measureMs === "until closed") {
    began();
    await closed.promise;
  } else {
    await delay(task.warmMs);
    start = performance.now();
  }

  const sum = (of: (reader: BatchReader) => number) => readers.reduce((total, reader) => total + of(reader), 0);
  const before =
    task.measureMs === "until closed"
      ? { ticks: 0, batches: 0 }
      : { ticks: sum((r) => r.ticks), batches: sum((r) => r.batches) };
  if (task.measureMs !== "until closed") {
    measuring = true;
    began();
    await delay(task.measureMs);
    measuring = false;
    lastTick = performance.now();
  }
  return {
    ticks: sum((reader) => reader.ticks) - before.ticks,
    batches: sum((reader) => reader.batches) - before.batches,
    seconds: (lastTick - start) / 1000,
    holes: sum((reader) => reader.holes),
    lost,
    latency: latencies.spread,
  };
});
