/**
 * gRPC in Node, as one writes it first.
 *
 *   node bench/peers/grpc-js.ts FEED_PORT SUBSCRIBERS
 *
 * Each tick is a message of its own, encoded for each subscriber and written at once, without asking whether the
 * subscriber can take it. The same libraries as the bridge's, the same wire format. The feed begins when there are so many
 * subscribers. Prints its port.
 */
import { connect } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { Server, ServerCredentials, type ServerWritableStream } from "@grpc/grpc-js";
import { StreamTicksResponseSchema } from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { epoch, RECORD, tickAt } from "../record.ts";

const [port, wanted] = process.argv.slice(2).map(Number) as [number, number];
/** So much time (ms) goes into ticks before sockets get a turn. */
const TURN = 20;

const subscribers = new Set<ServerWritableStream<Buffer, Buffer>>();
const asIs = (bytes: Buffer): Buffer => bytes;
let place = 0;

function send(records: Buffer, at: number): void {
  place++;
  const tick = tickAt(records, at);
  for (const subscriber of subscribers) {
    const message = create(StreamTicksResponseSchema, {
      event: { case: "batch", value: { ticks: [tick], cursor: { epoch, sequence: BigInt(place) } } },
    });
    subscriber.write(Buffer.from(toBinary(StreamTicksResponseSchema, message)));
  }
}

function follow(port: number): void {
  let rest: Buffer = Buffer.alloc(0);
  const feed = connect({ port, host: "127.0.0.1" });
  const turn = () => {
    const end = performance.now() + TURN;
    let at = 0;
    for (; at + RECORD <= rest.length && performance.now() < end; at += RECORD) send(rest, at);
    rest = rest.subarray(at);
    if (rest.length >= RECORD) setImmediate(turn);
    else feed.resume();
  };
  feed.on("data", (bytes: Buffer) => {
    feed.pause();
    rest = Buffer.concat([rest, bytes]);
    turn();
  });
  feed.on("close", () => process.exit());
}

const server = new Server();
server.addService(
  {
    ticks: {
      path: "/bench.Peer/Ticks",
      requestStream: false,
      responseStream: true,
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    },
  },
  {
    ticks: (call: ServerWritableStream<Buffer, Buffer>) => {
      subscribers.add(call);
      call.on("cancelled", () => subscribers.delete(call));
      if (subscribers.size === wanted) follow(port);
    },
  },
);
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.stdout.write(`${port}\n`);
});
