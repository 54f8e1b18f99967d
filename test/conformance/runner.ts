/** What the suite's runner and a server say to each other: one request on the standard input, one answer. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type ServerCompatRequest,
  ServerCompatRequestSchema,
  ServerCompatResponseSchema,
} from "../../gen/conformance/connectrpc/conformance/v1/server_compat_pb.ts";
import { callOptions } from "../transport/call-options.ts";

export async function asked(): Promise<ServerCompatRequest> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of process.stdin) {
    bytes = Buffer.concat([bytes, chunk as Buffer]);
    if (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE()) break;
  }
  return fromBinary(ServerCompatRequestSchema, bytes.subarray(4));
}

/** What the suite gives for TLS, where it wants that. */
export function credentialsIn({ useTls, serverCreds }: ServerCompatRequest): { cert: Buffer; key: Buffer } | undefined {
  if (!useTls) return undefined;
  if (serverCreds === undefined) throw new Error("TLS is wanted, and no certificate given");
  return { cert: Buffer.from(serverCreds.cert), key: Buffer.from(serverCreds.key) };
}

export function listening(port: number, pemCert: Uint8Array = new Uint8Array()): void {
  const answer = create(ServerCompatResponseSchema, { host: "127.0.0.1", port, pemCert });
  const said = toBinary(ServerCompatResponseSchema, answer);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(said.length);
  process.stdout.write(Buffer.concat([size, said]));
  process.on("SIGTERM", () => process.exit(0));
}

export const conformanceCalls = () => callOptions({ limits: { unary: 1000, streams: 1000 } }).calls;
