/**
 * Who may open a WebSocket, and what is spoken on it.
 *
 * A browser runs any page's code beside the bridge and says in `Origin` whose it is; programs send none and need no
 * leave. Browsers have no place for a credential but the subprotocols: one of them may be `bearer.<token>`. It is
 * never the one that is chosen, so one of the profiles has to be offered beside it.
 */
import type { IncomingMessage } from "node:http";
import { BridgeError } from "../../core/errors.ts";
import { bearerAmong } from "../authenticate.ts";
import { type RefusalKind, shownOrigin } from "../refusals.ts";

/** Without a subprotocol the simple profile is spoken; a browser with a token asks for it by its name. */
const profiles = ["mt5bridge.v1.json", "mt5bridge.v1.proto", "mt5bridge.v1.simple"] as const;
export type Profile = (typeof profiles)[number];

export interface Agreed {
  readonly kind: "agreed";
  readonly profile: Profile;
  /** As the header `authorization` has it. */
  readonly authorization: string | undefined;
  readonly account: string;
}

export interface Refused {
  readonly kind: "refused";
  readonly as: RefusalKind;
  readonly fault: BridgeError;
}

export type AllowsOrigin = (origin: string, host: string | undefined) => boolean;

export function agree({ headers, url = "/" }: IncomingMessage, allowsOrigin: AllowsOrigin): Agreed | Refused {
  const { origin, host } = headers;
  if (origin !== undefined && !allowsOrigin(origin, host)) {
    const message = `Pages of the origin ${shownOrigin(origin)} may not connect to the bridge.`;
    return { kind: "refused", as: "origin", fault: new BridgeError("permission_denied", message) };
  }
  const offered = (headers["sec-websocket-protocol"] ?? "")
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");
  const profile = offered.length === 0 ? "mt5bridge.v1.simple" : chosen(offered);
  if (profile === undefined) {
    const message = `Offer one of the subprotocols ${profiles.join(", ")}, or none for the simple profile.`;
    return { kind: "refused", as: "malformed", fault: new BridgeError("invalid_argument", message) };
  }
  const query = url.includes("?") ? new URLSearchParams(url.slice(url.indexOf("?"))) : undefined;
  return {
    kind: "agreed",
    profile,
    authorization: headers.authorization ?? bearerAmong(offered),
    account: query?.get("account") ?? "",
  };
}

/** The first that is known, in the client's order. */
export function chosen(offered: Iterable<string>): Profile | undefined {
  for (const one of offered) {
    const known = profiles.find((profile) => profile === one);
    if (known !== undefined) return known;
  }
  return undefined;
}
