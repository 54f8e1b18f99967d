/**
 * Where the peers' ticks come from, as the bridge has its market. Run by `startClient`.
 *
 * At a rate, a tick is due when it is due, whatever became of those before it; without one, ticks leave as fast as they
 * are taken. A server is sent records; a broker (NATS, Redis) is published to, each tick as the message that its
 * subscribers will get, since it encodes nothing itself.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { StreamTicksResponseSchema } from "../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { work } from "./client.ts";
import { epoch, RECORD, symbols, tickAt, writeRecord } from "./record.ts";

export interface FeederTask {
  /** Ticks a second, or as many as are taken. */
  readonly rate: number | "saturation";
  /** To a server that connects, or to a broker that listens. */
  readonly to: "server" | { readonly broker: "nats" | "redis"; readonly port: number };
}

/** Ticks of one write at saturation. */
const MOST = 1000;

const sequences = symbols.map(() => 0);
let place = 0;

function records(ticks: number, timeOf: (tick: number) => number): Buffer {
  const bytes = Buffer.allocUnsafe(ticks * RECORD);
  for (let i = 0; i < ticks; i++) {
    const symbol = place % symbols.length;
    const sequence = (sequences[symbol] as number) + 1;
    sequences[symbol] = sequence;
    place++;
    writeRecord(bytes, i * RECORD, symbol, 1.09301 + (place % 100) / 1e5, timeOf(i), sequence);
  }
  return bytes;
}

const publishing = {
  nats: (length: number) => `PUB ticks ${length}\r\n`,
  redis: (length: number) => `*3\r\n$7\r\nPUBLISH\r\n$5\r\nticks\r\n$${length}\r\n`,
};

/** The same ticks as messages that are published one by one. */
const published =
  (broker: keyof typeof publishing): typeof records =>
  (ticks, timeOf) => {
    const first = place + 1;
    const bytes = records(ticks, timeOf);
    const messages = Array.from({ length: ticks }, (_, i) => {
      const value = { ticks: [tickAt(bytes, i * RECORD)], cursor: { epoch, sequence: BigInt(first + i) } };
      const message = create(StreamTicksResponseSchema, { event: { case: "batch", value } });
      const payload = toBinary(StreamTicksResponseSchema, message);
      return Buffer.concat([Buffer.from(publishing[broker](payload.length)), payload, Buffer.from("\r\n")]);
    });
    return Buffer.concat(messages);
  };

async function feed(socket: Socket, rate: FeederTask["rate"], encode: typeof records): Promise<void> {
  socket.setNoDelay();
  socket.resume(); // a broker answers
  socket.on("error", () => process.exit()); // the server has ended
  if (rate === "saturation") {
    for (;;) {
      const now = Math.floor(performance.timeOrigin + performance.now());
      if (!socket.write(encode(MOST, () => now))) await once(socket, "drain");
      await new Promise(setImmediate); // a socket that takes everything at once would leave no turn to anybody
    }
  }
  const start = performance.now();
  let sent = 0;
  const timeOf = (tick: number) => Math.floor(performance.timeOrigin + start + ((sent + tick + 1) * 1000) / rate);
  setInterval(() => {
    const due = Math.floor(((performance.now() - start) * rate) / 1000) - sent;
    if (due === 0) return;
    socket.write(encode(due, timeOf));
    sent += due;
  }, 1);
}

await work<FeederTask, number>(async ({ rate, to }) => {
  if (to !== "server") {
    const socket = connect({ port: to.port, host: "127.0.0.1" });
    await once(socket, "connect");
    if (to.broker === "nats") socket.write('CONNECT {"verbose":false}\r\n');
    void feed(socket, rate, published(to.broker));
    return to.port;
  }
  const server = createServer((socket) => void feed(socket, rate, records));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
});
