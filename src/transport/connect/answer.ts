/**
 * The answer in the caller's dialect, as the adapter takes it: its head, its frames, and how it went.
 */
import type { ConnectError } from "@connectrpc/connect";
import {
  createAsyncIterable,
  encodeEnvelope,
  type UniversalServerResponse,
  uResponseOk,
} from "@connectrpc/connect/protocol";
import * as connect from "@connectrpc/connect/protocol-connect";
import type { Exchange } from "../exchange.ts";
import type { Dialect } from "./dialect.ts";
import { connectError } from "./failure.ts";
import { encodings } from "./message.ts";

/** The one frame of a unary call. */
export async function* enveloped(answer: Promise<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  yield encodeEnvelope(0, await answer);
}

function headersOf({ contentType, acceptEncoding }: Dialect): Headers {
  return new Headers({ "content-type": contentType, [acceptEncoding]: encodings });
}

/** An answer that is all of its body. */
export async function whole(answer: Promise<Uint8Array>, dialect: Dialect): Promise<UniversalServerResponse> {
  const header = headersOf(dialect);
  let status = uResponseOk.status;
  const body = await answer.catch((fault: unknown) => {
    const error = connectError(fault);
    status = connect.codeToHttpStatus(error.code);
    header.set("content-type", connect.contentTypeUnaryJson);
    return connect.errorToJsonBytes(error, undefined);
  });
  header.set("content-length", String(body.length));
  return { status, header, body: createAsyncIterable([body]) };
}

export function inFrames(
  frames: AsyncGenerator<Uint8Array, void>,
  dialect: Dialect,
  exchange: Exchange,
): UniversalServerResponse {
  const trailer = new Headers();
  const answer = { ...uResponseOk, header: headersOf(dialect), body: paced(frames, dialect, trailer, exchange) };
  return dialect.protocol === "grpc" ? { ...answer, trailer } : answer;
}

/** The next frame is made when the adapter asks for it, and that is when the peer has taken the one before. */
async function* paced(
  frames: AsyncGenerator<Uint8Array, void>,
  dialect: Dialect,
  trailer: Headers,
  exchange: Exchange,
): AsyncGenerator<Uint8Array, void> {
  let error: ConnectError | undefined;
  try {
    let next = frames.next(); // the wrapper has to see each call begin, also one whose caller has gone
    exchange.onGone(() => void frames.return());
    for (let frame = await next; frame.done !== true; frame = await next) {
      yield frame.value;
      next = frames.next();
    }
  } catch (fault) {
    error = connectError(fault);
  } finally {
    void frames.return();
  }
  const last = dialect.end(trailer, error);
  if (last !== undefined) yield last;
}
