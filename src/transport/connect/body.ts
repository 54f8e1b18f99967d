/**
 * What a request brings along, never more than its limit: neither as it comes nor after it is inflated.
 *
 * What is wrong with it comes out as a BridgeError. A body that is refused is read to its end all the same, into
 * nothing: a client that is still writing would otherwise meet a reset connection instead of the answer.
 */
import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate } from "node:zlib";
import { BridgeError } from "../../core/errors.ts";
import type { HttpRequest } from "../exchange.ts";
import { encodings } from "./dialect.ts";
import { compressedFlag, headSize } from "./envelope.ts";

/** The caller went before its request had arrived: nobody is left to answer. */
export class Abandoned extends Error {}

/** What all requests together may hold while they are on their way in: a thousand that never end fill no memory. */
export class Room {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#left += bytes;
  }
}

export interface BodyLimits {
  readonly bytes: number;
  readonly patienceMs: number;
  readonly room: Room;
}

/** The whole body, if it comes in time. */
export function readBody(request: HttpRequest, { bytes, patienceMs, room }: BodyLimits): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] | undefined = [];
    let size = 0;
    let timer = setTimeout(() => refuse(tooSlow()), patienceMs);
    const settle = () => {
      clearTimeout(timer);
      if (chunks !== undefined) room.give(size);
      chunks = undefined;
    };
    const refuse = (fault: BridgeError) => {
      settle();
      reject(fault);
      // Over HTTP/2 nothing else ends a request that goes on behind its answer.
      timer = setTimeout(() => request.stream?.close(), patienceMs);
    };
    request.on("data", (chunk: Buffer) => {
      if (chunks === undefined) return;
      if (size + chunk.length > bytes) return refuse(tooLarge(bytes));
      if (!room.take(chunk.length)) return refuse(noRoom());
      size += chunk.length;
      chunks.push(chunk);
    });
    request.once("end", () => {
      const [first, ...more] = chunks ?? [];
      settle();
      resolve(first !== undefined && more.length === 0 ? first : Buffer.concat(first ? [first, ...more] : []));
    });
    request.once("close", () => {
      settle();
      reject(new Abandoned());
    });
    if (Number(request.headers["content-length"]) > bytes) refuse(tooLarge(bytes));
  });
}

/** The one message of a body in which exactly one has to be. */
export async function onlyMessage(body: Buffer, encoding: string | undefined, limit: number): Promise<Buffer> {
  const length = body.length < headSize ? undefined : body.readUInt32BE(1);
  if (length !== undefined && length > limit) throw tooLarge(limit);
  const end = headSize + (length ?? 0);
  if (length === undefined || body.length < end) throw incomplete();
  if (body.length > end) {
    throw new BridgeError("invalid_argument", "The call brought more than one request message.");
  }
  return openEnvelope(body.readUInt8(0), body.subarray(headSize), encoding, limit);
}

/** The messages of a body that goes on for as long as its sender likes. */
export async function* messagesOf(
  request: HttpRequest,
  encoding: string | undefined,
  limit: number,
): AsyncGenerator<Buffer, void> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= headSize) {
      const length = rest.readUInt32BE(1);
      if (length > limit) throw tooLarge(limit);
      if (rest.length < headSize + length) break;
      const content = rest.subarray(headSize, headSize + length);
      yield await openEnvelope(rest.readUInt8(0), content, encoding, limit);
      rest = rest.subarray(headSize + length);
    }
  }
  if (rest.length > 0) throw incomplete();
}

async function openEnvelope(flags: number, content: Buffer, encoding: string | undefined, limit: number) {
  if ((flags & ~compressedFlag) !== 0) {
    throw new BridgeError("invalid_argument", `The request's envelope has flags that nobody knows: ${flags}.`);
  }
  return flags === 0 ? content : inflated(content, encoding, limit);
}

const inflaters = { gzip: promisify(gunzip), deflate: promisify(inflate), br: promisify(brotliDecompress) } as const;

/** Throws for a compression that nobody here knows, whether or not it is used. */
export function checkEncoding(encoding: string | undefined): void {
  if (encoding === undefined || encoding === "" || encoding === "identity" || encoding in inflaters) return;
  const message = `Requests may be compressed by ${encodings.join(", ")} only.`;
  throw new BridgeError("not_implemented", message);
}

export async function inflated(bytes: Buffer, encoding: string | undefined, limit: number): Promise<Buffer> {
  const inflater = inflaters[encoding as keyof typeof inflaters];
  if (inflater === undefined) {
    throw new BridgeError("invalid_argument", "The request is compressed, and does not say how.");
  }
  try {
    return await inflater(bytes, { maxOutputLength: limit });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(limit);
    throw new BridgeError("invalid_argument", "The compressed request is damaged.", { cause });
  }
}

function noRoom(): BridgeError {
  const message = "Too many requests are arriving at once; try again in a moment.";
  return new BridgeError("quota_exceeded", message, { metadata: { quota: "request_bytes" }, retryAfterMs: 1_000 });
}

function tooSlow(): BridgeError {
  return new BridgeError("deadline_exceeded", "The request took too long to arrive.");
}

function incomplete(): BridgeError {
  return new BridgeError("invalid_argument", "The call brought no complete request message.");
}

function tooLarge(limit: number): BridgeError {
  const message = `The request is larger than the limit of ${limit} bytes.`;
  return new BridgeError("quota_exceeded", message, { metadata: { quota: "message_size" } });
}
