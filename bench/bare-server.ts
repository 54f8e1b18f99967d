/**
 * What each transport is measured beside: the library alone, which answers everything with what the bridge had
 * answered, nothing read, checked or counted. grpc-js, node:http and ws have the answer as bytes; connect-node
 * encodes messages itself and has no other way.
 */
import { once } from "node:events";
import { createServer, type Server as HttpServer, type RequestListener } from "node:http";
import { createServer as createHttp2Server, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { fromBinary } from "@bufbuild/protobuf";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { WebSocketServer } from "ws";
import { AccountService, GetAccountResponseSchema } from "../gen/ts/mt5bridge/v1/account_pb.ts";
import { work } from "./client.ts";
import { serveUnary } from "./unary-server.ts";

/** What the bridge had answered, in base64. */
export interface BareTask {
  readonly account: string;
  readonly plain: Readonly<Record<string, string>>;
  readonly frames: { readonly text: string; readonly binary: string };
}

export interface BarePorts {
  readonly grpc: number;
  readonly http: number;
  readonly connectHttp1: number;
  readonly connectHttp2: number;
  readonly webSocket: number;
}

const bytesOf = (base64: string): Buffer => Buffer.from(base64, "base64");

async function listening(server: HttpServer | Http2Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

function grpc(account: Buffer): Promise<number> {
  const { name, parent } = AccountService.method.getAccount;
  return serveUnary(`/${parent.typeName}/${name}`, () => account);
}

function plain(answers: BareTask["plain"]): RequestListener {
  const bodies = new Map(Object.entries(answers).map(([path, body]) => [path, bytesOf(body)]));
  return (request, response) => {
    const body = bodies.get(request.url ?? "") ?? Buffer.alloc(0);
    response.writeHead(200, { "content-type": "application/json", "content-length": body.length });
    response.end(body);
  };
}

async function webSocket({ text, binary }: BareTask["frames"]): Promise<number> {
  const [ofText, ofBinary] = [bytesOf(text), bytesOf(binary)];
  const http = createServer();
  const server = new WebSocketServer({ server: http, perMessageDeflate: false });
  server.on("connection", (socket) => {
    socket.send("welcome");
    socket.on("message", (_data, isBinary) => socket.send(isBinary ? ofBinary : ofText, { binary: isBinary }));
  });
  return listening(http);
}

await work<BareTask, BarePorts>(async (task) => {
  const account = bytesOf(task.account);
  const message = fromBinary(GetAccountResponseSchema, account);
  const connect = connectNodeAdapter({
    routes: (router) => router.service(AccountService, { getAccount: () => message }),
  });
  return {
    grpc: await grpc(account),
    http: await listening(createServer(plain(task.plain))),
    connectHttp1: await listening(createServer(connect)),
    connectHttp2: await listening(createHttp2Server(connect)),
    webSocket: await webSocket(task.frames),
  };
});
