/**
 * Tokens of somebody else's making: JSON Web Tokens, checked with `jose`.
 *
 * Always true:
 *   - A token is good for this bridge (audience), has a subject and an end. The last two are asked for because without
 *     them nobody could tell who traded, or ever take the token back.
 *   - The algorithm is not the token's to choose: it follows from the key. A public key is never taken for a shared
 *     secret, and "none" is no algorithm.
 *   - What a token says about scopes and limits is understood in full, or the token is refused: a misspelled limit
 *     must not count as none.
 */
import { createPublicKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import { z } from "zod";
import { type Grants, type Limits, type Principal, scopes } from "../contract/principal.ts";
import { BridgeError } from "../core/errors.ts";
import type { Instant } from "../core/model/ids.ts";
import type { Clock } from "../core/ports/clock.ts";
import type { Observer } from "../core/ports/observer.ts";
import { limitsSchema } from "./api-keys.ts";
import { type Check, unauthenticated } from "./authenticate.ts";

/** Where the key comes from: one of the three. */
export interface TokenOptions {
  readonly jwksUrl?: string | undefined;
  readonly publicKeyFile?: string | undefined;
  /** Whoever can check with it can also make tokens: for development. */
  readonly secret?: string | undefined;
  readonly issuer?: string | undefined;
  readonly audience: string;
}

const signatures = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];
/** How far clocks may be apart. */
const toleranceSeconds = 5;

export function openTokens(options: TokenOptions, clock: Clock, observer: Observer): Check {
  const { key, algorithms } = keyOf(options);
  const { issuer, audience } = options;
  return {
    async principalOf(token) {
      try {
        const { payload } = await jwtVerify(token, key, {
          algorithms,
          audience,
          ...(issuer === undefined ? {} : { issuer }),
          requiredClaims: ["sub", "exp"],
          clockTolerance: toleranceSeconds,
          currentDate: new Date(clock.now()),
        });
        return principalFrom(payload);
      } catch (error) {
        throw refusal(error, observer);
      }
    },
  };
}

function keyOf({ jwksUrl, publicKeyFile, secret }: TokenOptions): { key: JWTVerifyGetKey; algorithms: string[] } {
  if (jwksUrl !== undefined) return { key: createRemoteJWKSet(new URL(jwksUrl)), algorithms: signatures };
  if (publicKeyFile !== undefined) {
    const key = publicKeyFrom(publicKeyFile);
    return { key: async () => key, algorithms: algorithmsOf(key, publicKeyFile) };
  }
  const bytes = Buffer.from(secret ?? "");
  if (bytes.length < 32) throw new Error("the shared secret for tokens must have at least 32 bytes");
  return { key: async () => bytes, algorithms: ["HS256"] };
}

function publicKeyFrom(path: string): KeyObject {
  try {
    return createPublicKey(readFileSync(path));
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    throw new Error(code === "ENOENT" ? `${path} is not there` : `${path} is no public key (PEM)`);
  }
}

function algorithmsOf({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject, path: string): string[] {
  const curves: Record<string, string> = { prime256v1: "ES256", secp384r1: "ES384", secp521r1: "ES512" };
  const curve = curves[details?.namedCurve ?? ""];
  if (type === "rsa") return signatures.filter((name) => /^[RP]S/.test(name));
  if (type === "ec" && curve !== undefined) return [curve];
  if (type === "ed25519") return ["EdDSA", "Ed25519"];
  throw new Error(`${path} is a key of a kind that signs no tokens: RSA, EC (P-256, P-384, P-521) or Ed25519`);
}

const names = z.union([z.string().transform((one) => one.split(/[\s,]+/).filter(Boolean)), z.array(z.string())]);

/** `scope` (or `scopes`), and limits: at the top for every scope, under `limits` for one. */
const claims = z.object({
  sub: z.string().min(1).max(128),
  exp: z.number(),
  scope: names.optional(),
  scopes: names.optional(),
  accounts: names.pipe(limitsSchema.shape.accounts.unwrap()).optional(),
  symbols: names.pipe(limitsSchema.shape.symbols.unwrap()).optional(),
  max_volume: limitsSchema.shape.maxVolume,
  limits: z
    .partialRecord(
      z.enum(scopes),
      z.strictObject({
        accounts: limitsSchema.shape.accounts,
        symbols: limitsSchema.shape.symbols,
        max_volume: limitsSchema.shape.maxVolume,
      }),
    )
    .optional(),
});

/** Scopes of other services are left out: a token may be good for several. */
function principalFrom(payload: JWTPayload): Principal {
  const parsed = claims.safeParse(payload);
  if (!parsed.success) {
    const claim = parsed.error.issues[0]?.path.join(".");
    throw unauthenticated(`The token's claim ${JSON.stringify(claim)} is not what it must be.`);
  }
  const {
    sub,
    exp,
    scope = [],
    scopes: more = [],
    accounts,
    symbols,
    max_volume: maxVolume,
    limits = {},
  } = parsed.data;
  const granted = scopes.filter((name) => scope.includes(name) || more.includes(name));
  const grants: Grants = Object.fromEntries(
    granted.map((name): [string, Limits] => {
      const own = limits[name];
      return [
        name,
        {
          accounts: own?.accounts ?? accounts,
          symbols: own?.symbols ?? symbols,
          maxVolume: own?.max_volume ?? maxVolume,
        },
      ];
    }),
  );
  return { name: `token:${sub}`, grants, expires: (exp * 1_000) as Instant };
}

/** In our words: a library's might show what the token says. */
function refusal(error: unknown, observer: Observer): BridgeError {
  if (error instanceof BridgeError) return error;
  if (error instanceof errors.JWTExpired) return unauthenticated("The token has expired.");
  if (error instanceof errors.JWTClaimValidationFailed) {
    return unauthenticated(`The token's claim ${JSON.stringify(error.claim)} is not what it must be.`);
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) return unauthenticated("The token's signature is wrong.");
  if (error instanceof errors.JOSEAlgNotAllowed) return unauthenticated("The token's algorithm is not accepted.");
  if (error instanceof errors.JWKSNoMatchingKey) return unauthenticated("The token is signed with a key not known.");
  const damaged = error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid;
  if (damaged) return unauthenticated("That is neither an API key nor a token.");
  const reason = error instanceof errors.JOSEError ? error.code : "the keys cannot be fetched";
  observer.note("error", "access", "A token could not be checked", { reason, url: "JWT_JWKS_URL" });
  const message = "The token could not be checked, as the issuer's keys are not at hand; try again in a moment.";
  return new BridgeError("unauthenticated", message, { retryAfterMs: 1_000 });
}
