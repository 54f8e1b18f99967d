/** The process of the bare server that orders are measured beside. */
import { startClient } from "./client.ts";

export async function startEcho(): Promise<{ readonly port: number; readonly pid: number; stop(): void }> {
  const server = startClient<number>("echo-server.ts", {});
  return { port: await server.result, pid: server.pid, stop: () => server.end() };
}
