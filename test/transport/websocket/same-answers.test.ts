import { fromBinary, type Message, toBinary, toJson } from "@bufbuild/protobuf";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { StatusSchema } from "../../../gen/ts/google/rpc/status_pb.ts";
import { codes } from "../../../src/contract/fault-status.ts";
import { type Ask, caseServices, cases, expectedOf, seenIn, type Told, toldOf } from "../cases.ts";
import { dialects, type Heard, messageIn, type Speaking, speaking, WebsocketClient } from "./speaking.ts";

let server: Speaking;
let client: WebsocketClient | undefined;

beforeAll(async () => {
  server = await speaking(caseServices());
});

afterEach(() => client?.socket.terminate());

afterAll(() => server.stop());

interface ErrorJson {
  readonly code: string;
  readonly message: string;
  readonly details: readonly { readonly type: string; readonly value: string }[];
}

function toldIn({ data }: Heard): Told {
  if (data instanceof Uint8Array) {
    const { code, message, details } = fromBinary(StatusSchema, data);
    return toldOf(
      code,
      message,
      details.map(({ typeUrl, value }) => ({ type: typeUrl, value })),
    );
  }
  const { code, message, details } = data as ErrorJson;
  const name = (code === "canceled" ? "CANCELLED" : code.toUpperCase()) as keyof typeof codes;
  return toldOf(
    codes[name],
    message,
    details.map(({ type, value }) => ({ type, value: Buffer.from(value, "base64") })),
  );
}

describe.each(dialects)("over %s", (spoken) => {
  const ask: Ask = async (method, request) => {
    const one = new WebsocketClient(server.port, spoken);
    client = one;
    await one.type("welcome");
    const isCall = method.methodKind === "unary";
    const data = spoken === "mt5bridge.v1.json" ? toJson(method.input, request) : toBinary(method.input, request);
    one.send(isCall ? "call" : "subscribe", `${method.parent.name}/${method.name}`, data);
    const messages: Message[] = [];
    let told: Told | undefined;
    for (let isOver = false; !isOver; ) {
      const heard = await one.next();
      if (heard.type === "error") told = toldIn(heard);
      else if (["result", "tick_data", "stream_data"].includes(heard.type)) {
        messages.push(messageIn(method.output, heard) as Message);
      }
      isOver = isCall || heard.type === "complete";
    }
    return { messages, told };
  };

  it.each(cases)("$name, as everywhere", async (one) => {
    expect(seenIn(one, await ask(one.method, one.request), one.method)).toEqual(expectedOf(one));
  });
});
