/**
 * JSON and protobuf, the two dialects of the framed conversation.
 *
 * What a stream sends may go to many readers, so its payload is made once for each message object and dialect: bytes
 * from `frame.ts`, which every other transport shares, or text, which all JSON readers share. A frame puts the
 * reader's own id and number in front of it.
 */
import type { DescMessage, Message } from "@bufbuild/protobuf";
import { encodeStatus, statusOf } from "../../contract/fault-status.ts";
import { faultJson } from "../../contract/json.ts";
import {
  type ClientFrame,
  type Greeting,
  type Head,
  jsonClientFrame,
  jsonServerFrame,
  protoClientFrame,
  protoServerFrame,
  welcomeBytes,
  welcomeJson,
} from "../../contract/websocket-frame.ts";
import type { BridgeError } from "../../core/errors.ts";
import { contentOf, sharedContent } from "../frame.ts";
import type { Pieces } from "./frame.ts";

export interface Dialect {
  readonly name: string;
  readonly binary: boolean;
  /** Throws when it is no frame. */
  read(data: Buffer): ClientFrame;
  /** `word`: what JSON calls the data of this stream. The payload is not looked into, nor copied. */
  frame(head: Head, payload?: Buffer, word?: string): Pieces;
  /** A message that goes to one reader. */
  own(schema: DescMessage, message: Message): Buffer;
  /** A message that may go to many. */
  shared(schema: DescMessage, message: Message): Buffer;
  fault(error: BridgeError): Buffer;
  welcome(greeting: Greeting): Buffer;
}

const inJson = { json: true };
const inProtobuf = { json: false };

export const jsonDialect: Dialect = {
  name: "mt5bridge.v1.json",
  binary: false,
  read: (data) => jsonClientFrame(data.toString()),
  frame: (head, payload, word) => jsonServerFrame(head, word ?? head.type, payload),
  own: (schema, message) => contentOf(schema, message, inJson),
  shared: (schema, message) => sharedContent(schema, message, inJson),
  fault: (error) => Buffer.from(JSON.stringify(faultJson(error))),
  welcome: welcomeJson,
};

export const protoDialect: Dialect = {
  name: "mt5bridge.v1.proto",
  binary: true,
  read: protoClientFrame,
  frame: (head, payload) => protoServerFrame(head, payload),
  own: (schema, message) => contentOf(schema, message, inProtobuf),
  shared: (schema, message) => sharedContent(schema, message, inProtobuf),
  fault: (error) => Buffer.from(encodeStatus(statusOf(error))),
  welcome: welcomeBytes,
};
