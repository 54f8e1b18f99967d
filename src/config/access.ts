/** Who may come in, and by which protection: as it was set, and what is missing there. */
import { BlockList, isIP } from "node:net";
import type { Values } from "../settings.ts";

export function accessOf(values: Values) {
  const { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile } = values;
  const tokens = {
    jwksUrl: values.JWT_JWKS_URL,
    publicKeyFile: values.JWT_PUBLIC_KEY_FILE,
    secret: values.JWT_SECRET,
    issuer: values.JWT_ISSUER,
    audience: values.JWT_AUDIENCE,
  };
  return {
    keysFile: values.API_KEYS_FILE,
    tokens: waysToCheckTokens(values).length === 0 ? undefined : Object.freeze(tokens),
    certificate: certFile === undefined || keyFile === undefined ? undefined : Object.freeze({ certFile, keyFile }),
    /** What is unset has a default that depends on who calls. */
    rates: Object.freeze({
      requests: values.RATE_LIMIT_REQUESTS,
      orders: values.RATE_LIMIT_ORDERS,
      messages: values.RATE_LIMIT_MESSAGES,
    }),
  };
}

/** Strangers come in by an address that others can reach, and by a protection that was meant but is not there. */
export function* accessGaps(values: Values): Generator<string> {
  const ways = waysToCheckTokens(values);
  const [way, another] = ways;
  if (another !== undefined) yield `${ways.join(" and ")}: set one of them, as a token is checked in one way`;
  if (way === undefined && values.JWT_ISSUER !== undefined) {
    yield "JWT_ISSUER: means nothing without JWT_JWKS_URL or JWT_PUBLIC_KEY_FILE, with which tokens are checked";
  }
  if (values.JWT_SECRET !== undefined && values.ENVIRONMENT !== "development") {
    yield `JWT_SECRET: is for ENVIRONMENT=development, not ${values.ENVIRONMENT}, as whoever checks with it could make tokens too; use JWT_JWKS_URL or JWT_PUBLIC_KEY_FILE`;
  }
  const hasTls = values.TLS_CERT_FILE !== undefined && values.TLS_KEY_FILE !== undefined;
  if (!hasTls && values.TLS_CERT_FILE !== undefined) yield "TLS_CERT_FILE: needs TLS_KEY_FILE with it";
  if (!hasTls && values.TLS_KEY_FILE !== undefined) yield "TLS_KEY_FILE: needs TLS_CERT_FILE with it";

  if (isLoopback(values.BIND_ADDRESS)) return;
  const bind = `BIND_ADDRESS=${values.BIND_ADDRESS}`;
  if (values.API_KEYS_FILE === undefined && way === undefined) {
    yield `${bind}: needs keys or tokens, because there is no authentication without and whoever reaches the port could trade: set API_KEYS_FILE (npm run keys -- create makes it), JWT_JWKS_URL or JWT_PUBLIC_KEY_FILE, or listen on 127.0.0.1`;
  }
  if (!hasTls && !values.TLS_TERMINATED_UPSTREAM) {
    yield `${bind}: needs TLS, because keys and orders could be read on the way: set TLS_CERT_FILE and TLS_KEY_FILE, or TLS_TERMINATED_UPSTREAM=true where something in front of the bridge speaks TLS`;
  }
}

type Way = "JWT_JWKS_URL" | "JWT_PUBLIC_KEY_FILE" | "JWT_SECRET";

function waysToCheckTokens(values: Values): Way[] {
  const ways: readonly Way[] = ["JWT_JWKS_URL", "JWT_PUBLIC_KEY_FILE", "JWT_SECRET"];
  return ways.filter((name) => values[name] !== undefined);
}

/** Whether nobody can reach it from another machine. */
export function isLoopback(address: string): boolean {
  const loopback = new BlockList();
  loopback.addSubnet("127.0.0.0", 8);
  loopback.addAddress("::1", "ipv6");
  return address === "localhost" || loopback.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}
