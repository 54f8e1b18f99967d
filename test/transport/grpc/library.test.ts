/** What the server takes from inside grpc-js, which a new version of it may move. */
import { once } from "node:events";
import { Client, credentials, Server, ServerCredentials, type ServerWritableStream } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, it } from "vitest";
import { bodyOf } from "../../../src/transport/grpc/adapter.ts";

type StreamCall = ServerWritableStream<Buffer, Buffer>;

const asIs = (bytes: Buffer): Buffer => bytes;
let server: Server;
beforeEach(() => {
  server = new Server();
});
afterEach(() => server.forceShutdown());

it.each([
  ["of a stream", "/test.Inside/Stream", false],
  ["of a stream both ways", "/test.Inside/Both", true],
])(
  "inside grpc-js is where it writes the messages %s: if a version moves it, bodyOf in adapter.ts has to follow",
  async (_, path, both) => {
    const definition = {
      ...{ path, requestStream: both, responseStream: true },
      ...{ requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs },
    };
    const envelope = Buffer.from([0, 0, 0, 0, 2, 7, 8]); // not compressed, two bytes long
    server.addService(
      { method: definition },
      {
        method: (call: StreamCall) => {
          call.sendMetadata(call.metadata.clone());
          bodyOf(call).write(envelope, () => call.end());
        },
      },
    );
    const port = await new Promise<number>((resolve, reject) => {
      const told = (error: Error | null, bound: number) => (error === null ? resolve(bound) : reject(error));
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), told);
    });
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    const call = both
      ? client.makeBidiStreamRequest(path, asIs, asIs)
      : client.makeServerStreamRequest(path, asIs, asIs, Buffer.alloc(0));
    const [message] = (await once(call, "data")) as [Buffer];
    expect([...message]).toEqual([7, 8]);
    client.close();
  },
);

it("inside grpc-js that is not where it was is an error that says so", () => {
  expect(() => bodyOf({ call: { nextCall: {} } } as never)).toThrow(
    "grpc-js keeps the stream of a call elsewhere than it did",
  );
});
