/**
 * The answer in the caller's dialect, as the adapter takes it: its head, its frames, and how it went.
 */
import type { ConnectError } from "@connectrpc/connect";
import { createAsyncIterable, type UniversalServerResponse, uResponseOk } from "@connectrpc/connect/protocol";
import * as connect from "@connectrpc/connect/protocol-connect";
import { inEnvelope } from "../../contract/envelope.ts";
import { BridgeError } from "../../core/errors.ts";
import type { Exchange } from "../exchange.ts";
import { retryAfterOf } from "../http-status.ts";
import type { Sink } from "../pump.ts";
import { StreamSink } from "../stream-sink.ts";
import type { Dialect } from "./dialect.ts";
import { connectError } from "./failure.ts";
import { encodings } from "./message.ts";

/** Writes an answer's frames to the peer. */
type Serve = (peer: Sink<Uint8Array>) => Promise<void>;

/** The one answer of a unary call, at once or later, or what is thrown instead. */
type Answer = () => Uint8Array | Promise<Uint8Array>;

export const oneFrame =
  (answer: Answer): Serve =>
  async (peer) =>
    void peer.write(inEnvelope(await answer()), 0);

function headersOf({ contentType, acceptEncoding }: Dialect): Headers {
  return new Headers({ "content-type": contentType, [acceptEncoding]: encodings });
}

/** An answer that is all of its body. */
export async function whole(answer: Answer, dialect: Dialect): Promise<UniversalServerResponse> {
  const header = headersOf(dialect);
  let status = uResponseOk.status;
  let body: Uint8Array;
  try {
    body = await answer();
  } catch (fault) {
    const error = connectError(fault);
    const retryAfter = fault instanceof BridgeError ? retryAfterOf(fault) : undefined;
    if (retryAfter !== undefined) header.set("retry-after", retryAfter);
    status = connect.codeToHttpStatus(error.code);
    header.set("content-type", connect.contentTypeUnaryJson);
    body = connect.errorToJsonBytes(error, undefined);
  }
  header.set("content-length", String(body.length));
  return { status, header, body: createAsyncIterable([body]) };
}

export function inFrames(serve: Serve, dialect: Dialect, exchange: Exchange): UniversalServerResponse {
  const trailer = new Headers();
  const answer = { ...uResponseOk, header: headersOf(dialect), body: bodyOf(serve, dialect, trailer, exchange) };
  return dialect.protocol === "grpc" ? { ...answer, trailer } : answer;
}

/**
 * The adapter writes the first frame, as it sends the headers with it, and the last; those between go past it, which
 * would wait for a promise for each, straight to the response.
 */
async function* bodyOf(
  serve: Serve,
  dialect: Dialect,
  trailer: Headers,
  exchange: Exchange,
): AsyncGenerator<Uint8Array, void> {
  const peer = new ResponseSink(exchange);
  let error: ConnectError | undefined;
  const served = serve(peer).catch((fault: unknown) => {
    error = connectError(fault);
  });
  try {
    const first = await Promise.race([peer.first, served]);
    if (first !== undefined) yield first;
  } finally {
    peer.open();
  }
  await served;
  const last = dialect.end(trailer, error);
  if (last !== undefined) yield last;
}

/** Takes one frame for the adapter, and more once that is on its way. */
class ResponseSink extends StreamSink {
  readonly #first = Promise.withResolvers<Uint8Array>();
  readonly #opened = Promise.withResolvers<void>();
  #frames: "none" | "first" | "all" = "none";

  constructor(exchange: Exchange) {
    super(exchange.response, () => exchange.gone);
    exchange.onGone(() => this.#opened.resolve());
  }

  get first(): Promise<Uint8Array> {
    return this.#first.promise;
  }

  open(): void {
    this.#frames = "all";
    this.#opened.resolve();
  }

  override write(frame: Uint8Array, ahead: number): boolean {
    if (this.#frames === "all") return super.write(frame, ahead);
    this.#frames = "first";
    this.#first.resolve(frame);
    return false;
  }

  override drained(): Promise<void> {
    return this.#frames === "all" ? super.drained() : this.#opened.promise;
  }
}
