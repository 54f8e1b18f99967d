/**
 * The last answer on a connection of HTTP/1.1, written by hand where no server has a request to answer: too many
 * connections, an upgrade that is refused, bytes that are no request.
 */
import { STATUS_CODES } from "node:http";
import { faultJson } from "../contract/json.ts";
import type { BridgeError } from "../core/errors.ts";
import { httpStatusOf, retryAfterOf } from "./http-status.ts";

export function httpRefusal(fault: BridgeError, status = httpStatusOf(fault), headers: readonly string[] = []): Buffer {
  const body = Buffer.from(JSON.stringify(faultJson(fault)));
  const retryAfter = retryAfterOf(fault);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "connection: close",
    "content-type: application/json",
    `content-length: ${body.length}`,
    ...headers,
    ...(retryAfter === undefined ? [] : [`retry-after: ${retryAfter}`]),
  ];
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]);
}
