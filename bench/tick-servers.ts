/** Whoever sends ticks: the bridge on each of its transports, and its peers. */
import { startBridge } from "./bridge.ts";
import type { OpeningName } from "./openings.ts";
import { missing, type PeerKind, peers, startPeer } from "./peers.ts";

/** Ticks a second, or as many as the slowest subscriber takes. */
export type Rate = number | "saturation";

export interface Load {
  readonly rate: Rate;
  readonly subscribers: number;
  /** What the bridge replays at saturation. */
  readonly recording: string;
  /** Of the bridge. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface RunningServer {
  readonly port: number;
  readonly pid: number;
  /** Whether it has run out of ticks. */
  ranOut(): boolean;
  stop(): Promise<void>;
}

export interface TickServer {
  readonly name: string;
  readonly opening: OpeningName;
  readonly isBridge: boolean;
  /** Why it cannot be measured. */
  absent(): string | undefined;
  /** Deliveries a second beyond which there is nothing to be learnt. */
  readonly most: number;
  start(load: Load): Promise<RunningServer>;
}

function ofBridge(name: string, opening: OpeningName): TickServer {
  return {
    name: `bridge, ${name}`,
    opening,
    isBridge: true,
    absent: () => undefined,
    most: Number.POSITIVE_INFINITY,
    async start({ rate, recording, env = {} }) {
      const replay = { PAPER_REPLAY: recording, PAPER_SPEED: "max", PAPER_START: "first-subscriber" };
      const market = rate === "saturation" ? replay : { PAPER_RATE: String(rate) };
      const room = { MAX_CONNECTIONS: "2000", MAX_STREAMS: "4000" };
      const bridge = await startBridge(`ticks ${name} ${rate}`, { ...market, ...room, ...env });
      let finished = false;
      void bridge.said("replay finished").then(() => {
        finished = true;
      });
      const port = opening.startsWith("grpc") && opening !== "grpcWeb" ? bridge.port : bridge.httpPort;
      return { port, pid: bridge.pid, ranOut: () => finished, stop: () => bridge.stop() };
    },
  };
}

function ofPeer(kind: PeerKind): TickServer {
  const { name, opening, most } = kind;
  return {
    name,
    opening,
    isBridge: false,
    absent: () => {
      const install = missing(kind);
      return install && `absent: ${install}`;
    },
    most,
    start: async ({ rate, subscribers }) => ({ ...(await startPeer(kind, rate, subscribers)), ranOut: () => false }),
  };
}

const quickOpenings: ReadonlySet<OpeningName> = new Set(["grpc", "connect", "webSocket", "webSocketJson"]);

export const bridgeServers = [
  ofBridge("gRPC", "grpc"),
  ofBridge("gRPC, columns", "grpcColumns"),
  ofBridge("Connect", "connect"),
  ofBridge("Connect, HTTP/1.1", "connectHttp1"),
  ofBridge("Connect JSON, HTTP/1.1", "connectJson"),
  ofBridge("gRPC-Web", "grpcWeb"),
  ofBridge("WebSocket", "webSocket"),
  ofBridge("WebSocket, columns", "webSocketColumns"),
  ofBridge("WebSocket JSON", "webSocketJson"),
  ofBridge("simple profile (LATEST)", "simple"),
];

export const allServers: readonly TickServer[] = [...bridgeServers, ...peers.map(ofPeer)];

/** What needs nothing but npm's packages. */
export const nodeServers: readonly TickServer[] = [
  ...bridgeServers.filter(({ opening }) => quickOpenings.has(opening)),
  ...peers.filter(({ isNode }) => isNode).map(ofPeer),
];
