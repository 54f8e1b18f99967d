/**
 * The bridge's certificate, on every port, and renewed while it runs.
 *
 * New connections get the newest certificate; those that are open keep theirs, as TLS will have it. Certificate and
 * key are replaced one after the other, so for a moment they may not belong together: such a pair is left alone, and
 * the next change is looked at again.
 */
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { createSecureContext, createServer, type Server, type TLSSocket } from "node:tls";
import type { Clock } from "../core/ports/clock.ts";
import type { Observer } from "../core/ports/observer.ts";
import { follow } from "./followed-files.ts";

/** For `createServer` of node:tls, node:https and node:http2 alike. */
export interface TlsOptions {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly minVersion: "TLSv1.2";
}

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** How long a peer may take to introduce itself. */
const handshakeMs = 10_000;

export class Certificate {
  readonly #files: CertificateFiles;
  readonly #observer: Observer;
  readonly #unfollow: () => void;
  readonly #servers = new Set<Server>();
  #options: TlsOptions;

  /** Throws a sentence when the files cannot be read or do not belong together. */
  constructor(files: CertificateFiles, clock: Clock, observer: Observer) {
    this.#files = files;
    this.#observer = observer;
    this.#unfollow = follow([files.certFile, files.keyFile], clock, () => this.#reload());
    try {
      this.#options = optionsFrom(files);
    } catch (error) {
      this.#unfollow();
      throw error;
    }
  }

  /** As they are now, to make a server with; then `supply` keeps it up to date. */
  get options(): TlsOptions {
    return this.#options;
  }

  supply(server: Server): void {
    this.#servers.add(server);
    server.setSecureContext(this.#options);
  }

  /** Puts TLS between a listener's sockets and whoever takes them; `failed` is told of those that get no further. */
  secured(
    protocols: readonly string[],
    admit: (socket: TLSSocket) => void,
    failed: (error: Error, peer: string | undefined) => void,
  ): (socket: Socket) => void {
    const server = createServer({ ...this.#options, ALPNProtocols: [...protocols], handshakeTimeout: handshakeMs });
    server.on("secureConnection", admit);
    server.on("tlsClientError", (error, socket) => {
      failed(error, socket.remoteAddress);
      socket.destroy();
    });
    this.supply(server);
    return (socket) => void server.emit("connection", socket);
  }

  close(): void {
    this.#unfollow();
  }

  #reload(): void {
    try {
      this.#options = optionsFrom(this.#files);
      for (const server of this.#servers) server.setSecureContext(this.#options);
      this.#observer.note("info", "access", "The certificate was read anew", { file: this.#files.certFile });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#observer.note("warn", "access", "The certificate was not renewed; the one before stays", { reason });
    }
  }
}

function optionsFrom({ certFile, keyFile }: CertificateFiles): TlsOptions {
  const options = { cert: readFileSync(certFile), key: readFileSync(keyFile), minVersion: "TLSv1.2" } as const;
  try {
    createSecureContext(options);
  } catch {
    throw new Error(`${certFile} and ${keyFile} are no certificate and its key (PEM, the key without a password)`);
  }
  return options;
}
