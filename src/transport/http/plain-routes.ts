/**
 * The plain HTTP aliases, served by the very methods that every other transport runs.
 *
 * A request's body counts only as JSON and only if it says so: any page in a browser may send text or a form to
 * whatever address it likes, without asking first.
 */
import type { DescMethod } from "@bufbuild/protobuf";
import { faultOf } from "../../contract/fault-status.ts";
import { faultJson, type JsonObject, parseObject } from "../../contract/json.ts";
import { type Alias, aliases, type Surroundings } from "../../contract/plain-http.ts";
import { renamed } from "../../contract/plain-names.ts";
import { refused } from "../../contract/wire.ts";
import { BridgeError } from "../../core/errors.ts";
import type { CallOptions, WrappedMethod } from "../call.ts";
import { Abandoned, type Room, readBody } from "../connect/body.ts";
import type { Exchange, HttpRequest } from "../exchange.ts";
import { httpStatusOf, retryAfterOf } from "../http-status.ts";
import type { Route } from "./router.ts";

export interface PlainOptions {
  readonly calls: Pick<CallOptions, "clock" | "observer">;
  readonly maxRequestBytes: number;
  readonly requestMs: number;
  readonly room: Room;
  readonly newKey: () => string;
  readonly webSockets: () => number;
}

export function plainRoutes(methods: readonly WrappedMethod[], options: PlainOptions): Route[] {
  const about: Surroundings = {
    get now() {
      return new Date(options.calls.clock.now());
    },
    get webSockets() {
      return options.webSockets();
    },
  };
  const byMethod = new Map<DescMethod, WrappedMethod>(methods.map((wrapped) => [wrapped.method, wrapped]));
  return aliases.flatMap((alias) => {
    const wrapped = byMethod.get(alias.method);
    if (wrapped?.kind !== "unary") return []; // a service that is not served
    const serve = (exchange: Exchange) => {
      new PlainCall(exchange, alias, about, options).run(wrapped.run).catch((error: unknown) => {
        if (error instanceof Abandoned) return;
        options.calls.observer.note("error", "http", "an answer could not be written", { cause: error });
        exchange.response.destroy();
      });
    };
    return [{ verb: alias.verb, path: alias.path, serve }];
  });
}

export function sendJson(exchange: Exchange, status: number, value: JsonObject): void {
  if (exchange.gone) return;
  const body = JSON.stringify(value);
  const length = Buffer.byteLength(body);
  exchange.response.writeHead(status, { "content-type": "application/json", "content-length": length });
  exchange.response.end(body); // as text: HTTP/1.1 joins it to the head, and both leave as one
}

const nothing = Buffer.alloc(0);

/** Most that only get something end with their head: nobody has to wait for more, or watch how long it takes. */
function hasBody({ stream, headers }: HttpRequest): boolean {
  if (stream !== undefined) return !stream.endAfterHeaders;
  return headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
}

class PlainCall {
  readonly #exchange: Exchange;
  readonly #alias: Alias;
  readonly #about: Surroundings;
  readonly #options: PlainOptions;

  constructor(exchange: Exchange, alias: Alias, about: Surroundings, options: PlainOptions) {
    this.#exchange = exchange;
    this.#alias = alias;
    this.#about = about;
    this.#options = options;
  }

  async run(call: (WrappedMethod & { kind: "unary" })["run"]): Promise<void> {
    const body = hasBody(this.#exchange.request) ? await this.#body() : nothing;
    let read = false;
    try {
      const reader = () => {
        const request = this.#alias.request(this.#fields(body));
        read = true;
        return request;
      };
      const encode = (message: Parameters<Alias["answer"]>[0]) => this.#alias.answer(message, this.#about);
      const { body: value, status = 200 } = await call(reader, this.#exchange.incoming("http", undefined), encode);
      sendJson(this.#exchange, status, value);
    } catch (error) {
      const told = error instanceof BridgeError ? error : faultOf(error, "(none)");
      const fault = read ? renamed(told, this.#alias.names) : told;
      const retryAfter = retryAfterOf(fault);
      if (retryAfter !== undefined) this.#exchange.response.setHeader("retry-after", retryAfter);
      sendJson(this.#exchange, httpStatusOf(fault), faultJson(fault));
    }
  }

  /** What came, or what is wrong with it. */
  async #body(): Promise<Buffer | BridgeError> {
    const { maxRequestBytes: bytes, requestMs: patienceMs, room } = this.#options;
    try {
      return await readBody(this.#exchange.request, { bytes, patienceMs, room });
    } catch (error) {
      if (error instanceof BridgeError) return error;
      throw error;
    }
  }

  #fields(body: Buffer | BridgeError): JsonObject {
    if (body instanceof BridgeError) throw body;
    const fields = this.#alias.verb === "GET" ? this.#query() : this.#object(body);
    return this.#alias.keyed ? this.#keyed(fields) : fields;
  }

  #query(): JsonObject {
    const { url = "" } = this.#exchange.request;
    if (!url.includes("?")) return {};
    const [, text] = url.split("?", 2);
    const query = new URLSearchParams(text);
    const twice = [...new Set(query.keys())].filter((name) => query.getAll(name).length > 1);
    if (twice.length > 0) throw refused(twice.map((field) => ({ field, description: "must be given once" })));
    return Object.fromEntries(query);
  }

  #object(body: Buffer): JsonObject {
    const [type = ""] = (this.#exchange.header("content-type") ?? "").split(";", 1);
    if (body.length === 0 && !this.#alias.keyed) return {};
    if (type.trim().toLowerCase() !== "application/json") {
      throw new BridgeError("invalid_argument", "The request must be JSON, with `content-type: application/json`.");
    }
    return parseObject(body.toString());
  }

  /** With the key of the header, or a new one, if the body has none; the answer's header says which in any case. */
  #keyed(fields: JsonObject): JsonObject {
    const inHeader = this.#exchange.header("idempotency-key");
    const inBody = fields["client_order_id"];
    if (inHeader !== undefined && inBody !== undefined && inHeader !== inBody) {
      const description = "must be the same as the header idempotency-key, or absent";
      throw refused([{ field: "client_order_id", description }]);
    }
    const key = inBody ?? inHeader ?? this.#options.newKey();
    if (typeof key === "string" && /^[ -~]{1,64}$/.test(key)) this.#exchange.response.setHeader("idempotency-key", key);
    return { ...fields, client_order_id: key };
  }
}
