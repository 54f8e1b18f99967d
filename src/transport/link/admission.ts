/** Whether a terminal's credential is good, and for which accounts: keys and tokens as everywhere, with a scope of their own. */
import { BridgeError } from "../../core/errors.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Authenticate } from "../authenticate.ts";

/** A credential that is good. */
export interface Admission {
  readonly name: string;
  mayServe(alias: string): boolean;
  /** Aborts when it is good no longer; the reason is a sentence. */
  readonly ended: AbortSignal;
}

const make =
  "make one with `npm run keys -- create --name terminal --scopes terminal`, and put it into the settings of the terminal's side";

/** Until `over` aborts the credential is watched. Throws a sentence for whoever sent it. */
export function admitting(authenticate: Authenticate, clock: Clock) {
  return async (peer: string, secret: string | undefined, over: AbortSignal): Promise<Admission> => {
    const given = secret === undefined || secret === "" ? undefined : `Bearer ${secret}`;
    const header = (name: string) => (name === "authorization" ? given : undefined);
    const asked = async () => authenticate({ peer, header });
    const { name, grants, expires, revoked } = await asked().catch((error: unknown) => {
      throw given === undefined
        ? new BridgeError("unauthenticated", `The terminal has sent no token: ${make}.`)
        : error;
    });
    const { terminal } = grants;
    if (terminal === undefined) {
      throw new BridgeError("permission_denied", `The token of ${name} has not the scope terminal: ${make}.`);
    }
    const end = new AbortController();
    const revoke = () => end.abort("The API key was revoked.");
    if (revoked?.aborted) revoke();
    revoked?.addEventListener("abort", revoke, { signal: over });
    if (expires !== undefined) {
      void clock.sleep(expires - clock.now(), over).then(() => end.abort("The token has expired."));
    }
    return { name, mayServe: (alias) => terminal.accounts?.includes(alias) ?? true, ended: end.signal };
  };
}
