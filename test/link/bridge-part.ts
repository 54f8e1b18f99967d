/**
 * Plays the bridge of one case against a terminal's side.
 *
 *   accept            takes its next connection
 *   link {…}          accepts, takes its hello, and welcomes it; {…} is added to the welcome
 *   > do ID ACTION {…}  a command: numbered, for the account, to be begun within 20 s
 *   > bytes, > raw, > large   a frame of these bytes; these bytes without a length; a frame of so many bytes
 *   < closed          it ends the connection
 *   close             we do
 *   alone MS          it does not dial for so long
 *   wait MS, kill, start, renumber
 *
 * Beside what the script says it sees to what holds in every case: reports have numbers without a hole, within
 * a life of the reports; a number that comes again has the same bytes; frames can be read.
 */
import { fromBinary, fromJson, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import {
  CommandSchema,
  ConnectRequestSchema,
  ConnectResponseSchema,
} from "../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import type { Line as Connection } from "./listener.ts";
import type { Json } from "./match.ts";
import type { Program } from "./program.ts";
import { type Case, type Line, withBytes } from "./script.ts";
import { bytesOf, nested, ofSize, pause, split, Talk } from "./talk.ts";

type Fields = { [name: string]: Json };

export class BridgePart {
  readonly #case: Case;
  readonly #program: Program;
  readonly #talk: Talk;
  readonly #connections: Connection[] = [];
  #current: Connection | undefined;
  #closed = false;
  #commands = 0;
  /** Of the reports' life: the last number, and their bytes. */
  #reportsEpoch = "";
  #last = 0;
  readonly #reports = new Map<number, string>();

  constructor(which: Case, program: Program) {
    this.#case = which;
    this.#program = program;
    this.#talk = new Talk(which.lets, (name) => this.#value(name));
    this.#talk.set("account", JSON.stringify({ login: "1000001", server: "Broker-Demo", tradeMode: 0 }));
    this.#talk.set("epoch", "7");
    this.#talk.isOpen = () => !this.#closed && (program.running || this.#current !== undefined);
  }

  connected(connection: Connection): void {
    this.#connections.push(connection);
    this.#talk.changed();
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
  }

  async #do({ verb, rest }: Line): Promise<void> {
    switch (verb) {
      case "accept":
        return await this.#accept();
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
      case "close":
        this.#current?.close();
        this.#current = undefined;
        return;
      case "wait":
        return await pause(Number(rest));
      case "alone":
        await pause(Number(rest));
        if (this.#connections.length > 0) throw new Error("it has dialled again");
        return;
      case "kill":
        await this.#program.kill();
        this.#current = undefined;
        return;
      case "start":
        this.#program.start();
        return;
      case "renumber":
        this.#commands = 0;
        return;
      default:
        throw new Error(`${verb} is no verb`);
    }
  }

  async #link(more: string): Promise<void> {
    await this.#accept();
    await this.#talk.expect("hello");
    const usual = `"protocol": 1, "software": "script", "bridgeEpoch": "$epoch", "lastSeen": "$last", "bridgeTimeMs": "$now"`;
    this.#send("welcome", `{${usual}${more === "" ? "" : `, ${more.slice(1, -1)}`}}`);
  }

  #post(word: string, rest: string): void {
    switch (word) {
      case "do": {
        const [id, asked] = split(rest);
        const [action, body] = split(asked);
        const usual = `"sequence": "$next", "id": "${id}", "deadlineMs": "$now+20000", "account": $account`;
        this.#send("command", `{${usual}, "${action}": ${body === "" ? "{}" : body}}`);
        return;
      }
      case "bytes":
        this.#line.send(bytesOf(rest));
        return;
      case "raw":
        this.#line.raw(bytesOf(rest));
        return;
      case "large":
        this.#line.send(ofSize(Number(rest), [0x2a, 0x02, 0x08, 77])); // a ping
        return;
      default:
        this.#send(word, rest);
    }
  }

  #send(word: string, text: string): void {
    const { json, extra } = withBytes(this.#talk.fill(text));
    const message = fromJson(ConnectResponseSchema, { [word]: JSON.parse(json) as JsonValue });
    if (message.frame.case === "command") {
      this.#line.send(nested(3, toBinary(CommandSchema, message.frame.value), extra));
    } else this.#line.send(Buffer.concat([toBinary(ConnectResponseSchema, message), extra]));
  }

  get #line(): Connection {
    if (this.#current === undefined) throw new Error("there is no connection");
    return this.#current;
  }

  async #accept(): Promise<void> {
    await this.#talk.until(() => this.#connections.length > 0 || !this.#program.running, "it dials");
    if (this.#connections.length === 0) throw new Error("the program has ended");
    this.#current = this.#connections.shift();
    this.#talk.clear();
    this.#closed = false;
    if (this.#current !== undefined) void this.#read(this.#current);
  }

  async #read(connection: Connection): Promise<void> {
    for await (const bytes of connection.frames) if (connection === this.#current) this.#take(bytes, connection);
    if (connection !== this.#current) return;
    this.#closed = true;
    this.#talk.changed();
  }

  #take(bytes: Uint8Array, { bearer }: Connection): void {
    let json: Fields;
    try {
      const message = fromBinary(ConnectRequestSchema, bytes);
      json = toJson(ConnectRequestSchema, message, { alwaysEmitImplicit: true }) as Fields;
    } catch (error) {
      this.#talk.complain(`a frame cannot be read: ${error}: ${Buffer.from(bytes.slice(0, 60)).toString("hex")}`);
      return;
    }
    const [[word, value] = ["nothing", {}]] = Object.entries(json);
    const fields = value as Fields;
    if (word === "hello") {
      this.#begin(String(fields["reportsEpoch"]));
      this.#talk.came(word, { ...fields, token: fields["token"] || bearer || "" });
    } else if (word === "report") {
      const { sequence = "0", ...event } = fields;
      this.#count(Number(sequence), event as never, Buffer.from(bytes).toString("base64"));
      const [[kind, inner] = ["nothing", {}]] = Object.entries(event);
      this.#talk.came(kind, { sequence, ...(inner as Fields) });
    } else this.#talk.came(word, fields);
  }

  #begin(epoch: string): void {
    if (epoch === this.#reportsEpoch) return;
    if (this.#reportsEpoch !== "" && BigInt(epoch) <= BigInt(this.#reportsEpoch)) {
      this.#talk.complain(`its life of reports went from ${this.#reportsEpoch} to ${epoch}`);
    }
    this.#reportsEpoch = epoch;
    this.#last = 0;
    this.#reports.clear();
  }

  #count(sequence: number, { gap }: { gap?: { from: string } }, bytes: string): void {
    const from = gap === undefined ? sequence : Number(gap.from);
    if (from > this.#last + 1) this.#talk.complain(`report ${sequence} came after ${this.#last}`);
    const before = this.#reports.get(sequence);
    if (before !== undefined && before !== bytes && gap === undefined) {
      this.#talk.complain(`report ${sequence} came again, and is another`);
    }
    this.#reports.set(sequence, bytes);
    this.#last = Math.max(this.#last, sequence);
  }

  async #awaitClosed(): Promise<void> {
    await this.#talk.until(() => this.#closed, "it ends the connection");
    this.#current = undefined;
  }

  #value(name: string): string | undefined {
    if (name === "now") return String(Date.now());
    if (name === "nowus") return String(Date.now() * 1000);
    if (name === "last") return String(this.#last);
    return name === "next" ? String(++this.#commands) : undefined;
  }
}
