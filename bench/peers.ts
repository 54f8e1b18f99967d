/**
 * What the bridge's ticks are measured beside. Each peer is a program of its own, in `peers/` or of others, that is told
 * the feeder's port and prints its own; each is built when it is first needed, or says what would have to be installed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer, connect as dial } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { startClient } from "./client.ts";
import { exists, made, tools } from "./compiled.ts";
import type { FeederTask } from "./feeder.ts";
import type { OpeningName } from "./openings.ts";

export interface PeerKind {
  readonly name: string;
  /** How its subscribers open their streams. */
  readonly opening: OpeningName;
  /** Publishes what it is sent, and knows no ticks. */
  readonly broker?: "nats" | "redis";
  /** It comes with npm's packages. */
  readonly isNode?: boolean;
  /** What it needs on the machine, and what would install that. */
  readonly needs: readonly { readonly program: string; readonly install: string }[];
  /** Deliveries a second at which it is far beyond what it can do: no figures there but backlog. */
  readonly most: number;
  /** Builds it, and says how it is started; `port` is the feeder's, of a broker its own. */
  command(port: string, subscribers: string): readonly string[];
}

export interface RunningPeer {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

const file = (name: string): string => fileURLToPath(new URL(`peers/${name}`, import.meta.url));

const gcc = { program: "gcc", install: "apt-get install gcc libc6-dev" };
const apt = "apt-get install g++ pkg-config libgrpc++-dev libprotobuf-dev libre2-dev protobuf-compiler";
const grpcPlusPlus = [
  { program: "g++", install: apt },
  { program: "protoc", install: apt },
  { program: "pkg-config", install: apt },
];
const python = [{ program: "python3", install: "apt-get install python3 python3-venv" }];

function grpcInCpp(mode: string): PeerKind["command"] {
  const flags = "$(pkg-config --cflags --libs grpc++ protobuf)";
  const build = `protoc -I "$(dirname "$2")" --cpp_out=. "$2" && g++ -O2 -std=c++17 -I. -o grpc-cpp "$1" ticks.pb.cc ${flags}`;
  return (...words) => [made("grpc-cpp", ["peers/grpc.cpp", "peers/ticks.proto"], build), ...words, mode];
}

/** An environment of its own, with what the peers in Python need. */
function inPython(name: string, ...words: string[]): PeerKind["command"] {
  const install = 'rm -rf venv && python3 -m venv venv && venv/bin/pip install --quiet -r "$1"';
  const generate = 'venv/bin/python -m grpc_tools.protoc -I "$(dirname "$2")" --python_out=venv "$2"';
  return (...fed) => {
    made("venv/ticks_pb2.py", ["peers/requirements.txt", "peers/ticks.proto"], `${install} && ${generate}`);
    return ["env", `PYTHONPATH=${tools}venv`, `${tools}venv/bin/python`, file(name), ...fed, ...words];
  };
}

export const peers: readonly PeerKind[] = [
  {
    name: "naive grpc-js, a message a tick",
    opening: "peerGrpc",
    isNode: true,
    needs: [],
    most: 200_000,
    command: (...words) => [process.execPath, file("grpc-js.ts"), ...words],
  },
  {
    name: "grpc++, a message a tick",
    opening: "peerGrpc",
    needs: grpcPlusPlus,
    most: 400_000,
    command: grpcInCpp("each"),
  },
  {
    name: "grpc++, encoded once, same batches",
    opening: "peerGrpc",
    needs: grpcPlusPlus,
    most: Number.POSITIVE_INFINITY,
    command: grpcInCpp("once"),
  },
  {
    name: "C, epoll, same batches: the limit",
    opening: "peerRaw",
    needs: [gcc],
    most: Number.POSITIVE_INFINITY,
    command: (...words) => [made("epoll", ["peers/epoll.c"], 'gcc -O3 -Wall -o epoll "$1"'), ...words],
  },
  {
    name: "FastAPI, JSON for each",
    opening: "peerWebSocketJson",
    needs: python,
    most: 400_000,
    command: inPython("fastapi_server.py", "each"),
  },
  {
    name: "FastAPI, JSON once",
    opening: "peerWebSocketJson",
    needs: python,
    most: 400_000,
    command: inPython("fastapi_server.py", "once"),
  },
  {
    name: "Python grpcio",
    opening: "peerGrpc",
    needs: python,
    most: 100_000,
    command: inPython("grpcio_server.py"),
  },
  {
    name: "NATS, a message a tick",
    opening: "nats",
    broker: "nats",
    needs: [{ program: natsServer(), install: `GOBIN=${tools} go install github.com/nats-io/nats-server/v2@v2.10.22` }],
    most: 5_000_000,
    command: (port) => [natsServer(), "-a", "127.0.0.1", "-p", port],
  },
  {
    name: "Redis, a message a tick",
    opening: "redis",
    broker: "redis",
    needs: [{ program: "redis-server", install: "apt-get install redis-server" }],
    most: 5_000_000,
    command: (port) => [
      ...["redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no"],
      ...["--client-output-buffer-limit", "pubsub 0 0 0", "--loglevel", "warning"],
    ],
  },
];

function natsServer(): string {
  return exists("nats-server") ? "nats-server" : `${tools}nats-server`;
}

/** What would have to be installed before it can run. */
export function missing({ needs }: PeerKind): string | undefined {
  return needs.find(({ program }) => !exists(program))?.install;
}

/** A server's feed begins when it has so many subscribers; a broker is fed at once. */
export async function startPeer(kind: PeerKind, rate: FeederTask["rate"], subscribers: number): Promise<RunningPeer> {
  return kind.broker === undefined ? startServer(kind, rate, subscribers) : startBroker(kind, kind.broker, rate);
}

async function startServer(kind: PeerKind, rate: FeederTask["rate"], subscribers: number): Promise<RunningPeer> {
  const feeder = startClient<number>("feeder.ts", { rate, to: "server" } satisfies FeederTask);
  const [program, ...words] = kind.command(String(await feeder.result), String(subscribers));
  const child = spawn(program as string, words, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  const said = once(createInterface({ input: child.stdout }), "line");
  const line = await Promise.race([said, ended.then(() => undefined)]);
  if (line === undefined) throw new Error(`${kind.name} ended before it had said its port`);
  return { port: Number(line[0]), pid: child.pid ?? 0, stop: () => stop(child, feeder.end) };
}

async function startBroker(kind: PeerKind, broker: "nats" | "redis", rate: FeederTask["rate"]): Promise<RunningPeer> {
  const port = await freePort();
  const [program, ...words] = kind.command(String(port), "");
  const child = spawn(program as string, words, { stdio: "ignore" });
  await answers(port, child);
  const feeder = startClient<number>("feeder.ts", { rate, to: { broker, port } } satisfies FeederTask);
  await feeder.result;
  return { port, pid: child.pid ?? 0, stop: () => stop(child, feeder.end) };
}

async function stop(child: ChildProcess, endFeeder: () => void): Promise<void> {
  endFeeder();
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function answers(port: number, child: ChildProcess): Promise<void> {
  for (let tries = 100; child.exitCode === null && tries > 0; tries--) {
    const socket = dial({ port, host: "127.0.0.1" });
    const isOpen = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isOpen) return;
    await delay(50);
  }
  throw new Error(`nobody listens on port ${port}`);
}
