/** Risk limits as messages. Fields have the same names on both sides. */
import { create } from "@bufbuild/protobuf";
import {
  type RiskLimitsEntry,
  RiskLimitsEntrySchema,
  type RiskLimits as RiskLimitsMessage,
  RiskLimitsSchema,
} from "../../gen/ts/mt5bridge/v1/admin_pb.ts";
import type { LimitScope, LimitSets, LimitsDraft } from "../core/orders/risk-limits.ts";
import { timestamp } from "./times.ts";

export function limitsDraft({ $typeName: _type, $unknown: _unknown, ...limits }: RiskLimitsMessage): LimitsDraft {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}

export function limitsEntry(scope: LimitScope, sets: LimitSets): RiskLimitsEntry {
  const { tradingHours = [], allowedSymbols = [], ...numbers } = sets.of(scope);
  const set = sets.setOf(scope);
  return create(RiskLimitsEntrySchema, {
    ...scope,
    limits: create(RiskLimitsSchema, {
      ...numbers,
      allowedSymbols: [...allowedSymbols],
      tradingHours: tradingHours.map(({ text }) => text),
    }),
    configured: set?.limits === undefined,
    ...(set === undefined ? {} : { reason: set.reason, setBy: set.setBy, setTime: timestamp(set.setAt) }),
  });
}
