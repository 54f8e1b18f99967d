/**
 * A request and its answer, as HTTP/1.1 and HTTP/2 have them in common.
 *
 * Node's two pairs of classes behave alike and share no type. Neither may be left without an `error` listener: a peer
 * that vanishes at the wrong moment would end the process.
 */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import type { Http2ServerRequest, Http2Session } from "node:http2";
import type { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import type { Incoming } from "./passage.ts";

export interface HttpRequest extends Readable {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly httpVersionMajor: number;
  readonly socket: Http2ServerRequest["socket"];
  /** Of HTTP/2 only. */
  readonly stream?: Http2ServerRequest["stream"];
}

export interface HttpResponse extends Writable {
  readonly statusCode: number;
  readonly headersSent: boolean;
  setHeader(name: string, value: string): unknown;
  /** Headers as an object, or names and values in turn. */
  writeHead(status: number, headers: OutgoingHttpHeaders | string[]): unknown;
  addTrailers(trailers: Readonly<Record<string, string>>): void;
}

/** It is also what the wrapper around every method wants to know of a call: of one that is plain HTTP, unless told. */
export class Exchange implements Incoming {
  readonly request: HttpRequest;
  readonly response: HttpResponse;
  /** Its address. */
  readonly peer: string;
  transport = "http";
  deadline: Incoming["deadline"];
  #gone = false;
  #listeners: (() => void)[] = [];

  /** `closed` is told when nothing more can be written. */
  constructor(request: HttpRequest, response: HttpResponse, closed: () => void = ignore) {
    this.request = request;
    this.response = response;
    this.peer = peerOf(request.stream?.session ?? (request.socket as Socket));
    request.on("error", ignore);
    response.on("error", ignore);
    response.on("close", () => {
      this.#gone = true;
      closed();
      // Whoever has gone before the end was written has not seen it.
      if (response.writableEnded) return;
      for (const listener of this.#listeners.splice(0)) listener();
    });
  }

  /** Whether nobody is left to write to. */
  get gone(): boolean {
    return this.#gone;
  }

  /** A header by its lower-case name; several of one name are one, with commas. */
  header(name: string): string | undefined {
    const value = this.request.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  /** Calls the listener once if the caller goes before it has all of its answer. */
  onGone(listener: () => void): void {
    if (this.#gone) listener();
    else this.#listeners.push(listener);
  }
}

/** By connection: once it has ended, nobody could tell. */
const peers = new WeakMap<object, string>();

export function peerOf(connection: Http2Session | Socket): string {
  let peer = peers.get(connection);
  if (peer === undefined) {
    const { remoteAddress = "unknown", remotePort = 0 } = "socket" in connection ? connection.socket : connection;
    peer = `${remoteAddress.includes(":") ? `[${remoteAddress}]` : remoteAddress}:${remotePort}`;
    peers.set(connection, peer);
  }
  return peer;
}

const ignore = () => undefined;
