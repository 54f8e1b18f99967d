/**
 * Who calls, and what he may do.
 *
 * A scope that is not named is not granted, and none includes another: a key that trades reads nothing unless it may
 * read. Each scope has limits of its own, so that a strategy can watch everything and trade one symbol.
 */
import type { Instant } from "../core/model/ids.ts";

export const scopes = ["read", "trade", "admin", "terminal"] as const;
export type Scope = (typeof scopes)[number];

/** What a scope is limited to; what is not named is not limited. */
export interface Limits {
  readonly accounts?: readonly string[] | undefined;
  readonly symbols?: readonly string[] | undefined;
  /** Lots of one order. */
  readonly maxVolume?: number | undefined;
}

export type Grants = Readonly<Partial<Record<Scope, Limits | undefined>>>;

export interface Principal {
  /** Names the caller in logs and counts its calls: no two principals share one. */
  readonly name: string;
  readonly grants: Grants;
  /** From then on its token is worth nothing, and its streams end. */
  readonly expires?: Instant;
  /** Aborts when its key is taken back; its streams end. */
  readonly revoked?: AbortSignal;
}

/** As whoever closes positions: he may look at what he may trade, and at nothing else that he could not see before. */
export function closing(principal: Principal): Principal {
  const { grants } = principal;
  return grants.trade === undefined ? principal : { ...principal, grants: { ...grants, read: grants.trade } };
}

/** Whether the principal may read of that account. */
export function mayReadOf({ grants }: Principal, account: string): boolean {
  return grants.read !== undefined && (grants.read.accounts?.includes(account) ?? true);
}

/** Whether the principal may read of that symbol. */
export function mayReadSymbol({ grants }: Principal, symbol: string): boolean {
  return grants.read !== undefined && (grants.read.symbols?.includes(symbol) ?? true);
}
