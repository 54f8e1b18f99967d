/** A bare grpc-js server that sends a request back: what a call costs before anything is done. Run by `startEcho`. */
import { Server, ServerCredentials, type sendUnaryData } from "@grpc/grpc-js";
import { work } from "./client.ts";

const asIs = (bytes: Buffer): Buffer => bytes;

await work<object, number>(() => {
  const server = new Server();
  const echo = {
    path: "/bench.Peer/Echo",
    requestStream: false,
    responseStream: false,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  } as const;
  server.addService(
    { echo },
    { echo: (call: { request: Buffer }, answer: sendUnaryData<Buffer>) => answer(null, call.request) },
  );
  return new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
});
