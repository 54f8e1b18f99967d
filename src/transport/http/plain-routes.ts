/**
 * The plain HTTP aliases, served by the very methods that every other transport runs.
 *
 * A request's body counts only as JSON and only if it says so: any page in a browser may send text or a form to
 * whatever address it likes, without asking first.
 */
import type { DescMethod, Message } from "@bufbuild/protobuf";
import { faultJson, type JsonObject, parseObject } from "../../contract/json.ts";
import { isLasting } from "../../contract/lasting.ts";
import { type Alias, aliases, type Surroundings } from "../../contract/plain-http.ts";
import { renamed } from "../../contract/plain-names.ts";
import { refused } from "../../contract/wire.ts";
import { BridgeError } from "../../core/errors.ts";
import { type CallOptions, settle, type WrappedMethod } from "../call.ts";
import { Abandoned, type Room, readBody } from "../connect/body.ts";
import type { Exchange, HttpRequest } from "../exchange.ts";
import { httpStatusOf, retryAfterOf } from "../http-status.ts";
import type { Route } from "./router.ts";
import { Turn } from "./turn.ts";

export interface PlainOptions {
  readonly calls: Pick<CallOptions, "clock" | "observer">;
  readonly maxRequestBytes: number;
  readonly requestMs: number;
  readonly room: Room;
  readonly newKey: () => string;
  readonly webSockets: () => number;
}

type Run = Extract<WrappedMethod, { kind: "unary" }>["run"];

export function plainRoutes(methods: readonly WrappedMethod[], options: PlainOptions): Route[] {
  const about: Surroundings = {
    get now() {
      return new Date(options.calls.clock.now());
    },
    get webSockets() {
      return options.webSockets();
    },
  };
  const turn = new Turn();
  const byMethod = new Map<DescMethod, WrappedMethod>(methods.map((wrapped) => [wrapped.method, wrapped]));
  return aliases.flatMap((alias) => {
    const wrapped = byMethod.get(alias.method);
    if (wrapped?.kind !== "unary") return []; // a service that is not served
    const plain = new PlainMethod(alias, wrapped.run, about, turn, options);
    return [{ verb: alias.verb, path: alias.path, serve: (exchange) => plain.serve(exchange) }];
  });
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly length: string;
}

function answerOf(status: number, value: JsonObject): Answer {
  const text = JSON.stringify(value);
  return { status, text, length: String(Buffer.byteLength(text)) };
}

const nothing = Buffer.alloc(0);

/** Most that only get something end with their head: nobody has to wait for more, or watch how long it takes. */
function hasBody({ stream, headers }: HttpRequest): boolean {
  if (stream !== undefined) return !stream.endAfterHeaders;
  return headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
}

class PlainMethod {
  readonly #alias: Alias;
  readonly #run: Run;
  readonly #about: Surroundings;
  readonly #turn: Turn;
  readonly #options: PlainOptions;
  /** Of messages that last, where nothing else is in the answer. */
  readonly #kept = new WeakMap<Message, Answer>();

  constructor(alias: Alias, run: Run, about: Surroundings, turn: Turn, options: PlainOptions) {
    this.#alias = alias;
    this.#run = run;
    this.#about = about;
    this.#turn = turn;
    this.#options = options;
  }

  serve(exchange: Exchange): void {
    if (hasBody(exchange.request)) void this.#readAndCall(exchange);
    else this.#call(exchange, nothing);
  }

  async #readAndCall(exchange: Exchange): Promise<void> {
    const { maxRequestBytes: bytes, requestMs: patienceMs, room } = this.#options;
    try {
      this.#call(exchange, await readBody(exchange.request, { bytes, patienceMs, room }));
    } catch (error) {
      if (error instanceof BridgeError) this.#call(exchange, error);
      else if (!(error instanceof Abandoned)) this.#giveUp(exchange, error);
    }
  }

  /** With what came, or what is wrong with it. */
  #call(exchange: Exchange, body: Buffer | BridgeError): void {
    let read = false;
    const reader = () => {
      const request = this.#alias.request(this.#fields(exchange, body));
      read = true;
      return request;
    };
    settle(
      () => this.#run(reader, exchange, (message) => this.#encode(message)),
      (answer) => this.#send(exchange, answer),
      (told) => {
        const fault = read ? renamed(told, this.#alias.names) : told;
        const retryAfter = retryAfterOf(fault);
        if (retryAfter !== undefined) exchange.response.setHeader("retry-after", retryAfter);
        this.#send(exchange, answerOf(httpStatusOf(fault), faultJson(fault)));
      },
    );
  }

  #encode(message: Message): Answer {
    let answer = this.#kept.get(message);
    if (answer === undefined) {
      const { body, status = 200 } = this.#alias.answer(message, this.#about);
      answer = answerOf(status, body);
      if (this.#alias.lasts && isLasting(message)) this.#kept.set(message, answer);
    }
    return answer;
  }

  #send(exchange: Exchange, { status, text, length }: Answer): void {
    this.#turn.add(() => {
      if (exchange.gone) return;
      try {
        exchange.response.writeHead(status, ["content-type", "application/json", "content-length", length]);
        exchange.response.end(text); // as text: HTTP/1.1 joins it to the head, and both leave as one
      } catch (error) {
        this.#giveUp(exchange, error);
      }
    });
  }

  #giveUp({ response }: Exchange, cause: unknown): void {
    this.#options.calls.observer.note("error", "http", "an answer could not be written", { cause });
    response.destroy();
  }

  #fields(exchange: Exchange, body: Buffer | BridgeError): JsonObject {
    if (body instanceof BridgeError) throw body;
    const fields = this.#alias.verb === "GET" ? queryOf(exchange.request) : this.#object(exchange, body);
    return this.#alias.keyed ? this.#keyed(exchange, fields) : fields;
  }

  #object(exchange: Exchange, body: Buffer): JsonObject {
    const [type = ""] = (exchange.header("content-type") ?? "").split(";", 1);
    if (body.length === 0 && !this.#alias.keyed) return {};
    if (type.trim().toLowerCase() !== "application/json") {
      throw new BridgeError("invalid_argument", "The request must be JSON, with `content-type: application/json`.");
    }
    return parseObject(body.toString());
  }

  /** With the key of the header, or a new one, if the body has none; the answer's header says which in any case. */
  #keyed(exchange: Exchange, fields: JsonObject): JsonObject {
    const inHeader = exchange.header("idempotency-key");
    const inBody = fields["client_order_id"];
    if (inHeader !== undefined && inBody !== undefined && inHeader !== inBody) {
      const description = "must be the same as the header idempotency-key, or absent";
      throw refused([{ field: "client_order_id", description }]);
    }
    const key = inBody ?? inHeader ?? this.#options.newKey();
    if (typeof key === "string" && /^[ -~]{1,64}$/.test(key)) exchange.response.setHeader("idempotency-key", key);
    return { ...fields, client_order_id: key };
  }
}

function queryOf({ url = "" }: HttpRequest): JsonObject {
  if (!url.includes("?")) return {};
  const [, text] = url.split("?", 2);
  const query = new URLSearchParams(text);
  const twice = [...new Set(query.keys())].filter((name) => query.getAll(name).length > 1);
  if (twice.length > 0) throw refused(twice.map((field) => ({ field, description: "must be given once" })));
  return Object.fromEntries(query);
}
