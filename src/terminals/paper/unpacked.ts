/**
 * A file's bytes, unpacked when it is gzip, as they come off the disk.
 *
 * Whether a file is packed is asked of its first bytes, not of its name. Only one chunk
 * is in memory at a time; whoever stops reading closes the file.
 */
import { createReadStream, type ReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";

const CHUNK = 128 * 1024;

/** A file cannot be read any further. */
export class DamagedFile extends Error {}

export class Unpacked {
  readonly path: string;
  /** Bytes on the disk. */
  readonly size: number;
  readonly #packed: boolean;
  #raw: ReadStream | undefined;

  private constructor(path: string, size: number, packed: boolean) {
    this.path = path;
    this.size = size;
    this.#packed = packed;
  }

  /** Throws when there is no such file, or it cannot be read. */
  static async open(path: string): Promise<Unpacked> {
    const facts = await stat(path).catch((cause: NodeJS.ErrnoException) => {
      throw new Error(cause.code === "ENOENT" ? "there is no such file" : `it cannot be read (${cause.code})`, {
        cause,
      });
    });
    if (!facts.isFile()) throw new Error("it is not a file");
    const file = await open(path).catch((cause: NodeJS.ErrnoException) => {
      throw new Error(`it cannot be read (${cause.code})`, { cause });
    });
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
      return new Unpacked(path, facts.size, bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b);
    } finally {
      await file.close();
    }
  }

  /** How much of the file has been read, 0 to 1. */
  get progress(): number {
    return this.size === 0 ? 1 : Math.min(1, (this.#raw?.bytesRead ?? 0) / this.size);
  }

  /** The first bytes; of a damaged file what can be unpacked, if there is any. */
  async head(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let got = 0;
    try {
      for await (const chunk of this.chunks()) {
        parts.push(chunk);
        got += chunk.length;
        if (got >= length) break;
      }
    } catch (damage) {
      if (got === 0) throw damage;
    }
    return Buffer.concat(parts).subarray(0, length);
  }

  /** Throws at the place where the file turns out to be damaged or cut off. */
  async *chunks(): AsyncGenerator<Buffer, void> {
    const raw = createReadStream(this.path, { highWaterMark: CHUNK });
    this.#raw = raw;
    const bytes: Readable = this.#packed ? raw.pipe(createGunzip({ chunkSize: CHUNK })) : raw;
    if (bytes !== raw) raw.once("error", (error) => bytes.destroy(error));
    try {
      for await (const chunk of bytes) yield chunk as Buffer;
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      throw new DamagedFile(code === "Z_BUF_ERROR" ? "it is cut off" : `it is damaged (${message})`, { cause });
    } finally {
      raw.destroy();
      bytes.destroy();
    }
  }

  /** All of it, if it fits in so many bytes. */
  async whole(limit: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let got = 0;
    for await (const chunk of this.chunks()) {
      got += chunk.length;
      if (got > limit) throw new DamagedFile(`it is larger than ${limit} bytes, the most that is read as a whole`);
      parts.push(chunk);
    }
    return Buffer.concat(parts);
  }
}
