/**
 * All that stands between strangers and the handlers, made ready from the settings: keys, tokens, rates, certificate.
 *
 * What is not asked for is not loaded: the libraries behind it would take memory from everyone who runs the bridge on
 * his own machine.
 */
import type { Clock } from "../core/ports/clock.ts";
import type { Observer } from "../core/ports/observer.ts";
import { type Authenticate, authenticating, developer, everyoneIsTheDeveloper } from "./authenticate.ts";
import { KeyRing } from "./key-ring.ts";
import type { RateOptions, Rates } from "./rates.ts";
import { Certificate, type CertificateFiles } from "./tls.ts";
import type { TokenOptions } from "./tokens.ts";

export interface AccessOptions {
  readonly keysFile?: string | undefined;
  readonly tokens?: TokenOptions | undefined;
  readonly certificate?: CertificateFiles | undefined;
  readonly rates: RateOptions;
}

export interface Access {
  readonly authenticate: Authenticate;
  /** Absent where nobody can be refused. */
  readonly rates: Rates | undefined;
  /** Absent where TLS is not used. */
  readonly certificate: Certificate | undefined;
  close(): void;
}

/** Throws a sentence when a file that was named is of no use. */
export async function openAccess(options: AccessOptions, clock: Clock, observer: Observer): Promise<Access> {
  const { keysFile, tokens: tokenOptions, certificate: files, rates: limits } = options;
  const isOpen = keysFile === undefined && tokenOptions === undefined;
  const isLimited = !isOpen || Object.values(limits).some((limit) => limit !== undefined);

  const tokens = tokenOptions && (await import("./tokens.ts")).openTokens(tokenOptions, clock, observer);
  const rates = isLimited ? (await import("./rates.ts")).ratesOf(limits, developer) : undefined;
  const keys = keysFile === undefined ? undefined : new KeyRing(keysFile, clock, observer);
  let certificate: Certificate | undefined;
  try {
    certificate = files && new Certificate(files, clock, observer);
  } catch (error) {
    keys?.close();
    throw error;
  }
  return {
    authenticate: isOpen ? everyoneIsTheDeveloper : authenticating(keys, tokens),
    rates,
    certificate,
    close() {
      keys?.close();
      certificate?.close();
    },
  };
}
