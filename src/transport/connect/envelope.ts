/**
 * Messages as bytes: an answer's, as a body or in an envelope, which is one byte of flags, four of length.
 */
import type { DescMessage, Message, Registry } from "@bufbuild/protobuf";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { jsonText } from "../../contract/json.ts";
import { bytesOf, sharedBytes } from "../frame.ts";

export const headSize = 5;

/** How a message is written. `types` may travel as google.protobuf.Any. */
export interface Writing {
  readonly json: boolean;
  readonly types: Registry | undefined;
}

/** The message as a body or the content of an envelope. */
export function contentOf(schema: DescMessage, message: Message, { json, types }: Writing): Uint8Array {
  return json ? Buffer.from(jsonText(schema, message, types)) : bytesOf(schema, message);
}

const binaryOnce = new WeakMap<Message, Uint8Array>();
const jsonOnce = new WeakMap<Message, Uint8Array>();

/**
 * The same for streams, in its envelope: made once for all readers of the message. JSON costs ten times what
 * protobuf does, so it counts even more here.
 */
export function sharedEnvelope(schema: DescMessage, message: Message, writing: Writing): Uint8Array {
  const made = writing.json ? jsonOnce : binaryOnce;
  let envelope = made.get(message);
  if (envelope === undefined) {
    envelope = encodeEnvelope(0, writing.json ? contentOf(schema, message, writing) : sharedBytes(schema, message));
    made.set(message, envelope);
  }
  return envelope;
}
