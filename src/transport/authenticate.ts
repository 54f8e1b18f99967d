/**
 * Who calls.
 *
 * Keys and tokens come here, once, for every transport. Until then the bridge listens on loopback only, which main
 * enforces at start, and whoever can reach it is its developer.
 */
import type { Principal } from "../contract/service.ts";

/** What a caller brought along. */
export interface Credentials {
  readonly peer: string;
  /** A header of the request by its lower-case name. */
  header(name: string): string | undefined;
}

/** Throws when the caller may not come in. */
export type Authenticate = (credentials: Credentials) => Principal | Promise<Principal>;

const developer: Principal = { name: "development" };

export const everyoneIsTheDeveloper: Authenticate = () => developer;
