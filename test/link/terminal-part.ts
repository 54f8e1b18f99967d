/**
 * Plays the terminal's side of one case against the bridge's: its door, its live terminal, its TCP port.
 *
 *   dial              a new connection
 *   link {…}          dials, says hello, is welcomed, and answers what the bridge asks for first; {…} is added to the hello
 *   > hello {…}       of the account, with the next report's number; what is given goes before that
 *   > result {…}, > deal {…}, …   a report: numbered; `"sequence"` may say otherwise
 *   > bytes, > raw, > large   as in the terminals' scripts
 *   < closed          the bridge ends the connection
 *   close             we do
 *   call NAME submit|cancel|modify|stops|snapshot|check {…}   what the core asks of the live terminal
 *   < NAME {…}        what came of that call: {"kind": "done", …}, or {"fault": …}
 *   < told {…}        what the live terminal tells the core
 *   forget            what came before and was not taken
 *   restarted         reports are numbered from 1 again
 *   wait MS
 *
 * Beside what the script says it sees to what holds in every case: commands have numbers without a hole, come again
 * as they were, and each names the account.
 */
import { create, fromBinary, fromJson, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import { TcpCarrier } from "../../clients/terminal/fake/tcp.ts";
import {
  ConnectRequestSchema,
  ConnectResponseSchema,
  type HelloJson,
  ReportSchema,
} from "../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import type { BridgeSide } from "./bridge-side.ts";
import type { Json } from "./match.ts";
import { type Case, type Line, withBytes } from "./script.ts";
import { bytesOf, nested, ofSize, pause, split, Talk } from "./talk.ts";

type Fields = { [name: string]: Json };

const never = new AbortController().signal;
const mostOfAFrame = 64 * 1024;

/** What the bridge asks for first. */
const eurusd = {
  ...{ name: "EURUSD", digits: 5, point: 0.00001, tradeTickSize: 0.00001, tradeContractSize: 100_000 },
  ...{ currencyBase: "EUR", currencyProfit: "USD", currencyMargin: "EUR", tradeMode: 4, tradeExecution: 2 },
  ...{ orderMode: 127, fillingMode: 3, expirationMode: 15, volumeMin: 0.01, volumeMax: 100, volumeStep: 0.01 },
};

export class TerminalPart {
  readonly #case: Case;
  readonly #bridge: BridgeSide;
  readonly #talk: Talk;
  #line: TcpCarrier | undefined;
  #closed = false;
  #reports = 0;
  /** Of the bridge's life: the last command, and their bytes. */
  #epoch = "0";
  #last = 0;
  readonly #commands = new Map<number, string>();

  constructor(which: Case, bridge: BridgeSide) {
    this.#case = which;
    this.#bridge = bridge;
    this.#talk = new Talk(which.lets, (name) => this.#value(name));
    this.#talk.set("account", JSON.stringify({ login: "1000001", server: "Broker-Demo", tradeMode: 0 }));
    this.#talk.set("eurusd", JSON.stringify(eurusd));
    bridge.told = (report) => this.#talk.came("told", report);
  }

  async play(): Promise<void> {
    for (const line of this.#case.lines) {
      try {
        await this.#do(line);
      } catch (error) {
        throw new Error(`line ${line.number}: ${error instanceof Error ? error.message : String(error)}`);
      }
      const { complaint } = this.#talk;
      if (complaint !== undefined) throw new Error(`by line ${line.number}: ${complaint}`);
    }
    await this.#talk.settle();
    this.#line?.close();
  }

  async #do({ verb, rest }: Line): Promise<void> {
    switch (verb) {
      case "dial":
        return await this.#dial();
      case "link":
        return await this.#link(rest);
      case ">":
        this.#post(...split(rest));
        return;
      case "<":
        return rest === "closed" ? await this.#awaitClosed() : await this.#talk.expect(rest);
      case "never":
        this.#talk.never(rest);
        return;
      case "call":
        this.#call(rest);
        return;
      case "close":
        this.#line?.close();
        this.#line = undefined;
        await this.#talk.until(() => !this.#bridge.linked, "the bridge sees that the line is gone");
        return;
      case "wait":
        return await pause(Number(rest));
      case "forget":
        this.#talk.clear();
        return;
      case "restarted": // a program that has forgotten its reports
        this.#reports = 0;
        return;
      default:
        throw new Error(`${verb} is no verb`);
    }
  }

  async #dial(): Promise<void> {
    this.#closed = false;
    this.#talk.clear();
    const line = await TcpCarrier.dial("127.0.0.1", this.#bridge.port, undefined, mostOfAFrame);
    this.#line = line;
    void this.#read(line);
  }

  async #link(more: string): Promise<void> {
    await this.#dial();
    const isFirst = !this.#bridge.known;
    this.#post("hello", more);
    await this.#talk.expect("welcome");
    if (isFirst) {
      await this.#talk.expect('command {"symbols": "*", "id": "@greeting"}');
      this.#post(
        "result",
        `{"id": "$greeting", "status": "COMMAND_STATUS_ANSWERED", "symbols": {"symbols": [$eurusd]}}`,
      );
    }
    // Whatever else is asked before the link counts as up is answered too.
    for (;;) {
      let isUp = false;
      await this.#talk.until(() => {
        isUp = this.#bridge.up;
        return isUp || this.#talk.has("command") || this.#closed;
      }, "the link is up");
      if (isUp || this.#closed) return;
      await this.#talk.expect('command {"id": "@greeting"}');
      this.#post("result", `{"id": "$greeting", "status": "COMMAND_STATUS_ANSWERED"}`);
    }
  }

  #post(word: string, rest: string): void {
    switch (word) {
      case "bytes":
        this.#out.send(bytesOf(rest));
        return;
      case "raw":
        this.#out.raw(bytesOf(rest));
        return;
      case "large":
        this.#out.send(ofSize(Number(rest), [0x1a, 0x02, 0x08, 0])); // an acknowledgement of nothing
        return;
      default:
        this.#send(word, rest === "" ? "{}" : rest);
    }
  }

  #send(word: string, text: string): void {
    const { json, extra } = withBytes(this.#talk.fill(text));
    const fields = JSON.parse(json) as Fields;
    if (["hello", "ack", "pong"].includes(word)) {
      const whole = word === "hello" ? { ...this.#hello(), ...fields } : fields;
      const message = fromJson(ConnectRequestSchema, { [word]: whole } as JsonValue);
      this.#out.send(Buffer.concat([toBinary(ConnectRequestSchema, message), extra]));
      return;
    }
    const { sequence = String(this.#reports + 1), ...event } = fields;
    if (fields["sequence"] === undefined) this.#reports++;
    const report = fromJson(ReportSchema, { sequence, ...(word === "report" ? {} : { [word]: event }) } as JsonValue);
    if (extra.length > 0) this.#out.send(nested(2, toBinary(ReportSchema, report), extra));
    else {
      const frame = create(ConnectRequestSchema, { frame: { case: "report", value: report } });
      this.#out.send(toBinary(ConnectRequestSchema, frame));
    }
  }

  #hello(): HelloJson {
    return {
      ...{ protocolMin: 1, protocolMax: 1, software: "script", terminalBuild: 5430 },
      account: {
        fingerprint: { login: "1000001", server: "Broker-Demo", tradeMode: 0 },
        ...{ name: "A. Trader", company: "Broker Ltd", currency: "USD", currencyDigits: 2, leverage: "100" },
        ...{ marginMode: 2, marginCallLevel: 50, stopoutLevel: 30 },
      },
      ...{ reportsEpoch: "1", oldestReport: "1", bridgeEpoch: this.#epoch, lastSeen: String(this.#last) },
      clocks: { monotonicUs: "1", serverMs: String(Date.now() + 7_200_000), utcMs: String(Date.now()) },
      trade: { connected: true, algoAllowed: true, accountAllowed: true, expertAllowed: true },
    };
  }

  get #out(): TcpCarrier {
    if (this.#line === undefined) throw new Error("there is no connection");
    return this.#line;
  }

  async #read(line: TcpCarrier): Promise<void> {
    for await (const bytes of line.frames(never)) if (line === this.#line) this.#take(bytes);
    if (line !== this.#line) return;
    this.#closed = true;
    this.#talk.changed();
  }

  #take(bytes: Uint8Array): void {
    const message = fromBinary(ConnectResponseSchema, bytes);
    const json = toJson(ConnectResponseSchema, message, { alwaysEmitImplicit: true }) as Fields;
    const [[word, value] = ["nothing", {}]] = Object.entries(json);
    const fields = value as Fields;
    if (word === "welcome") this.#begin(String(fields["bridgeEpoch"]));
    if (word === "command") this.#count(Number(fields["sequence"]), Buffer.from(bytes).toString("base64"));
    if (word === "command" && fields["account"] === undefined) this.#talk.complain("a command names no account");
    this.#talk.came(word, fields);
  }

  #begin(epoch: string): void {
    if (epoch === this.#epoch) return;
    if (BigInt(epoch) < BigInt(this.#epoch)) this.#talk.complain(`its life went from ${this.#epoch} to ${epoch}`);
    this.#epoch = epoch;
    this.#last = 0;
    this.#commands.clear();
  }

  #count(sequence: number, bytes: string): void {
    if (sequence > this.#last + 1) this.#talk.complain(`command ${sequence} came after ${this.#last}`);
    const before = this.#commands.get(sequence);
    if (before !== undefined && before !== bytes) this.#talk.complain(`command ${sequence} came again, and is another`);
    this.#commands.set(sequence, bytes);
    this.#last = Math.max(this.#last, sequence);
  }

  #call(text: string): void {
    const [name, asked] = split(text);
    const [what, rest] = split(asked);
    void this.#bridge.call(what, JSON.parse(rest === "" ? "{}" : this.#talk.fill(rest)) as Fields).then((outcome) => {
      this.#talk.came(name, outcome);
    });
  }

  async #awaitClosed(): Promise<void> {
    await this.#talk.until(() => this.#closed, "the bridge ends the connection");
    this.#line = undefined;
  }

  #value(name: string): string | undefined {
    if (name === "now") return String(Date.now());
    if (name === "last") return String(this.#last);
    if (name === "epoch") return this.#epoch;
    return name === "reported" ? String(this.#reports) : undefined;
  }
}
