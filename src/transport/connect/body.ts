/**
 * What a request brings along, never more than its limit.
 *
 * What is wrong with it comes out as a BridgeError. A body that is refused is read to its end all the same, into
 * nothing: a client that is still writing would otherwise meet a reset connection instead of the answer.
 */
import { BridgeError } from "../../core/errors.ts";
import type { HttpRequest } from "../exchange.ts";

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
      if (chunks !== undefined) reject(new Abandoned());
      settle();
    });
    if (Number(request.headers["content-length"]) > bytes) refuse(tooLarge(bytes));
  });
}

export function tooLarge(limit: number): BridgeError {
  const message = `The request is larger than the limit of ${limit} bytes.`;
  return new BridgeError("quota_exceeded", message, { metadata: { quota: "message_size" } });
}

function noRoom(): BridgeError {
  const message = "Too many requests are arriving at once; try again in a moment.";
  return new BridgeError("quota_exceeded", message, { metadata: { quota: "request_bytes" }, retryAfterMs: 1_000 });
}

function tooSlow(): BridgeError {
  return new BridgeError("deadline_exceeded", "The request took too long to arrive.");
}
