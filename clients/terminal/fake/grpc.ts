/** Frames as the messages of one gRPC call. */
import { Client, type ClientDuplexStream, credentials, Metadata } from "@grpc/grpc-js";
import type { LinkCarrier } from "../../../src/core/ports/link.ts";

const asIs = (bytes: Uint8Array): Buffer => Buffer.from(bytes);
const path = "/mt5bridge.terminal.v1.TerminalLinkService/Connect";
const mostWaiting = 16 * 2 ** 20;

export class GrpcCarrier implements LinkCarrier {
  readonly peer: string;
  fault: string | undefined;
  readonly #client: Client;
  readonly #call: ClientDuplexStream<Buffer, Buffer>;
  readonly #ended = Promise.withResolvers<void>();

  constructor(address: string, token: string, ca: string | undefined, largest: number) {
    this.peer = address;
    const secure = ca === undefined ? credentials.createInsecure() : credentials.createSsl(Buffer.from(ca));
    const options = { "grpc.max_receive_message_length": largest, "grpc.enable_retries": 0 };
    this.#client = new Client(address, secure, options);
    const metadata = new Metadata();
    if (token !== "") metadata.set("authorization", `Bearer ${token}`);
    this.#call = this.#client.makeBidiStreamRequest(path, asIs, asIs, metadata);
    this.#call.on("error", (error) => {
      this.fault ??= error.message;
    });
    this.#call.on("status", () => this.#ended.resolve());
  }

  async *frames(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const stop = () => this.#call.cancel();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    try {
      for await (const frame of this.#call) yield frame as Buffer;
    } catch {
      // told as the call's error
    } finally {
      signal.removeEventListener("abort", stop);
      this.close();
    }
  }

  send(frame: Uint8Array): boolean {
    if (this.#call.writableLength * frame.length > mostWaiting) return false;
    this.#call.write(frame as Buffer);
    return true;
  }

  close(): void {
    this.#call.end();
    void this.#ended.promise.then(() => this.#client.close());
    this.#call.cancel();
  }
}
