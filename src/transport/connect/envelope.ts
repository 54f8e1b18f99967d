/**
 * A message in its envelope: one byte of flags, four of length, as in gRPC.
 */
import type { DescMessage, Message } from "@bufbuild/protobuf";
import { jsonText } from "../../contract/json.ts";
import { bytesOf, sharedBytes } from "../frame.ts";

export const headSize = 5;
export const compressedFlag = 0x01;
/** Connect's last envelope tells how the stream ended. */
export const endFlag = 0x02;
/** gRPC-Web's last envelope holds the trailers. */
export const trailersFlag = 0x80;

export function enveloped(content: Uint8Array, flags = 0): Buffer {
  const envelope = Buffer.allocUnsafe(headSize + content.length);
  envelope.writeUInt8(flags, 0);
  envelope.writeUInt32BE(content.length, 1);
  envelope.set(content, headSize);
  return envelope;
}

/** The message as a body or the content of an envelope. */
export function contentOf(schema: DescMessage, message: Message, json: boolean): Buffer {
  return json ? Buffer.from(jsonText(schema, message)) : bytesOf(schema, message);
}

const binaryOnce = new WeakMap<Message, Buffer>();
const jsonOnce = new WeakMap<Message, Buffer>();

/**
 * The same for streams, in its envelope: made once for all readers of the message. JSON costs ten times what
 * protobuf does, so it counts even more here.
 */
export function sharedEnvelope(schema: DescMessage, message: Message, json: boolean): Buffer {
  const made = json ? jsonOnce : binaryOnce;
  let envelope = made.get(message);
  if (envelope === undefined) {
    envelope = enveloped(json ? contentOf(schema, message, true) : sharedBytes(schema, message));
    made.set(message, envelope);
  }
  return envelope;
}
