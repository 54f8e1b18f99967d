/** Asking over the framed profiles. */
import { type Message, toBinary, toJson } from "@bufbuild/protobuf";
import type { Ask } from "../cases.ts";
import type { Told } from "../told.ts";
import { type dialects, messageIn, toldBy, WebsocketClient } from "./speaking.ts";

/** Each question has a connection of its own. Where that is hung up on for its credential, the error says why. */
export function askingOver(port: number, spoken: (typeof dialects)[number], headers: Record<string, string> = {}): Ask {
  return async (method, request) => {
    const client = new WebsocketClient(port, spoken, headers);
    const first = await client.next();
    const isCall = method.methodKind === "unary";
    const data = spoken === "mt5bridge.v1.json" ? toJson(method.input, request) : toBinary(method.input, request);
    const messages: Message[] = [];
    let told: Told | undefined = first.type === "error" ? toldBy(first) : undefined;
    if (told === undefined) client.send(isCall ? "call" : "subscribe", `${method.parent.name}/${method.name}`, data);
    for (let isOver = told !== undefined; !isOver; ) {
      const heard = await client.next();
      if (heard.type === "error") told = toldBy(heard);
      else if (["result", "tick_data", "stream_data"].includes(heard.type)) {
        messages.push(messageIn(method.output, heard) as Message);
      }
      isOver = isCall || heard.type === "complete" || (heard.type === "error" && told?.reason === "UNKNOWN_METHOD");
    }
    client.socket.terminate();
    return { messages, told };
  };
}
