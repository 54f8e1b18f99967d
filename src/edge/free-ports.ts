/**
 * Whether the bridge's ports are free.
 *
 * The threads of the edge listen on the same ports, which the system allows to whoever asks for it, also to another
 * bridge: it would get part of the connections, and orders would go to whichever of the two a client happened to reach.
 * So before anybody shares a port it is taken for a moment by one who does not share.
 */
import { once } from "node:events";
import { createServer } from "node:net";

/** Throws a sentence that names the setting whose port is taken. 0, any free one, never is. */
export async function refuseTaken(host: string, ports: Readonly<Record<string, number>>): Promise<void> {
  for (const [setting, port] of Object.entries(ports)) {
    if (port === 0) continue;
    const server = createServer((socket) => socket.destroy());
    try {
      server.listen({ host, port });
      await once(server, "listening");
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      const why = code === "EADDRINUSE" ? "another program listens there" : code;
      throw new Error(`${setting}=${port}: the bridge cannot listen on port ${port} of ${host}: ${why}`, { cause });
    }
    server.close();
    await once(server, "close");
  }
}
