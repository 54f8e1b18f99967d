/** The peer's process. */
import { startClient } from "./client.ts";
import type { PeerTask } from "./peer-server.ts";

export interface Peer {
  readonly port: number;
  readonly pid: number;
  stop(): void;
}

export async function startPeer(task: PeerTask): Promise<Peer> {
  const server = startClient<number>("peer-server.ts", task);
  return { port: await server.result, pid: server.pid, stop: () => server.end() };
}
