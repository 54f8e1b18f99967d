/** A bare grpc-js server of one method whose messages are bytes both ways: what a call costs before anything is done. */
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from "@grpc/grpc-js";

const asIs = (bytes: Buffer): Buffer => bytes;

/** Resolves with the port. */
export function serveUnary(path: string, answer: (request: Buffer) => Buffer): Promise<number> {
  const method = {
    ...{ path, requestStream: false, responseStream: false },
    ...{ requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs },
  } as const;
  const server = new Server();
  server.addService(
    { method },
    {
      method: ({ request }: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>) =>
        reply(null, answer(request)),
    },
  );
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
}
