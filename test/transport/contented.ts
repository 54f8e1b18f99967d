/** Every RPC of the contract, with an implementation that is content with everything that reaches it. */
import { once } from "node:events";
import { create, type Message } from "@bufbuild/protobuf";
import { ListSymbolsResponseSchema, TicksService } from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import type { Call, Service } from "../../src/contract/service.ts";
import { services as descriptors } from "../e2e/bad-input.ts";
import { someOf } from "./served.ts";

const opened = { event: { case: "opened", value: {} } };
const { listSymbols } = TicksService.method;

/** Streams open; `endless` ones go on until their caller leaves. There is one symbol, for those who follow all. */
export const contented = (endless: boolean): Service[] =>
  descriptors.map((descriptor) =>
    someOf(
      descriptor,
      Object.fromEntries(
        descriptor.methods.map((method): [string, unknown] => {
          if (method === listSymbols) {
            return [method.localName, async () => create(ListSymbolsResponseSchema, { symbols: [{ name: "EURUSD" }] })];
          }
          if (method.methodKind === "unary") return [method.localName, async () => create(method.output)];
          const stream = async function* (_: unknown, { signal }: Call): AsyncGenerator<Message> {
            yield create(method.output, opened as never);
            if (endless && !signal.aborted) await once(signal, "abort");
          };
          return [method.localName, stream];
        }),
      ),
    ),
  );
