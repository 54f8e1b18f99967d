/**
 * The one place where connect-node's adapter is called, and where its surprises end.
 *
 *   - It makes a URL of what the caller names as host and throws what is none out of the server's listener, which would
 *     end the process: such a request is a bad one.
 *   - It tells the console of a peer that vanishes in the middle of a write, unless the error is called an abort.
 *
 * It knows nothing of our limits and reads requests as they come; our handlers take the request itself from their
 * context instead.
 */
import { Code, ConnectError, createContextKey, createContextValues } from "@connectrpc/connect";
import type { UniversalHandler, UniversalServerRequest, UniversalServerResponse } from "@connectrpc/connect/protocol";
import { connectNodeAdapter, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { Exchange, HttpResponse } from "../exchange.ts";

type Listener = (exchange: Exchange) => void;
type Done = (error?: Error | null) => void;
type NodeArguments = Parameters<ReturnType<typeof connectNodeAdapter>>;

const exchangeKey = createContextKey<Exchange | undefined>(undefined);

/** What a handler answers, as Node has it. */
export function exchangeOf({ contextValues }: UniversalServerRequest): Exchange {
  const exchange = contextValues?.get(exchangeKey);
  if (exchange === undefined) throw new Error("a handler was called past the adapter");
  return exchange;
}

/** `otherwise` serves the paths that no handler has. */
export function connectListener(handlers: readonly UniversalHandler[], otherwise: Listener): Listener {
  const exchanges = new WeakMap<object, Exchange>();
  const found = (request: object) => exchanges.get(request) as Exchange;
  const adapter = connectNodeAdapter({
    routes: (router) => void router.handlers.push(...handlers),
    contextValues: (request) => createContextValues().set(exchangeKey, found(request)),
    fallback: (request) => otherwise(found(request)),
  });
  return (exchange) => {
    const { request, response } = exchange;
    exchanges.set(request, exchange);
    abortQuietly(response);
    try {
      adapter(...([request, response] as unknown as NodeArguments));
    } catch (error) {
      if (!isAboutHost(error)) throw error;
      request.resume();
      response.writeHead(400, {});
      response.end();
    }
  };
}

/** Answers past the adapter, for a path that it does not know. */
export function send({ request, response }: Exchange, answer: UniversalServerResponse): void {
  request.resume();
  // It fails when the peer has gone, and nobody is left to tell.
  universalResponseToNodeResponse(answer, response as unknown as NodeArguments[1]).catch(() => undefined);
}

function abortQuietly(response: HttpResponse): void {
  const write = response.write.bind(response) as (chunk: unknown, encoding: unknown, done?: Done) => boolean;
  response.write = (chunk: unknown, encoding?: unknown, done?: Done) =>
    write(chunk, encoding, done && ((error) => done(error && new ConnectError(error.message, Code.Aborted))));
}

function isAboutHost(error: unknown): boolean {
  return error instanceof ConnectError || (error as NodeJS.ErrnoException | undefined)?.code === "ERR_INVALID_URL";
}
