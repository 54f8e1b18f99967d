/**
 * Messages as bytes, each encoded once.
 *
 * A hundred streams that yield the same message object share its bytes: with a batch of a thousand ticks, encoding
 * for each of them would take seven times as long as everything else a stream does. The bytes live as long as the
 * message does. Whoever yields a message does not change it afterwards.
 */
import { type DescMessage, type Message, toBinary } from "@bufbuild/protobuf";
import { isEncoded, readyBytes } from "../contract/tick-message.ts";

const encodedOnce = new WeakMap<Message, Buffer>();

/** How often bytes were made, and how often they served another reader. */
export const encoded = { made: 0, reused: 0 };

/** The bytes of a message that may go to many readers. */
export function sharedBytes(schema: DescMessage, message: Message): Buffer {
  let bytes = encodedOnce.get(message);
  if (bytes !== undefined || isEncoded(message)) encoded.reused += 1;
  else encoded.made += 1;
  bytes ??= readyBytes(message);
  if (bytes === undefined) {
    bytes = bytesOf(schema, message);
    encodedOnce.set(message, bytes);
  }
  return bytes;
}

/** The bytes of a message that goes to one reader. */
export function bytesOf(schema: DescMessage, message: Message): Buffer {
  const bytes = toBinary(schema, message);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
