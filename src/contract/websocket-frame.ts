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
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  ClientFrameSchema,
  ClientFrameType,
  ServerFrameSchema,
  ServerFrameType,
  type Welcome,
  WelcomeSchema,
} from "../../gen/ts/mt5bridge/v1/websocket_pb.ts";
import type { Violation } from "../core/errors.ts";
import { decodeJson, refuseUnlessObject } from "./json.ts";
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

export type Wanted = keyof typeof wanted;
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
  let frame: JsonValue;
  try {
    frame = JSON.parse(text) as JsonValue;
  } catch {
    frame = null;
  }
  if (typeof frame !== "object" || frame === null || Array.isArray(frame)) {
    throw refused([{ field: "frame", description: "must be a JSON object" }]);
  }
  const { type = "", id = "", method = "", data, traceparent = "", timeout_ms = 0 } = frame;
  const violations: Violation[] = [];
  for (const key of Object.keys(frame)) {
    if (keys.includes(key)) continue;
    violations.push({ field: key.slice(0, 100), description: `is not known; fields are ${keys.join(", ")}` });
  }
  for (const [field, value] of Object.entries({ id, method, traceparent })) {
    if (typeof value !== "string") violations.push({ field, description: "must be a string" });
  }
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
      refuseUnlessObject(text); // it is one; what is left to find is a key that stands twice
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

/** A frame around bytes that are encoded already: they are copied, never looked at. */
export function protoServerFrame({ type, id, seq, at }: Head, payload: Buffer | undefined): Buffer {
  const head = new BinaryWriter().tag(field.type.number, WireType.Varint).int32(said[type]);
  if (id !== "") head.tag(field.id.number, WireType.LengthDelimited).string(id);
  if (seq !== 0) head.tag(field.seq.number, WireType.Varint).uint32(seq);
  head.tag(field.timestampMs.number, WireType.Varint).int64(at);
  if (payload === undefined) return Buffer.from(head.finish());
  head.tag(field.data.number, WireType.LengthDelimited).uint32(payload.length);
  return Buffer.concat([head.finish(), payload]);
}

/** `word` is what JSON calls the type. */
export function jsonServerFrame(head: Head, word: string, payload: Buffer | undefined): Buffer {
  const id = head.id === "" ? "" : `,"id":${JSON.stringify(head.id)}`;
  const seq = head.seq === 0 ? "" : `,"seq":${head.seq}`;
  const start = `{"type":"${word}","timestamp":"${new Date(head.at).toISOString()}"${id}${seq}`;
  return payload === undefined
    ? Buffer.from(`${start}}`)
    : Buffer.concat([Buffer.from(`${start},"data":`), payload, end]);
}

const end = Buffer.from("}");

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
