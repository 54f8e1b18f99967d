/**
 * Asks the bridge on this machine whether it serves, as a container's health check: exit code 0 or 1, and why.
 *
 * grpc.health.v1 on the port of gRPC, in Node's own HTTP/2 and without a package: what it needs is a few bytes.
 */
import { readFileSync } from "node:fs";
import { connect } from "node:http2";

const { BIND_ADDRESS = "127.0.0.1", GRPC_PORT = "50051", TLS_CERT_FILE } = process.env;
const host = ["0.0.0.0", "::", "localhost", ""].includes(BIND_ADDRESS) ? "127.0.0.1" : BIND_ADDRESS;
const authority = host.includes(":") ? `[${host}]` : host;
const SERVING = 1;

function end(code, why) {
  process.stdout.write(`${why}\n`);
  process.exit(code);
}

setTimeout(() => end(1, "no answer within 2 s"), 2_000);

// The bridge's own certificate is made out to its name in the world, not to this address.
const tls = TLS_CERT_FILE ? { ca: readFileSync(TLS_CERT_FILE), checkServerIdentity: () => undefined } : {};
const session = connect(`${TLS_CERT_FILE ? "https" : "http"}://${authority}:${GRPC_PORT}`, tls);
session.on("error", (error) => end(1, error.message));
const call = session.request({
  ":method": "POST",
  ":path": "/grpc.health.v1.Health/Check",
  "content-type": "application/grpc",
  te: "trailers",
});
call.on("error", (error) => end(1, error.message));

let status = "none";
const answer = [];
const note = (headers) => {
  status = headers["grpc-status"] ?? status;
};
call.on("response", note);
call.on("trailers", note);
call.on("data", (chunk) => answer.push(chunk));
call.on("end", () => {
  // A frame's five bytes, then field 1 of HealthCheckResponse.
  const [, , , , , tag, serving] = Buffer.concat(answer);
  if (status === "0" && tag === 8 && serving === SERVING) end(0, "serving");
  else end(1, status === "0" ? "not serving" : `grpc-status ${status}`);
});
call.end(Buffer.alloc(5)); // HealthCheckRequest of the whole server: an empty message
