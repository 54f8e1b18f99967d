/** A bare grpc-js server that sends a request back: what a call costs before anything is done. Run by `startEcho`. */
import { work } from "./client.ts";
import { serveUnary } from "./unary-server.ts";

await work<object, number>(() => serveUnary("/bench.Peer/Echo", (request) => request));
