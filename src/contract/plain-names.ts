/**
 * The names that plain HTTP has for fields of the contract, by the contract's: a caller is told of its own words.
 */
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { BridgeError } from "../core/errors.ts";
import { decodeJson, type JsonObject } from "./json.ts";
import { refused } from "./wire.ts";

export type PlainNames = Readonly<Record<string, string>>;

/** The failure in plain HTTP's names. */
export function renamed(fault: BridgeError, names: PlainNames = {}): BridgeError {
  if (fault.fault !== "invalid_argument" || fault.violations.length === 0) return fault;
  const nameOf = (field: string) => (Object.hasOwn(names, field) ? (names[field] ?? field) : field);
  return refused(fault.violations.map(({ field, description }) => ({ field: nameOf(field), description })));
}

/** As `decodeJson`, with failures in plain HTTP's names. */
export function decodePlain<D extends DescMessage>(schema: D, fields: JsonObject, names: PlainNames): MessageShape<D> {
  try {
    return decodeJson(schema, fields);
  } catch (error) {
    throw error instanceof BridgeError ? renamed(error, names) : error;
  }
}
