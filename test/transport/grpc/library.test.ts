/** What the server takes from inside grpc-js, which a new version of it may move. */
import { once } from "node:events";
import { Client, credentials, Server, ServerCredentials } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, it } from "vitest";
import { answer, bodyOf, headOf, type StreamCall, type UnaryCall } from "../../../src/transport/grpc/body.ts";

const asIs = (bytes: Buffer): Buffer => bytes;
const envelope = Buffer.from([0, 0, 0, 0, 2, 7, 8]); // not compressed, two bytes long
let server: Server;
beforeEach(() => {
  server = new Server();
});
afterEach(() => server.forceShutdown());

const connected = () =>
  new Promise<Client>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(new Client(`127.0.0.1:${port}`, credentials.createInsecure()));
      else reject(error);
    });
  });

it.each([
  ["of a stream", "/test.Inside/Stream", false],
  ["of a stream both ways", "/test.Inside/Both", true],
])(
  "inside grpc-js is where it writes the messages %s: if a version moves it, bodyOf in body.ts has to follow",
  async (_, path, both) => {
    const definition = {
      ...{ path, requestStream: both, responseStream: true },
      ...{ requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs },
    };
    server.addService(
      { method: definition },
      {
        method: (call: StreamCall) => {
          call.sendMetadata(call.metadata.clone());
          bodyOf(call).write(envelope, () => call.end());
        },
      },
    );
    const client = await connected();
    const call = both
      ? client.makeBidiStreamRequest(path, asIs, asIs)
      : client.makeServerStreamRequest(path, asIs, asIs, Buffer.alloc(0));
    const [message] = (await once(call, "data")) as [Buffer];
    expect([...message]).toEqual([7, 8]);
    client.close();
  },
);

it("inside grpc-js is what sends a status, which a call that was answered past it has no more use for", async () => {
  const path = "/test.Inside/Unary";
  const definition = {
    ...{ path, requestStream: false, responseStream: false },
    ...{ requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs },
  };
  server.addService(
    { method: definition },
    {
      method: (call: UnaryCall, callback: (error: Error) => void) => {
        answer(call, headOf({ "mt5bridge-mode": "simulated" }), envelope);
        callback(new Error("too late to say so"));
      },
    },
  );
  const client = await connected();
  const message = await new Promise<Buffer>((resolve, reject) => {
    const told = (error: Error | null, message?: Buffer) => (message === undefined ? reject(error) : resolve(message));
    client.makeUnaryRequest(path, asIs, asIs, Buffer.alloc(0), told);
  });
  expect([...message]).toEqual([7, 8]);
  client.close();
});

it("inside grpc-js that is not where it was is an error that says so", () => {
  expect(() => bodyOf({ call: { nextCall: {} } } as never)).toThrow(
    "grpc-js keeps the stream of a call elsewhere than it did",
  );
});
