/**
 * The port that terminals dial which have nothing but sockets.
 *
 * With a certificate it speaks TLS, as every port does. What is said on a connection is for whoever takes it: that a
 * terminal introduces itself in time, too.
 */
import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import type { LinkCarrier } from "../../core/ports/link.ts";
import { limitedConnections } from "../connections.ts";
import { type LinkLimits, linkLimits } from "../link-limits.ts";
import type { Refusals } from "../refusals.ts";
import type { Certificate } from "../tls.ts";
import { SocketCarrier } from "./socket-carrier.ts";

export interface LinkPortOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly certificate?: Certificate | undefined;
  readonly maxConnections: number;
  readonly refusals: Refusals;
  /** Has the connection until it resolves; never throws. */
  readonly take: (carrier: LinkCarrier) => Promise<void>;
  readonly limits?: LinkLimits;
}

export interface LinkPort {
  readonly port: number;
  /** Takes no more, and hangs up on those that are there. */
  close(): Promise<void>;
}

export async function serveLinks(options: LinkPortOptions): Promise<LinkPort> {
  const { host, port, certificate, refusals, take, limits = linkLimits } = options;
  const admit = (socket: Socket) => {
    socket.setKeepAlive(true);
    const carrier = new SocketCarrier(socket, limits);
    void take(carrier).finally(() => carrier.close());
  };
  const { listener, allClosed, hangUp } = limitedConnections(admit, (socket) => socket.destroy(), {
    ...{ limit: options.maxConnections, refusals, component: "link", certificate, protocols: [] },
  });
  listener.listen({ host, port });
  await once(listener, "listening"); // an address that is taken throws here
  return {
    port: (listener.address() as AddressInfo).port,
    async close() {
      listener.close();
      hangUp();
      await allClosed();
    },
  };
}
