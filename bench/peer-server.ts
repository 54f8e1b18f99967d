/**
 * What the bridge is measured beside: a bare grpc-js server, as one writes it first.
 *
 * `Echo` sends a request back: what a call costs before anything is done. `Ticks` encodes
 * each tick for each subscriber and writes it at once, without asking whether the
 * subscriber can take it. The same library for messages, the same wire format.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { Server, ServerCredentials, type ServerWritableStream, type sendUnaryData } from "@grpc/grpc-js";
import { StreamTicksResponseSchema } from "../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { work } from "./client.ts";

export interface PeerTask {
  /** Ticks a second from the first subscriber on. */
  readonly rate: number;
}

/** So much time (ms) goes into ticks before sockets get a turn. */
const TURN = 20;
const symbols = ["EURUSD", "GBPUSD", "USDJPY", "AUDUSD", "XAUUSD", "US500", "NAS100", "BTCUSD"];

type Subscriber = ServerWritableStream<Buffer, Buffer>;

const asIs = (bytes: Buffer): Buffer => bytes;
const asBytes = {
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
} as const;

function sendTicks(subscribers: ReadonlySet<Subscriber>, rate: number): void {
  const start = performance.now();
  let place = 0;
  const sequences = symbols.map(() => 0n);
  const turn = () => {
    const now = performance.now();
    const due = Math.floor(((now - start) * rate) / 1000);
    while (place < due && performance.now() - now < TURN) {
      const index = place % symbols.length;
      place++;
      sequences[index] = (sequences[index] as bigint) + 1n;
      const time = BigInt(Math.floor(performance.timeOrigin + start + (place * 1000) / rate));
      const tick = {
        symbol: symbols[index] as string,
        bid: 1.09301 + (place % 100) / 1e5,
        ask: 1.09311 + (place % 100) / 1e5,
        timeMs: time,
        brokerTimeMs: time + 7_200_000n,
        flags: 6,
        sequence: sequences[index] as bigint,
      };
      const cursor = { epoch: "b7a1c0de-0000-4000-8000-000000000000", sequence: BigInt(place) };
      for (const subscriber of subscribers) {
        const message = create(StreamTicksResponseSchema, {
          event: { case: "batch", value: { ticks: [tick], cursor } },
        });
        subscriber.write(Buffer.from(toBinary(StreamTicksResponseSchema, message)));
      }
    }
    if (place < due) setImmediate(turn);
    else setTimeout(turn, 1);
  };
  turn();
}

await work<PeerTask, number>(async ({ rate }) => {
  const subscribers = new Set<Subscriber>();
  let sending = false;
  const opened = Buffer.from(
    toBinary(StreamTicksResponseSchema, create(StreamTicksResponseSchema, { event: { case: "opened", value: {} } })),
  );
  const server = new Server();
  const echo = { path: "/bench.Peer/Echo", requestStream: false, responseStream: false, ...asBytes };
  const ticks = { path: "/bench.Peer/Ticks", requestStream: false, responseStream: true, ...asBytes };
  server.addService(
    { echo, ticks },
    {
      echo: (call: { request: Buffer }, answer: sendUnaryData<Buffer>) => answer(null, call.request),
      ticks: (call: Subscriber) => {
        call.write(opened);
        subscribers.add(call);
        call.on("cancelled", () => subscribers.delete(call));
        if (!sending) sendTicks(subscribers, rate);
        sending = true;
      },
    },
  );
  return await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
});
