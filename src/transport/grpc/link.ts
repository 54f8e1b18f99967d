/**
 * `TerminalLinkService.Connect`: a terminal's connection as a gRPC stream, its messages passed through as bytes.
 *
 * It is on the gRPC port alone, where it is not listed by reflection: it is private to the bridge and its terminals.
 * It does not go through what other calls do: who calls is in the first frame, and a link outlasts the calls that
 * end when the bridge is leaving, since their orders go through it.
 */
import type { ServerHttp2Stream } from "node:http2";
import type { Readable } from "node:stream";
import type { Metadata, ServerDuplexStream, ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";
import { envelopeHead, inEnvelope } from "../../contract/envelope.ts";
import type { LinkCarrier } from "../../core/ports/link.ts";
import { Chunks } from "../chunks.ts";
import { linkLimits, partingMs } from "../link-limits.ts";
import { bodyOf } from "./body.ts";

type Call = ServerDuplexStream<Buffer, Buffer>;

const asIs = (bytes: Buffer): Buffer => bytes;

export const linkDefinition: ServiceDefinition = {
  Connect: {
    path: "/mt5bridge.terminal.v1.TerminalLinkService/Connect",
    requestStream: true,
    responseStream: true,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  },
};

/** `take` has the connection until it resolves, and never throws. */
export function linkImplementation(
  take: (carrier: LinkCarrier) => Promise<void>,
  metadata: Metadata,
): UntypedServiceImplementation {
  return {
    Connect(call: Call): void {
      call.sendMetadata(metadata);
      const carrier = new CallCarrier(call);
      void take(carrier).finally(() => carrier.close());
    },
  };
}

class CallCarrier implements LinkCarrier {
  readonly peer: string;
  readonly bearer?: string;
  readonly #call: Call;
  readonly #body: ServerHttp2Stream;
  readonly #chunks: Chunks<Uint8Array>;
  #closed = false;

  constructor(call: Call) {
    this.peer = call.getPeer();
    const [authorization] = call.metadata.get("authorization");
    if (authorization !== undefined) this.bearer = String(authorization).replace(/^bearer +/i, "");
    this.#call = call;
    this.#body = bodyOf(call);
    this.#chunks = new Chunks(call as unknown as Readable);
  }

  async *frames(signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
    for (;;) {
      const frame = await this.#chunks.next(signal);
      if (frame === undefined) return;
      yield frame;
    }
  }

  send(frame: Uint8Array): boolean {
    const { largestOut, mostWaiting } = linkLimits;
    if (frame.length > largestOut) throw new RangeError(`a frame of ${frame.length} bytes is too large to be sent`);
    const bytes = envelopeHead + frame.length;
    const body = this.#body;
    if (this.#closed || this.#call.cancelled || !body.writable || body.writableLength + bytes > mostWaiting)
      return false;
    body.write(inEnvelope(frame));
    return true;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#chunks.end();
    if (this.#call.cancelled || this.#body.destroyed) return;
    const late = setTimeout(() => this.#body.destroy(), partingMs);
    this.#body.once("close", () => clearTimeout(late));
    this.#call.resume();
    this.#call.end();
  }
}
