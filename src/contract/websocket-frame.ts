/**
 * The frames of `mt5bridge.v1.json` and `mt5bridge.v1.proto`, as `websocket.proto` describes them.
 *
 * A frame that cannot be read is told apart from a request that cannot: the first throws here, since nobody knows
 * which call it belongs to; the second throws from `read`, which runs inside the wrapper like every other decoder.
 */
import {
  create,
  type DescMessage,
  type DescMethod,
  type JsonValue,
  type Message,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import {
  ClientFrameSchema,
  ClientFrameType,
  ServerFrameSchema,
  ServerFrameType,
  type Welcome,
  WelcomeSchema,
} from "../../gen/ts/mt5bridge/v1/websocket_pb.ts";
import type { Violation } from "../core/errors.ts";
import { decodeJson, parse, refuseUnlessObject } from "./json.ts";
import { decode, refused } from "./wire.ts";
import { wordOf } from "./words.ts";

const wanted = {
  auth: ClientFrameType.AUTH,
  call: ClientFrameType.CALL,
  subscribe: ClientFrameType.SUBSCRIBE,
  update: ClientFrameType.UPDATE,
  unsubscribe: ClientFrameType.UNSUBSCRIBE,
  ping: ClientFrameType.PING,
} as const;

const said = {
  welcome: ServerFrameType.WELCOME,
  result: ServerFrameType.RESULT,
  subscribed: ServerFrameType.SUBSCRIBED,
  stream_data: ServerFrameType.STREAM_DATA,
  complete: ServerFrameType.COMPLETE,
  error: ServerFrameType.ERROR,
  heartbeat: ServerFrameType.HEARTBEAT,
  closing: ServerFrameType.CLOSING,
  pong: ServerFrameType.PONG,
} as const;

type Wanted = keyof typeof wanted;
export type Said = keyof typeof said;

export interface ClientFrame {
  readonly type: Wanted;
  readonly id: string;
  readonly method: string;
  readonly traceparent: string | undefined;
  /** 0: none. */
  readonly timeoutMs: number;
  readonly token: string;
  /** The request; throws what is wrong with it. */
  read(schema: DescMessage): Message;
}

/** What precedes the payload of a frame. */
export interface Head {
  readonly type: Said;
  readonly id: string;
  readonly seq: number;
  /** Milliseconds. */
  readonly at: number;
}

const idLimit = 64;
const needsId: ReadonlySet<Wanted> = new Set(["call", "subscribe", "update", "unsubscribe"]);

function checked(frame: ClientFrame, violations: Violation[] = []): ClientFrame {
  if (frame.id.length > idLimit || (frame.id === "" && needsId.has(frame.type))) {
    violations.push({ field: "id", description: `must be 1 to ${idLimit} characters long; got ${frame.id.length}` });
  }
  if (violations.length > 0) throw refused(violations);
  return frame;
}

export function protoClientFrame(bytes: Uint8Array): ClientFrame {
  const { type, id, method, data, traceparent, timeoutMs, token } = decode(ClientFrameSchema, bytes);
  const word = wordOf(wanted, type);
  if (word === undefined) {
    const names = Object.keys(wanted).map((one) => `CLIENT_FRAME_TYPE_${one.toUpperCase()}`);
    throw refused([{ field: "type", description: `must be one of ${names.join(", ")}; got ${type}` }]);
  }
  const trace = traceparent === "" ? undefined : traceparent;
  return checked({ type: word, id, method, traceparent: trace, timeoutMs, token, read: (to) => decode(to, data) });
}

/** Everything a frame may have; `timestamp` and `seq` are allowed so that frames are alike in both directions. */
const keys = ["type", "timestamp", "id", "seq", "method", "data", "traceparent", "timeout_ms"];

export function jsonClientFrame(text: string): ClientFrame {
  const frame = parse(text);
  if (typeof frame !== "object" || frame === null || Array.isArray(frame)) {
    throw refused([{ field: "frame", description: "must be a JSON object" }]);
  }
  const { type = "", id = "", method = "", data, traceparent = "", timeout_ms = 0 } = frame;
  const violations: Violation[] = [];
  for (const key of Object.keys(frame)) {
    if (keys.includes(key)) continue;
    violations.push({ field: key.slice(0, 100), description: `is not known; fields are ${keys.join(", ")}` });
  }
  const string = (field: string, value: JsonValue) => {
    if (typeof value !== "string") violations.push({ field, description: "must be a string" });
  };
  string("id", id);
  string("method", method);
  string("traceparent", traceparent);
  if (typeof type !== "string" || !Object.hasOwn(wanted, type)) {
    violations.push({ field: "type", description: `must be one of ${Object.keys(wanted).join(", ")}` });
  }
  if (typeof timeout_ms !== "number" || !Number.isInteger(timeout_ms) || timeout_ms < 0 || timeout_ms > 0xffff_ffff) {
    violations.push({ field: "timeout_ms", description: "must be 0 to 4294967295" });
  }
  const token = type === "auth" ? tokenOf(data) : "";
  if (token === undefined) violations.push({ field: "data.token", description: "must be a string" });
  const known: ClientFrame = {
    type: type as Wanted,
    id: String(id),
    method: String(method),
    traceparent: traceparent === "" ? undefined : String(traceparent),
    timeoutMs: Number(timeout_ms),
    token: token ?? "",
    read(schema) {
      refuseUnlessObject(text, frame); // it is one; what is left to find is a key that stands twice
      return decodeJson(schema, data);
    },
  };
  return checked(known, violations);
}

function tokenOf(data: JsonValue | undefined): string | undefined {
  const token = typeof data === "object" && data !== null && !Array.isArray(data) ? data["token"] : undefined;
  return typeof token === "string" ? token : undefined;
}

const { field } = ServerFrameSchema;
const tag = (of: { readonly number: number }, wireType: WireType): number => (of.number << 3) | wireType;
const tags = {
  type: tag(field.type, WireType.Varint),
  id: tag(field.id, WireType.LengthDelimited),
  seq: tag(field.seq, WireType.Varint),
  timestampMs: tag(field.timestampMs, WireType.Varint),
  data: tag(field.data, WireType.LengthDelimited),
};

/** Around bytes that are encoded already, which follow `head` as they are. */
export interface ServerFrame {
  readonly head: Buffer;
  readonly payload: Buffer | undefined;
  readonly tail?: Buffer;
}

/** Written by hand: each reader of a stream has a head of its own, so it is made more often than anything else. */
export function protoServerFrame({ type, id, seq, at }: Head, payload: Buffer | undefined): ServerFrame {
  const head = Buffer.allocUnsafe(40 + 3 * id.length); // five tags, numbers of 1, 2, 5, 10 and 5 bytes, and the id
  let end = number(head, 0, tags.type, said[type]);
  if (id !== "") {
    const length = Buffer.byteLength(id);
    end = number(head, end, tags.id, length);
    end += head.write(id, end, length);
  }
  if (seq !== 0) end = number(head, end, tags.seq, seq);
  end = number(head, end, tags.timestampMs, at);
  if (payload !== undefined) end = number(head, end, tags.data, payload.length);
  return { head: head.subarray(0, end), payload };
}

/** A tag and a whole number from 0 to 2^53 behind it; where it ends. */
function number(bytes: Buffer, at: number, tagged: number, value: number): number {
  let end = at;
  bytes[end++] = tagged;
  let rest = value;
  for (; rest >= 2 ** 31; rest = Math.floor(rest / 128)) bytes[end++] = (rest % 128) | 128;
  for (; rest >= 128; rest >>>= 7) bytes[end++] = (rest & 127) | 128;
  bytes[end++] = rest;
  return end;
}

/** `word` is what JSON calls the type. */
export function jsonServerFrame(head: Head, word: string, payload: Buffer | undefined): ServerFrame {
  const id = head.id === "" ? "" : `,"id":${JSON.stringify(head.id)}`;
  const seq = head.seq === 0 ? "" : `,"seq":${head.seq}`;
  const start = `{"type":"${word}","timestamp":"${timeText(head.at)}"${id}${seq}`;
  if (payload === undefined) return { head: Buffer.from(`${start}}`), payload };
  return { head: Buffer.from(`${start},"data":`), payload, tail };
}

const tail = Buffer.from("}");

let lastTime = { at: Number.NaN, text: "" };

/** A turn writes the same time for many readers. */
function timeText(at: number): string {
  if (at !== lastTime.at) lastTime = { at, text: new Date(at).toISOString() };
  return lastTime.text;
}

export type Greeting = Omit<Welcome, "$typeName" | "$unknown">;

export const welcomeBytes = (greeting: Greeting): Buffer =>
  Buffer.from(toBinary(WelcomeSchema, create(WelcomeSchema, greeting)));

export const welcomeJson = (greeting: Greeting): Buffer =>
  Buffer.from(JSON.stringify(toJson(WelcomeSchema, create(WelcomeSchema, greeting), { alwaysEmitImplicit: true })));

const streamWords: Readonly<Record<string, string>> = {
  "mt5bridge.v1.TicksService/StreamTicks": "tick_data",
  "mt5bridge.v1.AccountService/StreamAccount": "account_info",
  "mt5bridge.v1.OrdersService/StreamOrders": "order_update",
};

/** What JSON calls the data of a stream: for an RPC without a word of its own, its name. */
export function streamWordOf({ parent, name }: DescMethod): string {
  return streamWords[`${parent.typeName}/${name}`] ?? name.replace(/(?<!^)[A-Z]/g, "_$&").toLowerCase();
}

/** What an event of a stream is among frames: every stream of the contract has a oneof `event`. */
export function saidBy(message: Message): Said {
  const event = (message as { event?: { case?: string } }).event?.case;
  if (event === "opened") return "subscribed";
  return event === "heartbeat" || event === "closing" ? event : "stream_data";
}

/** The id by which UPDATE finds the stream, if its first message names one. */
export function streamIdOf(message: Message): string | undefined {
  const { event } = message as { event?: { case?: string; value?: { streamId?: string } } };
  return event?.case === "opened" ? event.value?.streamId : undefined;
}
