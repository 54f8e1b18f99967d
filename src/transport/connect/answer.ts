/**
 * The answer in the caller's dialect: its head, its frames, and how it went.
 *
 * Where a status has to wait for the end of a stream it goes into the trailers: HTTP's own for gRPC, a last envelope
 * for gRPC-Web and Connect, whose clients in browsers cannot see HTTP's.
 */
import { encodeStatus, statusOf } from "../../contract/fault-status.ts";
import { faultJson } from "../../contract/json.ts";
import type { BridgeError } from "../../core/errors.ts";
import type { Exchange } from "../exchange.ts";
import { httpStatusOf } from "../http-status.ts";
import type { Dialect } from "./dialect.ts";
import { endFlag, enveloped, trailersFlag } from "./envelope.ts";

type Headers = Readonly<Record<string, string>>;

export class Answer {
  readonly #exchange: Exchange;
  readonly #dialect: Dialect;
  /** On every answer. */
  readonly #headers: Headers;

  constructor(exchange: Exchange, dialect: Dialect, headers: Headers) {
    this.#exchange = exchange;
    this.#dialect = dialect;
    this.#headers = headers;
  }

  /** The head of an answer in frames. It leaves with the first of them. */
  begin(): void {
    this.#head(200, this.#dialect.headers);
  }

  /** The one frame of a unary call that went well. */
  only(frame: Buffer): void {
    if (this.#exchange.gone) return;
    if (this.#dialect.bare) {
      this.#head(200, { ...this.#dialect.headers, "content-length": String(frame.length) });
      this.#exchange.response.end(frame);
      return;
    }
    this.begin();
    this.#exchange.response.write(frame);
    this.end();
  }

  /** How it went, behind everything that was written. */
  end(fault?: BridgeError): void {
    const { response, gone } = this.#exchange;
    if (gone) return;
    if (this.#dialect.bare && fault !== undefined) {
      const body = Buffer.from(JSON.stringify(faultJson(fault)));
      const headers = { "content-type": "application/json", "content-length": String(body.length) };
      this.#head(httpStatusOf(fault), { ...this.#dialect.headers, ...headers });
      response.end(body);
      return;
    }
    if (!response.headersSent) this.begin();
    if (this.#dialect.protocol === "connect") {
      response.end(enveloped(Buffer.from(JSON.stringify(fault ? { error: faultJson(fault) } : {})), endFlag));
    } else if (this.#dialect.protocol === "grpc") {
      response.addTrailers(fault ? { ...trailersOf(fault), ...this.#headers } : succeeded);
      response.end();
    } else {
      const lines = Object.entries(fault ? trailersOf(fault) : succeeded).map((pair) => `${pair.join(": ")}\r\n`);
      response.end(enveloped(Buffer.from(lines.join("")), trailersFlag));
    }
  }

  #head(status: number, headers: Headers): void {
    this.#exchange.response.writeHead(status, { ...this.#headers, ...headers });
  }
}

const succeeded: Headers = { "grpc-status": "0" };

function trailersOf(fault: BridgeError): Headers {
  const status = statusOf(fault);
  return {
    "grpc-status": String(status.code),
    "grpc-message": percentEncoded(status.message),
    "grpc-status-details-bin": Buffer.from(encodeStatus(status)).toString("base64").replace(/=+$/, ""),
  };
}

/** As gRPC wants it: printable ASCII stays, the rest is bytes in hexadecimal. */
function percentEncoded(text: string): string {
  return text.replace(/[^ -~]|%/gu, (char) =>
    [...Buffer.from(char)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join(""),
  );
}
