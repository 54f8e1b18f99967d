/**
 * Messages as bytes, each encoded once.
 *
 * A hundred streams that yield the same message object share its bytes: with a batch of a thousand ticks, encoding
 * for each of them would take seven times as long as everything else a stream does. The bytes live as long as the
 * message does. Whoever yields a message does not change it afterwards.
 *
 * They are kept in their envelope, one byte of flags and four of length, in which gRPC, gRPC-Web and Connect's streams
 * all put a message; a WebSocket takes what is in it.
 */
import { type DescMessage, type Message, type Registry, toBinary } from "@bufbuild/protobuf";
import { envelopeHead, inEnvelope } from "../contract/envelope.ts";
import { readyEnvelope } from "../contract/frame-message.ts";
import { jsonText } from "../contract/json.ts";
import { isLasting } from "../contract/lasting.ts";
import { ownBytes } from "../contract/recorded-ticks.ts";
import { BridgeError } from "../core/errors.ts";

const inProtobuf = new WeakMap<Message, Buffer>();
const inJson = new WeakMap<Message, Buffer>();

/** How often bytes were made, and how often they served another reader. */
export const encoded = { made: 0, reused: 0 };

/** How a message is written. `types` may travel as google.protobuf.Any. */
export interface Writing {
  readonly json: boolean;
  readonly types?: Registry | undefined;
}

/** A message that may go to many readers, in its envelope. */
export function sharedEnvelope(schema: DescMessage, message: Message, writing: Writing): Buffer {
  const known = writing.json ? inJson : inProtobuf;
  const made = known.get(message);
  if (made !== undefined) {
    encoded.reused += 1;
    return made;
  }
  encoded.made += 1;
  const envelope = readyEnvelope(message, writing.json) ?? inEnvelope(freshContent(schema, message, writing));
  known.set(message, envelope);
  return envelope;
}

/** The same without its envelope. */
export const sharedContent = (schema: DescMessage, message: Message, writing: Writing): Buffer =>
  sharedEnvelope(schema, message, writing).subarray(envelopeHead);

/** An answer to one caller, in its envelope. */
export function envelopeOf(schema: DescMessage, message: Message, writing: Writing): Buffer {
  if (isLasting(message)) return sharedEnvelope(schema, message, writing);
  return inEnvelope(freshContent(schema, message, writing), Buffer.allocUnsafe);
}

/** The same without its envelope. */
export function contentOf(schema: DescMessage, message: Message, writing: Writing): Buffer {
  return isLasting(message) ? sharedContent(schema, message, writing) : freshContent(schema, message, writing);
}

function freshContent(schema: DescMessage, message: Message, { json, types }: Writing): Buffer {
  return json ? Buffer.from(jsonText(schema, message, types)) : bytesOf(schema, message);
}

/** Encoded for this once. */
export function bytesOf(schema: DescMessage, message: Message): Buffer {
  const own = ownBytes(message);
  if (own !== undefined) return own;
  const bytes = toBinary(schema, message);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** What clients can receive unless they are told otherwise. */
export const maxAnswerBytes = 4 * 1024 * 1024;

/** The frame, if what is behind its first `head` bytes is not too large. */
export function withinLimit(frame: Buffer, head = 0): Buffer {
  if (frame.length - head <= maxAnswerBytes) return frame;
  const message = `The answer is larger than the limit of ${maxAnswerBytes} bytes; ask for less at a time.`;
  throw new BridgeError("quota_exceeded", message, { metadata: { quota: "message_size" } });
}
