/** Messages by chance: every field of every type, with the values that wire formats stumble over among them. */
import { create, type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import type { Chance } from "../../src/core/ports/chance.ts";

const below = (chance: Chance, limit: number): number => Math.floor(chance.next() * limit);
const pick = <T>(chance: Chance, from: readonly T[]): T => from[below(chance, from.length)] as T;

const texts = ["EURUSD", "a", "", "ß", "€ ünd 日本", "😀 pair", "\u007f\u0080\u07ff\u0800\uffff\u{10000}\u{10ffff}"];
const doubles = [0, -0, 1, -1.5, 1.1, Number.MAX_VALUE, Number.MIN_VALUE, Number.NaN, Infinity, -Infinity, 1e-300];

/** Around the powers of two, where the number of bytes changes. */
function whole(chance: Chance, bits: number, signed: boolean): bigint {
  const size = BigInt(below(chance, bits + 1));
  const near = (1n << size) + BigInt(below(chance, 5) - 2);
  const value = chance.next() < 0.5 ? near : -near;
  return signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
}

function scalar(chance: Chance, type: ScalarType): unknown {
  switch (type) {
    case ScalarType.DOUBLE:
      return chance.next() < 0.4 ? pick(chance, doubles) : (chance.next() - 0.5) * 10 ** below(chance, 12);
    case ScalarType.FLOAT:
      return Math.fround(chance.next() < 0.4 ? pick(chance, [0, -0, 1.5, Infinity, Number.NaN]) : chance.next() * 1000);
    case ScalarType.BOOL:
      return chance.next() < 0.5;
    case ScalarType.STRING:
      return pick(chance, texts).repeat(chance.next() < 0.05 ? 40 : 1);
    case ScalarType.BYTES:
      return Uint8Array.from({ length: below(chance, 200) }, () => below(chance, 256));
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return whole(chance, 64, true);
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return whole(chance, 64, false);
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return Number(whole(chance, 32, false));
    default:
      return Number(whole(chance, 32, true));
  }
}

function value(chance: Chance, field: DescField, depth: number): unknown {
  if (field.message !== undefined) return reflect(field.message, chanceMessage(chance, field.message, depth + 1));
  if (field.enum === undefined) return scalar(chance, field.scalar as ScalarType);
  // Numbers that no one has heard of are kept.
  return chance.next() < 0.7 ? pick(chance, field.enum.values).number : Number(whole(chance, 32, true));
}

/** Most lists are short, some are longer than one byte can say, a few longer than two can. */
function length(chance: Chance, field: DescField, depth: number): number {
  const much = chance.next();
  if (field.message !== undefined || depth > 0) return below(chance, 4);
  return much < 0.9 ? below(chance, 6) : much < 0.99 ? below(chance, 200) : below(chance, 3000);
}

function set(chance: Chance, into: ReflectMessage, field: DescField, depth: number): void {
  if (field.fieldKind === "list") {
    const list = into.get(field);
    for (let more = length(chance, field, depth); more > 0; more--) list.add(value(chance, field, depth));
  } else into.set(field, value(chance, field, depth));
}

export function chanceMessage(chance: Chance, desc: DescMessage, depth = 0): Message {
  const into = reflect(desc, create(desc));
  const often = chance.next();
  for (const field of desc.fields) {
    if (field.oneof === undefined && chance.next() < often) set(chance, into, field, depth);
  }
  for (const oneof of desc.oneofs) {
    if (chance.next() < 0.9) set(chance, into, pick(chance, oneof.fields), depth);
  }
  return into.message;
}
