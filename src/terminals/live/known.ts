/**
 * What is known of a terminal without asking it: its account, its symbols, its clock.
 *
 * Kept from one run of the bridge to the next, so that an account is served from the start
 * though its terminal is not there. As text; what cannot be read is not known.
 */
import { fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import {
  type Account,
  AccountSchema,
  type Symbol as Symbol_,
  SymbolsSchema,
} from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import type { ZoneMemory } from "./broker-zone.ts";

export interface Known {
  readonly account: Account;
  /** In the terminal's own words. */
  readonly symbols: readonly Symbol_[];
  readonly zone: ZoneMemory;
}

const format = 1;

export function textOfKnown({ account, symbols, zone }: Known): string {
  const told = toJson(SymbolsSchema, {
    $typeName: "mt5bridge.terminal.v1.Symbols",
    symbols: [...symbols],
    unknown: [],
  });
  return JSON.stringify({ format, account: toJson(AccountSchema, account), symbols: told, zone });
}

export function knownFrom(text: string): Known | undefined {
  try {
    const read = JSON.parse(text) as Readonly<Record<string, JsonValue>> & { readonly zone: unknown };
    if (read["format"] !== format || !isZone(read.zone)) return undefined;
    const account = fromJson(AccountSchema, read["account"] as JsonValue);
    const { symbols } = fromJson(SymbolsSchema, read["symbols"] as JsonValue);
    return account.fingerprint === undefined ? undefined : { account, symbols, zone: read.zone };
  } catch {
    return undefined; // half written, or by another hand: the terminal tells it again
  }
}

function isZone(zone: unknown): zone is ZoneMemory {
  const { segments, newYork } = (zone ?? {}) as Partial<ZoneMemory>;
  if (!Array.isArray(segments) || typeof newYork !== "boolean") return false;
  return segments.every(({ from, offset }) => Number.isFinite(from) && Number.isFinite(offset));
}
