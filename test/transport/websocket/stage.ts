/** What a test of WebSocket plays on: one server, and clients that are hung up on when the test is over. */
import { once } from "node:events";
import { afterEach } from "vitest";
import { type Speaking, type Spoken, speaking, WebsocketClient } from "./speaking.ts";

/** The one that was started last. */
export let server: Speaking | undefined;
const clients: WebsocketClient[] = [];

afterEach(async () => {
  for (const one of clients.splice(0)) one.socket.terminate();
  await server?.stop();
});

export async function serve(...args: Parameters<typeof speaking>): Promise<Speaking> {
  server = await speaking(...args);
  return server;
}

/** A client of that server. */
export function connect(
  spoken: Spoken = "mt5bridge.v1.json",
  headers: Record<string, string> = {},
  more: string[] = [],
): WebsocketClient {
  const one = new WebsocketClient((server as Speaking).port, spoken, headers, more);
  clients.push(one);
  return one;
}

/** Connected, and welcomed. */
export async function client(spoken: Spoken): Promise<WebsocketClient> {
  const one = connect(spoken);
  await one.type("welcome");
  return one;
}

export const aborted = (signal: AbortSignal): Promise<void> =>
  signal.aborted ? Promise.resolve() : once(signal, "abort").then(() => undefined);
