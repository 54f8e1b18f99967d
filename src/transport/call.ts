/**
 * What every call of every transport goes through, around the implementation: its passage, and between its two ends
 * the request, which has to be valid and within the caller's limits.
 *
 * Always true: only a BridgeError comes out, its message fit for the caller.
 */
import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { Call, Service } from "../contract/service.ts";
import type { SymbolsMeant } from "../contract/symbols-meant.ts";
import type { Validation } from "../contract/validation.ts";
import type { BridgeError } from "../core/errors.ts";
import { nobody, witnessed } from "../core/ports/witness.ts";
import { type HoldLimits, limitsOf } from "./limits.ts";
import { type Incoming, Passage, type PassageOptions, type Way } from "./passage.ts";
import { pump, type Sink } from "./pump.ts";
import { ruleOf } from "./scopes.ts";

export interface CallOptions extends PassageOptions {
  readonly validation: Validation;
  /** Looks up what a request names by id or ticket, for callers limited to some symbols; absent: they are refused. */
  readonly symbolsMeant?: SymbolsMeant | undefined;
}

/** Reads the request; throws what is wrong with its bytes. */
export type Reader = () => Message;

/** Makes of an answer what the transport sends. It runs inside the wrapper: what it throws is answered like the rest. */
type Encode<Frame> = (message: Message) => Frame;

/** At once, thrown faults too, unless somebody has to be waited for. */
type Answer = <Frame>(request: Reader, incoming: Incoming, encode: Encode<Frame>) => Frame | Promise<Frame>;
/** Resolves when everything is written, or nobody is left to write to. */
type Answers<Request> = <Frame>(
  request: Request,
  incoming: Incoming,
  encode: Encode<Frame>,
  peer: Sink<Frame>,
) => Promise<void>;

/** A method as transports run it. Whatever it throws is a BridgeError. */
export type WrappedMethod = { readonly method: DescMethod } & (
  | { readonly kind: "unary"; readonly run: Answer }
  | { readonly kind: "server_streaming"; readonly run: Answers<Reader> }
  | { readonly kind: "bidi_streaming"; readonly run: Answers<AsyncIterable<Reader>> }
);

type UnaryFunction = (request: Message, call: Call) => Message | Promise<Message>;
type StreamFunction<Request> = (request: Request, call: Call) => AsyncIterable<Message>;

/** Takes its time, once: rules are compiled here so that no caller waits for them. */
export function wrapped(service: Service, options: CallOptions): WrappedMethod[] {
  options.validation.warm(service.descriptor.methods.map(({ input }) => input));
  return service.descriptor.methods.map((method) => wrappedMethod(service, method, options));
}

function wrappedMethod(service: Service, method: DescMethod, options: CallOptions): WrappedMethod {
  const implementation = service.implementation[method.localName];
  const rule = ruleOf(method);
  const kind = method.methodKind === "unary" ? "unary" : "stream";
  const name = `${method.parent.typeName}/${method.name}`;
  const routine = name.startsWith("grpc.") || (kind === "unary" && rule.scope === "read");
  const way: Way = { method, rule, name, kind, routine, always: service.always, options };
  const read = readingOf(method, options);

  switch (method.methodKind) {
    case "unary": {
      const answer = implementation as UnaryFunction;
      return {
        method,
        kind: "unary",
        run(request, incoming, encode) {
          const passage = new Passage(way, incoming);
          const finish = (message: Message) => {
            const frame = encode(message);
            passage.done();
            return frame;
          };
          const later = async (answered: Promise<Message>) => {
            try {
              return finish(await answered);
            } catch (error) {
              throw passage.failed(error);
            }
          };
          try {
            const message = after(passage.enter(request), () => read(request, passage));
            const answered = after(message, (valid) => answer(valid, passage));
            return answered instanceof Promise ? later(answered) : finish(answered);
          } catch (error) {
            throw passage.failed(error);
          }
        },
      };
    }
    case "server_streaming": {
      const answers = implementation as StreamFunction<Message>;
      return {
        method,
        kind: "server_streaming",
        run: (request, incoming, encode, peer) =>
          stream(new Passage(way, incoming), async (call) => answers(await read(request, call), call), encode, peer),
      };
    }
    case "bidi_streaming": {
      const answers = implementation as StreamFunction<AsyncIterable<Message>>;
      return {
        method,
        kind: "bidi_streaming",
        run(requests, incoming, encode, peer) {
          const open = async (call: Call) =>
            answers(
              each(requests, (one) => read(one, call)),
              call,
            );
          return stream(new Passage(way, incoming), open, encode, peer);
        },
      };
    }
    default:
      throw new Error(`${method.parent.typeName}.${method.name}: a stream of requests with one answer is not served`);
  }
}

/** What is there at once is not waited for: a wait costs as much as a check. */
function after<T, R>(value: T | Promise<T>, next: (value: T) => R | Promise<R>): R | Promise<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** Tells how a unary call went, once and as soon as it is known. */
export function settle<Frame>(
  run: () => Frame | Promise<Frame>,
  answered: (frame: Frame) => void,
  failed: (fault: BridgeError) => void,
): void {
  let frame: Frame | Promise<Frame>;
  try {
    frame = run();
  } catch (fault) {
    failed(fault as BridgeError);
    return;
  }
  if (frame instanceof Promise) frame.then(answered, failed);
  else answered(frame);
}

/** The request, valid and within the caller's limits. */
function readingOf(method: DescMethod, { validation, symbolsMeant, witness = nobody }: CallOptions) {
  const hold: HoldLimits = limitsOf(method, symbolsMeant);
  const valid = (request: Reader): Message => {
    const message = request();
    validation.check(method.input, message);
    return message;
  };
  return (request: Reader, call: Call): Message | Promise<Message> => {
    const { span } = call;
    const message =
      span === undefined ? valid(request) : witnessed(witness, span, "request.read", () => valid(request));
    const held = hold(call.principal, message);
    return held === undefined ? message : held.then(() => message);
  };
}

async function stream<Frame>(
  passage: Passage,
  open: (call: Call) => Promise<AsyncIterable<Message>>,
  encode: Encode<Frame>,
  peer: Sink<Frame>,
): Promise<void> {
  try {
    await passage.enter();
    const messages = await open(passage);
    if (await pump(messages, encode, peer)) passage.done();
  } catch (error) {
    throw passage.failed(error);
  } finally {
    passage.left();
  }
}

async function* each<In, Out>(items: AsyncIterable<In>, of: (item: In) => Out | Promise<Out>): AsyncGenerator<Out> {
  for await (const item of items) yield await of(item);
}
