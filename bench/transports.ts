/** The same small call on every transport, beside the bare library of each. */

import type { BarePorts, BareTask } from "./bare-server.ts";
import { type Bridge, startBridge } from "./bridge.ts";
import type { CallerResult, CallerTask } from "./caller.ts";
import { runClient, startClient } from "./client.ts";
import { nameOfPace } from "./load.ts";
import { median } from "./median.ts";
import type { Size } from "./size.ts";
import { type Cell, printTable, progress } from "./table.ts";
import { ways } from "./ways.ts";

interface Subject extends Pick<CallerTask, "way" | "target"> {
  readonly name: string;
  readonly bridge: "port" | "httpPort";
  readonly bare: keyof BarePorts;
  readonly library: string;
}

const getAccount = "mt5bridge.v1.AccountService/GetAccount";
const http = { bridge: "httpPort", target: getAccount } as const;

const subjects: readonly Subject[] = [
  { name: "gRPC", way: "grpc", bridge: "port", target: getAccount, bare: "grpc", library: "grpc-js" },
  { name: "Connect JSON, HTTP/1.1", way: "connectJson", ...http, bare: "connectHttp1", library: "connect-node" },
  { name: "Connect proto, HTTP/2", way: "connectProto", ...http, bare: "connectHttp2", library: "connect-node" },
  { name: "gRPC-Web, HTTP/1.1", way: "grpcWeb", ...http, bare: "connectHttp1", library: "connect-node" },
  { name: "GET /health", way: "plain", ...http, target: "health", bare: "http", library: "node:http" },
  { name: "GET /account", way: "plain", ...http, target: "account", bare: "http", library: "node:http" },
  { name: "WebSocket JSON", way: "webSocketJson", ...http, bare: "webSocket", library: "ws" },
  { name: "WebSocket proto", way: "webSocketProto", ...http, bare: "webSocket", library: "ws" },
];

export async function benchTransports(size: Size): Promise<void> {
  const bridge = await startBridge("transports");
  const bare = startClient<BarePorts>("bare-server.ts", await answersOf(bridge));
  const rows: Cell[][] = [];
  try {
    const ports = await bare.result;
    for (const subject of subjects) {
      const { way, target } = subject;
      const servers = [
        { port: bridge[subject.bridge], pid: bridge.pid },
        { port: ports[subject.bare], pid: bare.pid },
      ];
      for (const pace of size.transportPaces) {
        progress(`${subject.name}, ${nameOfPace(pace)}`);
        const { warmMs, roundMs: measureMs, rounds } = size;
        const task: CallerTask = { servers, rounds, way, target, pace, warmMs, measureMs };
        const [ours, theirs] = await runClient<[CallerResult[], CallerResult[]]>("caller.ts", task);
        const ratio = median(ours.map(({ perSecond }, i) => perSecond / (theirs[i]?.perSecond ?? Number.NaN)));
        rows.push([subject.name, nameOfPace(pace), "bridge", ...cellsOf(ours), ratio]);
        rows.push(["", "", subject.library, ...cellsOf(theirs), undefined]);
      }
    }
  } finally {
    bare.end();
    await bridge.stop();
  }
  const headings = ["", "", "", "per second", "p50 ms", "p99 ms", "CPU µs a call", "wrong", "× bare"];
  printTable("A small answer on every transport, beside the bare library that gives the same", headings, rows);
}

function cellsOf(rounds: readonly CallerResult[]): Cell[] {
  const middle = (of: (result: CallerResult) => number) => median(rounds.map(of));
  return [
    middle(({ perSecond }) => perSecond),
    middle(({ p50 }) => p50),
    middle(({ p99 }) => p99),
    middle(({ cpu }) => cpu),
    rounds.reduce((sum, { wrong }) => sum + wrong, 0),
  ];
}

/** What the bridge answers, for the bare libraries to answer the same. */
async function answersOf(bridge: Bridge): Promise<BareTask> {
  const answers = new Map<string, string>();
  for (const { name, way, target, bridge: port } of subjects) {
    const sender = await ways[way](bridge[port], target);
    answers.set(name, (await sender.send(Buffer.alloc(0))).toString("base64"));
    sender.close();
  }
  const of = (name: string) => answers.get(name) ?? "";
  return {
    account: of("Connect proto, HTTP/2"),
    plain: { "/health": of("GET /health"), "/account": of("GET /account") },
    frames: { text: of("WebSocket JSON"), binary: of("WebSocket proto") },
  };
}
