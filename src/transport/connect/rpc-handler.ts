/**
 * Every RPC of the contract over Connect, gRPC-Web and gRPC, for HTTP/1.1 and HTTP/2 alike.
 *
 * A request is read inside the wrapper that gRPC's own port uses, by the same strict readers, and an answer leaves
 * as bytes, so that streams share them. That is why connect-node's adapter does not serve here: it reads a message
 * before anybody can look at its bytes, and encodes it anew for each reader.
 *
 * Always true: whatever is sent to a path of an RPC, it is answered in the caller's dialect, or nobody is left.
 */
import type { DescMethod } from "@bufbuild/protobuf";
import { faultOf } from "../../contract/fault-status.ts";
import { decodeJson, parseObject } from "../../contract/json.ts";
import { decode } from "../../contract/wire.ts";
import { BridgeError } from "../../core/errors.ts";
import type { Instant } from "../../core/model/ids.ts";
import type { CallOptions, Encode, Reader, WrappedMethod } from "../call.ts";
import type { Exchange } from "../exchange.ts";
import { pump } from "../pump.ts";
import { Answer } from "./answer.ts";
import { Abandoned, checkEncoding, inflated, messagesOf, onlyMessage, type Room, readBody } from "./body.ts";
import { contentTypesFor, type Dialect, dialectOf } from "./dialect.ts";
import { contentOf, enveloped, headSize, sharedEnvelope } from "./envelope.ts";
import { deadlineOf } from "./timeout.ts";

export interface RpcOptions {
  readonly calls: Pick<CallOptions, "clock" | "observer">;
  /** On every answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** Of a request's message, also after it is inflated. */
  readonly maxRequestBytes: number;
  readonly maxAnswerBytes: number;
  /** How long a request may take to arrive, unless its deadline is sooner. */
  readonly requestMs: number;
  readonly room: Room;
}

/** Answers if the path is an RPC's, or looks like one; returns false otherwise. */
export type RpcHandler = (exchange: Exchange, path: string) => boolean;

export function rpcHandler(methods: readonly WrappedMethod[], options: RpcOptions): RpcHandler {
  const known = new Map(methods.map((wrapped) => [pathOf(wrapped.method), wrapped]));
  return (exchange, path) => {
    const wrapped = known.get(path);
    if (wrapped === undefined) return answerUnknown(exchange, path, options);
    const refusal = refusalOf(exchange, wrapped);
    if (refusal !== undefined) {
      exchange.request.resume();
      exchange.response.writeHead(refusal.status, { ...options.headers, ...refusal.headers });
      exchange.response.end();
      return true;
    }
    const dialect = dialectOf(exchange.header("content-type"), kindOf(wrapped)) as Dialect;
    new Conversation(exchange, wrapped, dialect, options).run();
    return true;
  };
}

const pathOf = (method: DescMethod): string => `/${method.parent.typeName}/${method.name}`;
const kindOf = ({ kind }: WrappedMethod) => (kind === "unary" ? "unary" : "stream");

/** What HTTP itself has words for. */
function refusalOf(exchange: Exchange, wrapped: WrappedMethod) {
  const { request } = exchange;
  if (request.method !== "POST") return { status: 405, headers: { allow: "POST" } };
  if (dialectOf(exchange.header("content-type"), kindOf(wrapped)) === undefined) {
    return { status: 415, headers: { "accept-post": contentTypesFor(kindOf(wrapped)) } };
  }
  // A client that wants to talk both ways at once would hang on HTTP/1.1, where we hear it to the end first.
  if (wrapped.kind === "bidi_streaming" && request.httpVersionMajor < 2) {
    return { status: 505, headers: { connection: "close" } };
  }
  return undefined;
}

/** A path like an RPC's that is none: told so in the caller's dialect. */
function answerUnknown(exchange: Exchange, path: string, { headers }: RpcOptions): boolean {
  const type = exchange.header("content-type");
  const dialect = dialectOf(type, "unary") ?? dialectOf(type, "stream");
  const looksLikeOne = /^\/[\w.]+\.\w+\/\w+$/.test(path) || dialect?.bare === false;
  if (dialect === undefined || !looksLikeOne || exchange.request.method !== "POST") return false;
  exchange.request.resume();
  new Answer(exchange, dialect, headers).end(new BridgeError("unknown_method", "There is no such method here."));
  return true;
}

/** One call, from its request to the end of its answer. */
class Conversation {
  readonly #exchange: Exchange;
  readonly #wrapped: WrappedMethod;
  readonly #dialect: Dialect;
  readonly #options: RpcOptions;
  readonly #answer: Answer;
  #deadline: Instant | undefined;

  constructor(exchange: Exchange, wrapped: WrappedMethod, dialect: Dialect, options: RpcOptions) {
    this.#exchange = exchange;
    this.#wrapped = wrapped;
    this.#dialect = dialect;
    this.#options = options;
    this.#answer = new Answer(exchange, dialect, options.headers);
  }

  run(): void {
    this.#converse().catch((error: unknown) => {
      if (error instanceof Abandoned) return;
      const { dialect, observer } = { dialect: this.#dialect.protocol, observer: this.#options.calls.observer };
      observer.note("error", dialect, "an answer could not be written", { cause: error });
      this.#exchange.response.destroy();
    });
  }

  async #converse(): Promise<void> {
    const wrapped = this.#wrapped;
    if (wrapped.kind === "bidi_streaming") {
      const requests = this.#requests(this.#head());
      return this.#stream(wrapped.run(requests, this.#incoming(), this.#encodeShared));
    }
    const read = await this.#request();
    if (wrapped.kind === "server_streaming") {
      return this.#stream(wrapped.run(read, this.#incoming(), this.#encodeShared));
    }
    let frame: Buffer;
    try {
      frame = await wrapped.run(read, this.#incoming(), this.#encode);
    } catch (fault) {
      return this.#answer.end(bridgeError(fault));
    }
    this.#answer.only(frame);
  }

  async #stream(frames: AsyncIterable<Buffer>): Promise<void> {
    this.#answer.begin();
    try {
      await pump(frames, this.#exchange.sink());
    } catch (fault) {
      return this.#answer.end(bridgeError(fault));
    }
    this.#answer.end();
  }

  #incoming() {
    return this.#exchange.incoming(this.#dialect.protocol, this.#deadline);
  }

  /** Looks at the request's headers; returns what is wrong with them, if anything. */
  #head(): BridgeError | undefined {
    const { timeoutHeader, encodingHeader } = this.#dialect;
    try {
      const now = this.#options.calls.clock.now();
      this.#deadline = deadlineOf(this.#exchange.header(timeoutHeader), this.#dialect, now);
      checkEncoding(this.#exchange.header(encodingHeader));
      return undefined;
    } catch (error) {
      return bridgeError(error);
    }
  }

  /** The one request; what is wrong with it is thrown by the reader, inside the wrapper. */
  async #request(): Promise<Reader> {
    const wrong = this.#head();
    const encoding = this.#exchange.header(this.#dialect.encodingHeader);
    const limit = this.#options.maxRequestBytes;
    try {
      const bytes = this.#dialect.bare ? limit : limit + headSize;
      const patienceMs = Math.min(this.#options.requestMs, this.#left());
      const body = await readBody(this.#exchange.request, { bytes, patienceMs, room: this.#options.room });
      if (wrong !== undefined) return thrower(wrong);
      if (!this.#dialect.bare) return this.#reader(await onlyMessage(body, encoding, limit));
      const compressed = body.length > 0 && encoding !== undefined && encoding !== "identity";
      return this.#reader(compressed ? await inflated(body, encoding, limit) : body);
    } catch (error) {
      if (error instanceof Abandoned) throw error;
      return thrower(wrong ?? bridgeError(error));
    }
  }

  #left(): number {
    return this.#deadline === undefined ? Infinity : Math.max(1, this.#deadline - this.#options.calls.clock.now());
  }

  async *#requests(wrong: BridgeError | undefined): AsyncGenerator<Reader, void> {
    const { request } = this.#exchange;
    const encoding = this.#exchange.header(this.#dialect.encodingHeader);
    try {
      if (wrong !== undefined) throw wrong;
      for await (const message of messagesOf(request, encoding, this.#options.maxRequestBytes)) {
        yield this.#reader(message);
      }
    } catch (error) {
      if (error instanceof BridgeError) yield thrower(error);
      else if (!this.#exchange.gone) throw error;
    }
  }

  #reader(bytes: Buffer): Reader {
    const { input } = this.#wrapped.method;
    if (!this.#dialect.json) return () => decode(input, bytes);
    return () => decodeJson(input, parseObject(textOf(bytes)));
  }

  readonly #encode: Encode<Buffer> = (message) => {
    const content = contentOf(this.#wrapped.method.output, message, this.#dialect.json);
    this.#refuseWhenLarge(content.length);
    return this.#dialect.bare ? content : enveloped(content);
  };

  readonly #encodeShared: Encode<Buffer> = (message) => {
    const frame = sharedEnvelope(this.#wrapped.method.output, message, this.#dialect.json);
    this.#refuseWhenLarge(frame.length - headSize);
    return frame;
  };

  #refuseWhenLarge(size: number): void {
    const { maxAnswerBytes } = this.#options;
    if (size <= maxAnswerBytes) return;
    const message = `The answer is larger than the limit of ${maxAnswerBytes} bytes; ask for less at a time.`;
    throw new BridgeError("quota_exceeded", message, { metadata: { quota: "message_size" } });
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function textOf(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new BridgeError("invalid_argument", "The request is no UTF-8.", { cause });
  }
}

function thrower(fault: BridgeError): Reader {
  return () => {
    throw fault;
  };
}

function bridgeError(error: unknown): BridgeError {
  return error instanceof BridgeError ? error : faultOf(error, "(none)");
}
