/**
 * The messages of a request: out of their envelopes, inflated, and never more than their limit.
 *
 * Two things are not left to the library. It takes envelopes apart in a way that lets a peer keep the whole process
 * busy: a body of 1 MiB in envelopes of nothing, or in pieces of a byte. And its compressions know no deflate, and take
 * a request that is cut off for a defect of the server.
 */
import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate } from "node:zlib";
import { Code, ConnectError } from "@connectrpc/connect";
import { type Compression, createAsyncIterable, envelopeDecompress } from "@connectrpc/connect/protocol";
import { envelopeHead } from "../../contract/envelope.ts";
import { BridgeError } from "../../core/errors.ts";
import { tooLarge } from "./body.ts";

type Inflate = (bytes: Uint8Array, options: object) => Promise<Buffer<ArrayBuffer>>;

function compression(name: string, inflater: unknown): Compression {
  const inflated = promisify(inflater as typeof gunzip) as unknown as Inflate;
  return {
    name,
    compress: () => Promise.reject(new Error("answers are not compressed, as on the gRPC port")),
    decompress: async (bytes, limit) => {
      if (bytes.length === 0) return new Uint8Array();
      return inflated(bytes, { maxOutputLength: limit }).catch((cause: NodeJS.ErrnoException) => {
        if (cause.code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(limit);
        throw new BridgeError("invalid_argument", "The compressed request is damaged.", { cause });
      });
    },
  };
}

/** In which requests may come. */
export const compressions = [
  compression("gzip", gunzip),
  compression("deflate", inflate),
  compression("br", brotliDecompress),
];
export const encodings = compressions.map(({ name }) => name).join(",");

/** How the messages of a request may be read; `limit` is for each, also after it is inflated. */
export interface Reading {
  readonly compression: Compression | null;
  readonly limit: number;
}

export async function* messagesIn(
  pieces: AsyncIterable<Uint8Array>,
  { compression, limit }: Reading,
): AsyncGenerator<Uint8Array, void> {
  const head = Buffer.alloc(envelopeHead);
  let target: Buffer = head;
  let filled = 0;
  for await (const piece of pieces) {
    for (let rest = piece; rest.length > 0; ) {
      const taken = rest.subarray(0, target.length - filled);
      target.set(taken, filled);
      rest = rest.subarray(taken.length);
      filled += taken.length;
      if (filled < target.length) break;
      filled = 0;
      if (target === head) {
        const length = head.readUInt32BE(1);
        if (length > limit) throw tooLarge(limit);
        target = Buffer.allocUnsafeSlow(length);
        if (length > 0) continue;
      }
      const { flags, data } = await envelopeDecompress({ flags: head.readUInt8(0), data: target }, compression, limit);
      if (flags !== 0) throw damaged(`its envelope has flags that nobody knows: ${flags}`);
      yield data;
      target = head;
    }
  }
  if (target !== head || filled > 0) throw damaged("it ends within a message");
}

/** The one message of a body in which exactly one has to be. */
export async function onlyMessage(body: Uint8Array, reading: Reading): Promise<Uint8Array> {
  let only: Uint8Array | undefined;
  for await (const message of messagesIn(createAsyncIterable([body]), reading)) {
    if (only !== undefined) throw damaged("it brings more than one message");
    only = message;
  }
  if (only === undefined) throw damaged("it brings no message");
  return only;
}

const damaged = (why: string) => new ConnectError(why, Code.InvalidArgument);

/** What the library finds wrong with a request, as a fault of ours. Anything else is a bug, and thrown again. */
export function requestFault(error: unknown): BridgeError {
  if (error instanceof BridgeError) return error;
  if (!(error instanceof ConnectError)) throw error;
  const fault = error.code === Code.Unimplemented ? "not_implemented" : "invalid_argument";
  return new BridgeError(fault, `The request cannot be read: ${error.rawMessage}.`, { cause: error });
}
