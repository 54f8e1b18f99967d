/**
 * Plays the bridge of one case against a terminal's side.
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
import { fits, type Json } from "./match.ts";
import type { Program } from "./program.ts";
import { type Case, filled, type Line, withBytes } from "./script.ts";

interface Frame {
  readonly word: string;
  readonly json: { [name: string]: Json };
  taken: boolean;
}

const patience = 15_000;
/** How long a case goes on for the sake of what must not come. */
const settling = 150;

export class BridgePart {
  readonly #case: Case;
  readonly #program: Program;
  readonly #known = new Map<string, string>();
  readonly #connections: Connection[] = [];
  #current: Connection | undefined;
  #frames: Frame[] = [];
  #closed = false;
  #change = Promise.withResolvers<void>();
  readonly #nevers: { readonly text: string; readonly word: string; readonly json: Json }[] = [];
  #complaint: string | undefined;
  #commands = 0;
  /** Of the reports' life: the last number, and their bytes. */
  #reportsEpoch = "";
  #last = 0;
  readonly #reports = new Map<number, string>();

  constructor(which: Case, program: Program) {
    this.#case = which;
    this.#program = program;
    const fingerprint = { login: "1000001", server: "Broker-Demo", tradeMode: 0 };
    for (const [name, value] of which.lets) this.#known.set(name, value);
    this.#known.set("account", JSON.stringify(fingerprint));
    this.#known.set("epoch", "7");
  }

  connected(connection: Connection): void {
    this.#connections.push(connection);
    this.#changed();
  }

  async play(): Promise<void> {
    for (const line of this.#case.lines) {
      try {
        await this.#do(line);
      } catch (error) {
        throw new Error(`line ${line.number}: ${error instanceof Error ? error.message : String(error)}`);
      }
      if (this.#complaint !== undefined) throw new Error(`by line ${line.number}: ${this.#complaint}`);
    }
    if (this.#nevers.length > 0) await pause(settling);
    if (this.#complaint !== undefined) throw new Error(this.#complaint);
  }

  async #do({ verb, rest }: Line): Promise<void> {
    switch (verb) {
      case "accept":
        return await this.#accept();
      case "link":
        await this.#accept();
        await this.#expect("hello", {});
        this.#send(
          "welcome",
          `{"protocol": 1, "software": "script", "bridgeEpoch": "$epoch", "lastSeen": "$last", "bridgeTimeMs": "$now"${rest === "" ? "" : `, ${rest.slice(1, -1)}`}}`,
        );
        return;
      case ">":
        this.#post(rest);
        return;
      case "<":
        return rest === "closed" ? await this.#awaitClosed() : await this.#expectText(rest);
      case "never": {
        const [word, json] = this.#pattern(rest);
        this.#nevers.push({ text: rest, word, json });
        return;
      }
      case "close":
        this.#current?.close();
        this.#current = undefined;
        return;
      case "wait":
        return await pause(Number(rest));
      case "alone": {
        const before = this.#connections.length;
        await pause(Number(rest));
        if (this.#connections.length > before) throw new Error("it has dialled again");
        return;
      }
      case "kill":
        await this.#program.kill();
        this.#current = undefined;
        return;
      case "start":
        return this.#program.start();
      case "renumber":
        this.#commands = 0;
        return;
      default:
        throw new Error(`${verb} is no verb`);
    }
  }

  #post(text: string): void {
    const [, word = "", rest = ""] = /^(\S+)\s*(.*)$/.exec(text) ?? [];
    switch (word) {
      case "do": {
        const [, id = "", action = "", body = "{}"] = /^(\S+)\s+(\S+)\s*(.*)$/.exec(rest) ?? [];
        this.#commands += 1;
        this.#send(
          "command",
          `{"sequence": "${this.#commands}", "id": "${id}", "deadlineMs": "$now+20000", "account": $account, "${action}": ${body === "" ? "{}" : body}}`,
        );
        return;
      }
      case "bytes":
        this.#line.send(Buffer.from(rest.replaceAll(" ", ""), "hex"));
        return;
      case "raw":
        this.#line.raw(Buffer.from(rest.replaceAll(" ", ""), "hex"));
        return;
      case "large":
        this.#line.send(ofSize(Number(rest)));
        return;
      default:
        this.#send(word, rest);
    }
  }

  #send(word: string, text: string): void {
    const { json, extra } = withBytes(this.#fill(text));
    const message = fromJson(ConnectResponseSchema, { [word]: JSON.parse(json) as JsonValue });
    let bytes = toBinary(ConnectResponseSchema, message);
    if (extra.length > 0 && message.frame.case === "command") {
      const inner = Buffer.concat([toBinary(CommandSchema, message.frame.value), extra]);
      bytes = Buffer.concat([Buffer.from([0x1a]), varint(inner.length), inner]);
    } else if (extra.length > 0) bytes = Buffer.concat([bytes, extra]);
    this.#line.send(bytes);
  }

  get #line(): Connection {
    if (this.#current === undefined) throw new Error("there is no connection");
    return this.#current;
  }

  async #accept(): Promise<void> {
    await this.#until(() => this.#connections.length > 0, "it dials");
    this.#current = this.#connections.shift();
    this.#frames = [];
    this.#closed = false;
    if (this.#current !== undefined) void this.#read(this.#current);
  }

  async #read(connection: Connection): Promise<void> {
    for await (const bytes of connection.frames) {
      if (connection !== this.#current) continue;
      this.#take(bytes, connection);
      this.#changed();
    }
    if (connection !== this.#current) return;
    this.#closed = true;
    this.#changed();
  }

  #take(bytes: Uint8Array, { bearer }: Connection): void {
    let json: { [name: string]: Json };
    try {
      const message = fromBinary(ConnectRequestSchema, bytes);
      json = toJson(ConnectRequestSchema, message, { alwaysEmitImplicit: true }) as { [name: string]: Json };
    } catch (error) {
      this.#complaint ??= `a frame cannot be read: ${error}: ${Buffer.from(bytes.slice(0, 60)).toString("hex")}`;
      return;
    }
    const [[word, value] = ["nothing", {}]] = Object.entries(json);
    const object = value as { [name: string]: Json };
    if (word === "hello") {
      this.#frames.push({ word, json: { ...object, token: object["token"] || bearer || "" }, taken: false });
      this.#begin(String(object["reportsEpoch"]));
      return;
    }
    if (word !== "report") {
      this.#arrived({ word, json: object, taken: false });
      return;
    }
    const { sequence, ...event } = object;
    this.#count(Number(sequence), event as never, Buffer.from(bytes).toString("base64"));
    const [[kind, inner] = ["nothing", {}]] = Object.entries(event);
    this.#arrived({ word: kind, json: { sequence: sequence ?? "0", ...(inner as object) }, taken: false });
  }

  #begin(epoch: string): void {
    if (epoch === this.#reportsEpoch) return;
    if (this.#reportsEpoch !== "" && BigInt(epoch) <= BigInt(this.#reportsEpoch)) {
      this.#complaint ??= `its life of reports went from ${this.#reportsEpoch} to ${epoch}`;
    }
    this.#reportsEpoch = epoch;
    this.#last = 0;
    this.#reports.clear();
  }

  #count(sequence: number, event: { gap?: { from: string; through: string } }, bytes: string): void {
    const from = event.gap === undefined ? sequence : Number(event.gap.from);
    if (from > this.#last + 1) this.#complaint ??= `report ${sequence} came after ${this.#last}`;
    const before = this.#reports.get(sequence);
    if (before !== undefined && before !== bytes && event.gap === undefined) {
      this.#complaint ??= `report ${sequence} came again, and is another`;
    }
    this.#reports.set(sequence, bytes);
    this.#last = Math.max(this.#last, sequence);
  }

  #arrived(frame: Frame): void {
    this.#frames.push(frame);
    for (const { word, json, text } of this.#nevers) {
      if (word === frame.word && fits(json, frame.json, () => undefined)) {
        this.#complaint ??= `this came, and must not: ${text}`;
      }
    }
  }

  async #expectText(text: string): Promise<void> {
    const [word, json] = this.#pattern(text);
    await this.#expect(word, json);
  }

  #pattern(text: string): [string, Json] {
    const [, word = "", rest = ""] = /^(\S+)\s*(.*)$/.exec(text) ?? [];
    return [word, JSON.parse(rest === "" ? "{}" : this.#fill(rest)) as Json];
  }

  async #expect(word: string, json: Json): Promise<void> {
    const remember = (name: string, value: string) => void this.#known.set(name, value);
    const found = () =>
      this.#frames.find((frame) => !frame.taken && frame.word === word && fits(json, frame.json, remember));
    const isOver = () => this.#closed || this.#complaint !== undefined;
    await this.#until(() => found() !== undefined || isOver(), `${word} ${JSON.stringify(json)}`);
    const frame = found();
    if (frame === undefined) {
      throw new Error(
        `${this.#complaint ?? "the connection was closed"} before ${word} ${JSON.stringify(json)}\n${this.#seen()}`,
      );
    }
    frame.taken = true;
  }

  async #awaitClosed(): Promise<void> {
    await this.#until(() => this.#closed, "it ends the connection");
    this.#current = undefined;
  }

  async #until(done: () => boolean, what: string): Promise<void> {
    const end = Date.now() + patience;
    while (!done()) {
      const left = end - Date.now();
      if (left <= 0) throw new Error(`waited ${patience / 1000} s for: ${what}\n${this.#seen()}`);
      if (!this.#program.running && this.#connections.length === 0 && this.#current === undefined) {
        throw new Error(`the program has ended, and this is still expected: ${what}`);
      }
      this.#change = Promise.withResolvers();
      await Promise.race([this.#change.promise, pause(Math.min(left, 250))]);
    }
  }

  #seen(): string {
    const words = this.#frames.filter(({ taken, word }) => !taken && word !== "ticks");
    return words
      .slice(-12)
      .map(({ word, json }) => `      came: ${word} ${JSON.stringify(json).slice(0, 400)}`)
      .join("\n");
  }

  #fill(text: string): string {
    return filled(text, (name) => {
      if (name === "now") return String(Date.now());
      if (name === "nowus") return String(Date.now() * 1000);
      if (name === "last") return String(this.#last);
      if (name === "next") return String(++this.#commands);
      return this.#known.get(name);
    });
  }

  #changed(): void {
    this.#change.resolve();
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A ping (77) that is so many bytes long, by a field that nobody knows. */
function ofSize(bytes: number): Buffer {
  const ping = Buffer.from([0x2a, 0x02, 0x08, 77]);
  const room = bytes - ping.length - 2;
  const length = varint(room - varint(room).length);
  return Buffer.concat([ping, Buffer.from([0xfa, 0x3e]), length, Buffer.alloc(room - length.length)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  for (; left > 127; left = Math.floor(left / 128)) bytes.push((left % 128) | 128);
  return Buffer.from([...bytes, left]);
}
