/**
 * Who calls.
 *
 * Keys and tokens come here, once, for every transport: each brings them as an `authorization` header, wherever its
 * peers have put them. Where neither keys nor tokens are set up the bridge listens on loopback only, which the
 * configuration sees to, and whoever can reach it is its developer.
 *
 * Always true: what a caller has sent as a credential is in no message, so that it cannot get into a log or an answer.
 */
import type { Principal } from "../contract/principal.ts";
import { BridgeError } from "../core/errors.ts";
import { keyStart } from "./api-keys.ts";

/** What a caller brought along. */
export interface Credentials {
  readonly peer: string;
  /** A header of the request by its lower-case name. */
  header(name: string): string | undefined;
}

/** Throws when the caller may not come in. */
export type Authenticate = (credentials: Credentials) => Principal | Promise<Principal>;

/** Finds out whose key or token it is, or throws `unauthenticated`. */
export interface Check {
  principalOf(secret: string): Principal | Promise<Principal>;
}

export const developer: Principal = { name: "development", grants: { read: {}, trade: {}, admin: {}, terminal: {} } };

/** Who looks whether the bridge is alive; no credential is asked of him, and nothing is granted to him. */
export const probe: Principal = { name: "probe", grants: {} };

export const everyoneIsTheDeveloper: Authenticate = () => developer;

/** The longest header that is looked at; a token with hundreds of symbols has room in it. */
const longest = 16_384;

export function authenticating(keys: Check | undefined, tokens: Check | undefined): Authenticate {
  return (credentials) => {
    const given = credentials.header("authorization");
    if (given === undefined || given === "") {
      throw unauthenticated("No credential: send the header `authorization: Bearer <API key or token>`.");
    }
    const secret = given.length > longest ? undefined : /^bearer +([\w.~+/=-]+) *$/i.exec(given)?.[1];
    if (secret === undefined) {
      throw unauthenticated("The header `authorization` must be `Bearer <API key or token>`.");
    }
    const check = secret.startsWith(keyStart) ? keys : tokens;
    if (check !== undefined) return check.principalOf(secret);
    throw unauthenticated(
      keys === undefined ? "API keys are not accepted here; send a token." : "That is no API key of this bridge.",
    );
  };
}

export function unauthenticated(message: string): BridgeError {
  return new BridgeError("unauthenticated", message);
}

/**
 * The token among the subprotocols that a browser offers, which has no other place for it:
 * `new WebSocket(url, ["mt5bridge.v1.json", "bearer.<API key or token>"])`. It is never the one that is chosen.
 */
export function bearerAmong(subprotocols: Iterable<string>): string | undefined {
  for (const offered of subprotocols) {
    if (offered.startsWith("bearer.")) return `Bearer ${offered.slice("bearer.".length)}`;
  }
  return undefined;
}
