/** The RPCs that frames can name, whatever the contract has: no RPC needs a line here. */
import type { DescMethod } from "@bufbuild/protobuf";
import type { Service } from "../../contract/service.ts";
import { BridgeError } from "../../core/errors.ts";
import { type CallOptions, type WrappedMethod, wrapped } from "../call.ts";

export type UnaryMethod = Extract<WrappedMethod, { kind: "unary" }>;
export type StreamMethod = Extract<WrappedMethod, { kind: "server_streaming" }>;

export class Methods {
  readonly #byName = new Map<string, WrappedMethod>();

  constructor(services: readonly Service[], calls: CallOptions) {
    for (const one of services.flatMap((service) => wrapped(service, calls))) {
      const { parent, name } = one.method;
      this.#byName.set(`${parent.typeName}/${name}`, one);
      this.#byName.set(`${parent.name}/${name}`, one);
    }
  }

  /** The descriptor, if there is such an RPC. */
  known(name: string): DescMethod | undefined {
    return this.#byName.get(name.startsWith("/") ? name.slice(1) : name)?.method;
  }

  unary(name: string): UnaryMethod {
    const found = this.#find(name);
    if (found.kind === "unary") return found;
    throw wrongFrame(name, "is a stream: send subscribe");
  }

  stream(name: string): StreamMethod {
    const found = this.#find(name);
    if (found.kind === "server_streaming") return found;
    if (found.kind === "unary") throw wrongFrame(name, "has one answer: send call");
    throw new BridgeError("unknown_method", `${name} takes a stream of requests, which WebSocket does not carry here.`);
  }

  /** The RPC that changes such a stream while it runs: by name, or the one of its service that names a stream. */
  updater(name: string, { method: { parent } }: StreamMethod): UnaryMethod {
    const updaters = parent.methods.filter(({ input }) => input.fields.some((field) => field.name === "stream_id"));
    if (name !== "") {
      const found = this.unary(name);
      if (updaters.includes(found.method)) return found;
    }
    const [only, ...more] = updaters;
    if (name !== "" || only === undefined || more.length > 0) {
      const known = updaters.map((one) => `${parent.name}/${one.name}`).join(", ") || "no RPC can";
      throw new BridgeError("invalid_argument", `${known} change a running stream of ${parent.name}.`, {
        violations: [{ field: "method", description: `must be one that changes a running stream: ${known}` }],
      });
    }
    return this.unary(`${parent.typeName}/${only.name}`);
  }

  #find(name: string): WrappedMethod {
    const found = this.#byName.get(name.startsWith("/") ? name.slice(1) : name);
    if (found !== undefined) return found;
    const shown = JSON.stringify(name.slice(0, 100));
    throw new BridgeError("unknown_method", `There is no RPC ${shown}; name it as OrdersService/PlaceOrder.`);
  }
}

const wrongFrame = (name: string, description: string): BridgeError =>
  new BridgeError("invalid_argument", `${name} ${description}.`, { violations: [{ field: "type", description }] });
