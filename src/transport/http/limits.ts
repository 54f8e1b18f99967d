/**
 * How long anything may take on the HTTP port, and how much of it there may be. Node leaves most of this open.
 */

export interface HttpLimits {
  /** Until a peer has said its first bytes. */
  readonly silenceMs: number;
  /** Until the headers of a request have arrived. */
  readonly headersMs: number;
  /** Until all of a request has arrived. */
  readonly requestMs: number;
  /** Of all requests that are on their way in, together. */
  readonly arrivingBytes: number;
  /** How long a connection of HTTP/1.1 is kept between two requests. */
  readonly keepAliveMs: number;
  /** How often a peer of HTTP/2 is asked whether it is alive, and how long it may take to answer. */
  readonly pingEveryMs: number;
  readonly pingMs: number;
  /** How long a connection of HTTP/2 is kept without any stream. */
  readonly idleMs: number;
}

export const httpLimits: HttpLimits = {
  silenceMs: 10_000,
  headersMs: 10_000,
  requestMs: 30_000,
  arrivingBytes: 64 * 1024 * 1024,
  keepAliveMs: 65_000, // longer than the minute of most load balancers, which must be the first to let go
  pingEveryMs: 30_000,
  pingMs: 10_000,
  idleMs: 15 * 60_000,
};

/** Of headers, in bytes, on both versions. */
export const maxHeaderBytes = 16_384;
/** Streams of one HTTP/2 connection; above what the wrapper lets in, so that a client hears of a limit. */
export const maxStreams = 2_000;
/** MiB of HTTP/2 bookkeeping and bytes not yet sent, per connection. */
export const maxSessionMemory = 64;
