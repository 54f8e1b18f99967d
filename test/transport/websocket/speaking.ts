/** A real HTTP server with the endpoint behind it, and real clients that write down what they hear. */
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, createConnection, type Socket } from "node:net";
import { create, type DescMessage, type DescMethod, fromBinary, fromJson, toBinary } from "@bufbuild/protobuf";
import { WebSocket } from "ws";
import {
  ClientFrameSchema,
  ClientFrameType,
  ServerFrameSchema,
  ServerFrameType,
  WelcomeSchema,
} from "../../../gen/ts/mt5bridge/v1/websocket_pb.ts";
import { codes } from "../../../src/contract/fault-status.ts";
import type { Service } from "../../../src/contract/service.ts";
import type { Instant } from "../../../src/core/model/ids.ts";
import type { Clock } from "../../../src/core/ports/clock.ts";
import type { CallOptions } from "../../../src/transport/call.ts";
import type { Drain } from "../../../src/transport/drain.ts";
import { type WebsocketEndpoint, websocketEndpoint } from "../../../src/transport/websocket/endpoint.ts";
import type { WebsocketLimits } from "../../../src/transport/websocket/limits.ts";
import { callOptions, type Lines } from "../call-options.ts";
import { type ErrorJson, type Told, toldInJson, toldInStatus } from "../told.ts";

export interface Speaking extends Lines {
  readonly port: number;
  readonly endpoint: WebsocketEndpoint;
  readonly drain: Drain;
  /** The server's ends of the connections. */
  readonly sockets: ReadonlySet<Socket>;
  stop(): Promise<void>;
}

interface Options {
  readonly limits?: Partial<WebsocketLimits>;
  readonly clock?: Clock;
  readonly calls?: Partial<CallOptions>;
  readonly origins?: readonly string[];
}

export async function speaking(services: readonly Service[], options: Options = {}): Promise<Speaking> {
  const { clock, origins } = options;
  const { calls, ...lines } = callOptions({
    ...(clock === undefined ? {} : { clock }),
    limits: { unary: 10_000, streams: 10_000 },
    ...options.calls,
  });
  const endpoint = websocketEndpoint({
    services,
    calls,
    mode: "test",
    allowsOrigin: (origin) => origins?.includes(origin) ?? false,
    limits: { closeMs: 500, ...options.limits },
  });
  const server = createServer();
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("upgrade", (request, socket, head) => endpoint.handleUpgrade(request, socket, head));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    ...lines,
    endpoint,
    drain: calls.drain,
    sockets,
    async stop() {
      await endpoint.stop();
      server.close();
      server.closeAllConnections();
    },
  };
}

/** What a client hears, whatever the dialect. */
export interface Heard {
  readonly type: string;
  readonly id: string;
  readonly seq: number;
  /** JSON: as it came. Binary: the bytes. */
  readonly data: unknown;
}

export interface Wrong extends Omit<Told, "code"> {
  readonly code: string;
}

export const dialects = ["mt5bridge.v1.json", "mt5bridge.v1.proto"] as const;
/** `simple` is spoken where no subprotocol is asked for. */
export type Spoken = (typeof dialects)[number] | "simple";

interface Extra {
  readonly id?: string;
  readonly traceparent?: string;
  readonly timeoutMs?: number;
}

export class WebsocketClient {
  readonly socket: WebSocket;
  readonly heard: Heard[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #binary: boolean;
  #wakes: (() => void)[] = [];
  #read = 0;
  #isClosed = false;
  #ids = 0;

  constructor(port: number, spoken: Spoken, headers: Record<string, string> = {}, more: readonly string[] = []) {
    const protocols = [...more, ...(spoken === "simple" ? [] : [spoken])];
    this.#binary = spoken === "mt5bridge.v1.proto";
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/websocket/ws`, protocols, { headers });
    this.closed = new Promise((resolve) => {
      this.socket.on("close", (code, reason) => {
        this.#isClosed = true;
        resolve({ code, reason: reason.toString() });
        this.#wake();
      });
    });
    this.socket.on("error", () => undefined);
    this.socket.on("message", (data: Buffer, binary) => {
      this.heard.push(binary ? heardBytes(data) : heardText(data.toString()));
      this.#wake();
    });
  }

  async opened(): Promise<this> {
    if (this.socket.readyState === WebSocket.CONNECTING) await once(this.socket, "open");
    return this;
  }

  /** The next frame not yet looked at that satisfies the question. Throws when the connection ends without one. */
  async next(question: (heard: Heard) => boolean = () => true): Promise<Heard> {
    for (;;) {
      while (this.#read < this.heard.length) {
        const one = this.heard[this.#read++] as Heard;
        if (question(one)) return one;
      }
      if (this.#isClosed) throw new Error(`closed with ${(await this.closed).code}`);
      await new Promise<void>((resolve) => this.#wakes.push(resolve));
    }
  }

  /** Forgets what was heard; long tests would remember everything. */
  forget(): void {
    this.heard.length = 0;
    this.#read = 0;
  }

  type(type: string): Promise<Heard> {
    return this.next((heard) => heard.type === type);
  }

  /** Sends a frame of the framed profiles. `request` is an initialiser, or raw: text or value in JSON, bytes in binary. */
  send(type: string, method?: DescMethod | string, request?: unknown, extra: Extra = {}): string {
    const id = extra.id ?? `c${++this.#ids}`;
    const name = typeof method === "object" ? `${method.parent.name}/${method.name}` : (method ?? "");
    if (this.#binary) {
      const data =
        request === undefined || request instanceof Uint8Array
          ? request
          : toBinary((method as DescMethod).input, create((method as DescMethod).input, request as never));
      const { traceparent = "", timeoutMs = 0 } = extra;
      const number = ClientFrameType[type.toUpperCase() as keyof typeof ClientFrameType];
      const frame = { type: number, id, method: name, traceparent, timeoutMs, ...(data === undefined ? {} : { data }) };
      this.socket.send(toBinary(ClientFrameSchema, create(ClientFrameSchema, frame)));
    } else {
      const { traceparent, timeoutMs } = extra;
      const rest = {
        ...(name === "" ? {} : { method: name }),
        ...(request === undefined ? {} : { data: request }),
        ...(traceparent === undefined ? {} : { traceparent }),
        ...(timeoutMs === undefined ? {} : { timeout_ms: timeoutMs }),
      };
      this.socket.send(JSON.stringify({ type, id, ...rest }));
    }
    return id;
  }

  auth(token: string): void {
    if (this.#binary) {
      const frame = create(ClientFrameSchema, { type: ClientFrameType.AUTH, token });
      this.socket.send(toBinary(ClientFrameSchema, frame));
    } else this.socket.send(JSON.stringify({ type: "auth", data: { token } }));
  }

  /** The answer to a call: a message, or what went wrong. */
  async call(method: DescMethod, request: unknown, extra?: Extra): Promise<{ answer?: unknown; wrong?: Wrong }> {
    const id = this.send("call", method, request, extra);
    const heard = await this.answerTo(id);
    return heard.type === "error" ? { wrong: wrongOf(heard) } : { answer: messageIn(method.output, heard) };
  }

  /** Calls may be in flight side by side: what is passed over here is not lost to the others. */
  async answerTo(id: string): Promise<Heard> {
    for (;;) {
      const found = this.heard.find((one) => one.id === id && ["result", "error"].includes(one.type));
      if (found !== undefined) return found;
      if (this.#isClosed) throw new Error(`closed with ${(await this.closed).code}`);
      await new Promise<void>((resolve) => this.#wakes.push(resolve));
    }
  }

  #wake(): void {
    for (const wake of this.#wakes.splice(0)) wake();
  }
}

export function messageIn(schema: DescMessage, { data }: Heard): unknown {
  return data instanceof Uint8Array ? fromBinary(schema, data) : fromJson(schema, data as never);
}

export const welcomeIn = (heard: Heard) => messageIn(WelcomeSchema, heard);

export const toldBy = ({ data }: Heard): Told =>
  data instanceof Uint8Array ? toldInStatus(data) : toldInJson(data as ErrorJson);

/** The same, with the code as Connect calls it. */
export function wrongOf(heard: Heard): Wrong {
  const told = toldBy(heard);
  const [name = "?"] = Object.entries(codes).find(([, code]) => code === told.code) ?? [];
  return { ...told, code: name === "CANCELLED" ? "canceled" : name.toLowerCase() };
}

function heardText(text: string): Heard {
  const { type, id = "", seq = 0, data } = JSON.parse(text) as Heard;
  return { type, id, seq, data };
}

function heardBytes(bytes: Buffer): Heard {
  const { type, id, seq, data } = fromBinary(ServerFrameSchema, bytes);
  const name = Object.entries(ServerFrameType).find(([, number]) => number === type)?.[0] ?? "?";
  return { type: name.toLowerCase(), id, seq: Number(seq), data };
}

/** A clock that moves when it is told to. */
export class ScriptedClock implements Clock {
  #now = 1_700_000_000_000;
  #sleepers: { until: number; wake: () => void }[] = [];

  now(): Instant {
    return this.#now as Instant;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((wake) => {
      this.#sleepers.push({ until: this.#now + ms, wake });
      signal?.addEventListener("abort", () => wake());
    });
  }

  after(ms: number, wake: () => void): () => void {
    const sleeper = { until: this.#now + ms, wake };
    this.#sleepers.push(sleeper);
    return () => {
      this.#sleepers = this.#sleepers.filter((one) => one !== sleeper);
    };
  }

  advance(ms: number): void {
    this.#now += ms;
    const due = this.#sleepers.filter(({ until }) => until <= this.#now);
    this.#sleepers = this.#sleepers.filter(({ until }) => until > this.#now);
    for (const { wake } of due) wake();
  }
}

/** Bytes on a plain socket; resolves with all that came back when the server has hung up. */
export async function rawTalk(port: number, bytes: Buffer | string): Promise<string> {
  const socket = createConnection(port, "127.0.0.1");
  const heard: Buffer[] = [];
  socket.on("data", (data) => heard.push(data));
  socket.on("error", () => undefined);
  socket.write(bytes);
  await once(socket, "close");
  return Buffer.concat(heard).toString("latin1");
}

export function upgradeText(headers: Record<string, string> = {}): string {
  const all = {
    host: "127.0.0.1",
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET /websocket/ws HTTP/1.1\r\n${lines.join("")}\r\n`;
}
