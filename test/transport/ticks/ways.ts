/** Ways to a stream of ticks, each read no faster than it is asked. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import type { ClientReadableStream } from "@grpc/grpc-js";
import {
  type StreamTicksRequestSchema,
  type StreamTicksResponse,
  StreamTicksResponseSchema,
  TicksService,
} from "../../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { transports } from "../connect/asking.ts";
import { TestClient } from "../served.ts";
import { dialects, messageIn, WebsocketClient } from "../websocket/speaking.ts";
import type { Life } from "./life.ts";

type Wish = MessageInitShape<typeof StreamTicksRequestSchema>;
type Events = AsyncIterable<StreamTicksResponse>;
type Way = (ports: Life["ports"], wish: Wish, signal: AbortSignal) => Events;

const { streamTicks } = TicksService.method;

/** Each ends, or throws, when the bridge ends it or `signal` aborts. */
export const ways: Readonly<Record<string, Way>> = {
  "gRPC, grpc-js": async function* ({ grpc }, wish, signal) {
    const client = new TestClient(grpc);
    const stream = client.stream(streamTicks, wish) as ClientReadableStream<never>;
    const cancel = () => stream.cancel();
    signal.addEventListener("abort", cancel);
    try {
      yield* stream;
    } finally {
      signal.removeEventListener("abort", cancel);
      client.close();
    }
  },
  ...Object.fromEntries(
    Object.entries(transports).map(([name, transportTo]): [string, Way] => [
      name,
      ({ http }, wish, signal) =>
        createClient(TicksService, transportTo(`http://127.0.0.1:${http}`)).streamTicks(wish as never, { signal }),
    ]),
  ),
  ...Object.fromEntries(dialects.map((dialect): [string, Way] => [dialect, overWebsocket(dialect)])),
};

function overWebsocket(dialect: (typeof dialects)[number]): Way {
  return async function* ({ websocket }, { resumeAfter, ...wish }, signal) {
    const client = new WebsocketClient(websocket, dialect);
    const inJson = dialect === "mt5bridge.v1.json";
    const cut = () => client.socket.terminate();
    signal.addEventListener("abort", cut);
    try {
      await client.opened();
      const after = resumeAfter && { resumeAfter: inJson ? cursorJson(resumeAfter) : resumeAfter };
      const id = client.send("subscribe", streamTicks, { ...wish, ...after });
      for (;;) {
        const heard = await client.next((one) => one.id === id);
        if (heard.type === "complete" || heard.type === "error") return;
        client.socket.pause();
        yield messageIn(StreamTicksResponseSchema, heard) as StreamTicksResponse;
        client.socket.resume();
      }
    } finally {
      signal.removeEventListener("abort", cut);
      client.socket.terminate();
    }
  };
}

const cursorJson = ({ epoch, sequence }: NonNullable<Wish["resumeAfter"]>) => ({ epoch, sequence: `${sequence}` });
