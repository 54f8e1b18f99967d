/** The bridge's part, played by a test: frames over TCP to one Expert Advisor on its harness. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  type CommandResult,
  type CommandSchema,
  type ConnectRequest,
  ConnectRequestSchema,
  ConnectResponseSchema,
  type Hello,
  type Report,
} from "../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";

type Action = NonNullable<MessageInitShape<typeof CommandSchema>["action"]>;

const account = { login: 1000001n, server: "Broker-Demo", tradeMode: 0 };
/** Of an order of the bridge: strategy 1, order 1. */
export const ourMagic = 4294967297n;

/** One connection. What comes is taken in its order. */
class Line {
  readonly #socket: Socket;
  readonly #came: ConnectRequest[] = [];
  #wake: () => void = () => undefined;
  closed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    let rest = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
        const end = 4 + rest.readUInt32BE(0);
        this.#came.push(fromBinary(ConnectRequestSchema, rest.subarray(4, end)));
        rest = rest.subarray(end);
      }
      this.#wake();
    });
    socket.on("error", () => undefined); // it was killed: the end follows
    socket.on("close", () => {
      this.closed = true;
      this.#wake();
    });
  }

  send(frame: NonNullable<MessageInitShape<typeof ConnectResponseSchema>["frame"]>): void {
    const bytes = toBinary(ConnectResponseSchema, create(ConnectResponseSchema, { frame }));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    this.#socket.write(Buffer.concat([length, bytes]));
  }

  /** Undefined once the connection has ended. */
  async next(): Promise<ConnectRequest | undefined> {
    for (;;) {
      const frame = this.#came.shift();
      if (frame !== undefined || this.closed) return frame;
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}

export class BridgePart {
  readonly #server: Server;
  readonly #lines: Line[] = [];
  readonly #state = mkdtempSync(join(tmpdir(), "ea-"));
  readonly #harness: string;
  readonly #pings: NodeJS.Timeout;
  #connected: () => void = () => undefined;
  #program: ChildProcess | undefined;
  #line: Line | undefined;
  #sequence = 0n;
  #snapshots = 0;
  #seen = 0n;
  #life = "";
  said = "";
  /** Every report, in the order of its number, each once. */
  readonly reports: Report[] = [];

  static async listen(harness: string): Promise<BridgePart> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new BridgePart(server, harness);
  }

  private constructor(server: Server, harness: string) {
    this.#server = server;
    this.#harness = harness;
    this.#pings = setInterval(
      () => this.send({ case: "ping", value: { bridgeTimeUs: BigInt(Date.now()) * 1000n } }),
      2000,
    );
    server.on("connection", (socket) => {
      this.#lines.push(new Line(socket));
      this.#connected();
    });
  }

  start(env: Record<string, string> = {}): void {
    const { port } = this.#server.address() as { port: number };
    const usual = {
      BRIDGE_ADDRESS: `127.0.0.1:${port}`,
      TERMINAL_STATE: this.#state,
      TERMINAL_RETRY_MS: "50",
      TERMINAL_PATIENCE_MS: "400",
    };
    const program = spawn(this.#harness, {
      env: { ...process.env, ...usual, ...env },
      stdio: ["pipe", "ignore", "pipe"],
    });
    program.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.said += text;
    });
    program.stdin.on("error", () => undefined); // it was killed
    program.once("exit", () => this.#connected());
    this.#program = program;
  }

  /** Says a line to the scripted broker. */
  tell(line: string): void {
    this.#program?.stdin?.write(`${line}\n`);
  }

  async ended(): Promise<{ code: number | null; signal: string | null }> {
    const program = this.#program as ChildProcess;
    if (program.exitCode === null && program.signalCode === null)
      await new Promise((resolve) => program.once("exit", resolve));
    return { code: program.exitCode, signal: program.signalCode };
  }

  stop(signal: "SIGTERM" | "SIGKILL" = "SIGKILL"): void {
    this.#program?.kill(signal);
  }

  async close(): Promise<void> {
    clearInterval(this.#pings);
    this.stop();
    if (this.#program !== undefined) await this.ended();
    for (const line of this.#lines) line.close();
    this.#line?.close();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.#state, { recursive: true });
  }

  /** The next connection's hello; undefined when it ended before, or the program did. */
  async hello(): Promise<Hello | undefined> {
    while (this.#lines.length === 0) {
      if (this.#program?.exitCode !== null || this.#program.signalCode !== null) return undefined;
      await new Promise<void>((resolve) => {
        this.#connected = resolve;
      });
    }
    this.#line = this.#lines.shift() as Line;
    const first = await this.#line.next();
    return first?.frame.case === "hello" ? first.frame.value : undefined;
  }

  welcome(hello: Hello): void {
    const life = `${hello.account?.fingerprint?.login}-${hello.reportsEpoch}`;
    if (life !== this.#life) this.#seen = 0n;
    this.#life = life;
    this.#sequence = hello.lastSeen;
    const bridgeTimeMs = BigInt(Date.now());
    this.send({ case: "welcome", value: { protocol: 1, bridgeEpoch: 1n, lastSeen: this.#seen, bridgeTimeMs } });
  }

  /** A connection that is welcome. */
  async link(): Promise<Hello> {
    const hello = await this.hello();
    if (hello === undefined) throw new Error(`it ended before its hello:\n${this.said}`);
    this.welcome(hello);
    return hello;
  }

  cut(): void {
    this.#line?.close();
  }

  send(frame: NonNullable<MessageInitShape<typeof ConnectResponseSchema>["frame"]>): void {
    this.#line?.send(frame);
  }

  command(id: string, action: Action, deadlineMs = BigInt(Date.now() + 60_000)): void {
    this.send({ case: "command", value: { sequence: ++this.#sequence, id, deadlineMs, account, action } });
  }

  /** The first new report that fits, all before it taken; undefined when the connection ended. */
  async report(fits: (report: Report) => boolean): Promise<Report | undefined> {
    for (let frame = await this.#line?.next(); frame !== undefined; frame = await this.#line?.next()) {
      if (frame.frame.case !== "report") continue;
      const report = frame.frame.value;
      if (report.sequence <= this.#seen) continue;
      const through = report.event.case === "gap" ? report.event.value.from : report.sequence;
      if (through !== this.#seen + 1n) throw new Error(`report ${report.sequence} follows ${this.#seen}`);
      this.#seen = report.sequence;
      this.reports.push(report);
      this.send({ case: "ack", value: { sequence: this.#seen } });
      if (fits(report)) return report;
    }
    return undefined;
  }

  /** The last result of a command. */
  async result(id: string): Promise<CommandResult | undefined> {
    const report = await this.report(
      ({ event }) => event.case === "result" && event.value.id === id && !event.value.more,
    );
    return report?.event.case === "result" ? report.event.value : undefined;
  }

  /** Everything that a complete snapshot shows, asked for until there is one. */
  async snapshot(): Promise<{ deals: number; orders: number; positions: number; balance: number }> {
    for (;;) {
      const id = `snapshot-${this.#snapshots++}`;
      this.command(id, { case: "snapshot", value: { sinceMs: 0n } });
      const sum = { deals: 0, orders: 0, positions: 0, balance: 0 };
      const from = this.reports.length;
      const last = await this.result(id);
      if (last?.answer.case !== "snapshot") throw new Error(`no snapshot, but ${last?.message ?? "the end"}`);
      for (const { event } of this.reports.slice(from)) {
        if (event.case !== "result" || event.value.id !== id || event.value.answer.case !== "snapshot") continue;
        const part = event.value.answer.value;
        sum.deals += part.deals.length;
        sum.orders += part.orders.length;
        sum.positions += part.positions.length;
        sum.balance = part.account?.balance ?? sum.balance;
      }
      if (last.answer.value.complete) return sum;
    }
  }
}
