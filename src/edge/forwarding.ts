/**
 * Services whose implementations are in another thread: asked here, answered there.
 *
 * The wrapper around a call (who calls, may he, is the request valid) runs where the caller is; what is forwarded is
 * the request that got through it, and who asked.
 */
import {
  type DescMethod,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  fromBinary,
  type Message,
} from "@bufbuild/protobuf";
import type { Principal } from "../contract/principal.ts";
import type { Call, Service } from "../contract/service.ts";
import type { Instant } from "../core/model/ids.ts";
import type { SpanRef } from "../core/ports/witness.ts";
import { bytesOf, sharedContent } from "../transport/frame.ts";
import type { Line } from "./line.ts";

/** A call that has passed the wrapper, as it travels. */
interface Passed {
  readonly request: Uint8Array;
  readonly principal: Omit<Principal, "revoked">;
  readonly traceId: string;
  readonly span: SpanRef | undefined;
  readonly deadline: Instant | undefined;
}

type Forwardable = DescMethodUnary | DescMethodServerStreaming;

export const nameOf = ({ parent, name }: DescMethod): string => `${parent.typeName}/${name}`;

/** What transports serve here, and somebody at the other end of the line implements. */
export function forwarded(descriptor: DescService, line: Line, always: boolean): Service {
  const implementation = Object.fromEntries(
    forwardable(descriptor).map((method) => [method.localName, forwardedMethod(method, line)]),
  );
  return { descriptor, implementation, always };
}

function forwardedMethod(method: Forwardable, line: Line) {
  const what = nameOf(method);
  const read = (bytes: Uint8Array): Message => fromBinary(method.output, bytes);
  if (method.methodKind === "unary") {
    return async (request: Message, call: Call): Promise<Message> =>
      read(await line.ask<Uint8Array>(what, passed(method, request, call), call.signal));
  }
  return async function* (request: Message, call: Call): AsyncGenerator<Message, void> {
    for await (const bytes of line.follow<Uint8Array>(what, passed(method, request, call), call.signal)) {
      yield read(bytes);
    }
  };
}

function passed(method: Forwardable, request: Message, { principal, traceId, span, deadline }: Call): Passed {
  const { revoked: _, ...rest } = principal; // the stream is cut where it is served
  return { request: bytesOf(method.input, request), principal: rest, traceId, span, deadline };
}

/** Answers what comes over the line with these services, as far as they are implemented. Streams end with `leaving`. */
export function answerForwarded(services: readonly Service[], line: Line, leaving: AbortSignal): void {
  for (const { descriptor, implementation } of services) {
    for (const method of forwardable(descriptor)) {
      const answer = implementation[method.localName] as ((request: Message, call: Call) => unknown) | undefined;
      if (answer === undefined) continue;
      const callOf = ({ principal, traceId, span, deadline }: Passed, signal: AbortSignal): Call => {
        return { principal, traceId, span, deadline, signal, leaving };
      };
      const requestOf = ({ request }: Passed): Message => fromBinary(method.input, request);
      if (method.methodKind === "unary") {
        line.answers(nameOf(method), async (asked: Passed, signal) =>
          bytesOf(method.output, (await answer(requestOf(asked), callOf(asked, signal))) as Message),
        );
      } else {
        line.streams(nameOf(method), async function* (asked: Passed, signal) {
          const messages = answer(requestOf(asked), callOf(asked, signal)) as AsyncIterable<Message>;
          for await (const message of messages) yield sharedContent(method.output, message, { json: false });
        });
      }
    }
  }
}

/** Nothing of the contract streams requests. */
function forwardable({ methods, typeName }: DescService): Forwardable[] {
  return methods.map((method) => {
    if (isForwardable(method)) return method;
    throw new Error(`${typeName}.${method.name}: a stream of requests is not forwarded`);
  });
}

const isForwardable = (method: DescMethod): method is Forwardable =>
  method.methodKind === "unary" || method.methodKind === "server_streaming";
