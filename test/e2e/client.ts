/** A plain grpc-js client of any service of the contract. */
import {
  create,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { detailsOfTrailers, toldOf } from "../transport/told.ts";

const path = (method: DescMethodUnary | DescMethodServerStreaming) => `/${method.parent.typeName}/${method.name}`;

export class BridgeClient {
  readonly #client: Client;

  /** `authority`: of the bridge's certificate, where it has one. */
  constructor(port: number, authority?: Buffer) {
    const access = authority === undefined ? credentials.createInsecure() : credentials.createSsl(authority);
    this.#client = new Client(`127.0.0.1:${port}`, access, {
      "grpc.max_receive_message_length": 16 * 2 ** 20,
      "grpc.use_local_subchannel_pool": 1, // a connection of its own
    });
  }

  call<M extends DescMethodUnary>(
    method: M,
    request: MessageInitShape<M["input"]>,
    deadlineMs = 20_000,
  ): Promise<MessageShape<M["output"]>> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path(method),
        (message: MessageShape<M["input"]>) => Buffer.from(toBinary(method.input, message)),
        (bytes: Buffer) => fromBinary(method.output, bytes) as MessageShape<M["output"]>,
        create(method.input, request) as MessageShape<M["input"]>,
        new Metadata(),
        { deadline: Date.now() + deadlineMs },
        (error, answer) => (answer === undefined ? reject(error) : resolve(answer)),
      );
    });
  }

  /** Leaving the loop cancels the call. */
  async *stream<M extends DescMethodServerStreaming>(
    method: M,
    request: MessageInitShape<M["input"]>,
  ): AsyncGenerator<MessageShape<M["output"]>, void> {
    const call = this.#client.makeServerStreamRequest(
      path(method),
      (message: MessageShape<M["input"]>) => Buffer.from(toBinary(method.input, message)),
      (bytes: Buffer) => fromBinary(method.output, bytes) as MessageShape<M["output"]>,
      create(method.input, request) as MessageShape<M["input"]>,
    );
    try {
      yield* call as AsyncIterable<MessageShape<M["output"]>>;
    } finally {
      call.on("error", () => undefined); // our own cancellation
      call.cancel();
    }
  }

  close(): void {
    this.#client.close();
  }
}

/** What the bridge says of a failure, read from its details. */
export function failureOf(error: unknown) {
  const { code, details, metadata } = error as ServiceError;
  const told = toldOf(code, details, detailsOfTrailers(metadata));
  return { ...told, fields: told.violations.map(({ field }) => field) };
}
