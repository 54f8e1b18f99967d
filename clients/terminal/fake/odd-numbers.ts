/** Numbers that MetaTrader's enumerations do not have, told in the place of those that they have: a broker of its own. */
import type { DescMessage } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import {
  AccountSchema,
  DealSchema,
  OrderSchema,
  PositionSchema,
  SymbolSchema,
} from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";

const schemas = {
  account: AccountSchema,
  order: OrderSchema,
  deal: DealSchema,
  position: PositionSchema,
  symbol: SymbolSchema,
} as const satisfies Readonly<Record<string, DescMessage>>;

/** What is put into each message, by the names of its fields. */
export type OddNumbers = Readonly<Partial<Record<keyof typeof schemas, Readonly<Record<string, number>>>>>;

const numeric: ReadonlySet<ScalarType> = new Set([ScalarType.INT32, ScalarType.UINT32]);

/** Of `deal.reason=42` and the like, in the names of link.proto; what is none of these is a problem. */
export function oddNumbersOf(items: readonly string[], problems: string[]): OddNumbers {
  const odd: Partial<Record<keyof typeof schemas, Record<string, number>>> = {};
  for (const item of items) {
    const [, message = "", name = "", number] = /^(\w+)\.(\w+)=(\d{1,9})$/.exec(item) ?? [];
    const kind = Object.keys(schemas).find((one) => one === message) as keyof typeof schemas | undefined;
    const field = kind && schemas[kind].fields.find((one) => one.name === name);
    if (kind === undefined || field?.scalar === undefined || !numeric.has(field.scalar)) {
      problems.push(`--tell has order.FIELD=NUMBER (or account, deal, position, symbol; see link.proto), not ${item}`);
    } else odd[kind] = { ...odd[kind], [field.localName]: Number(number) };
  }
  return odd;
}
