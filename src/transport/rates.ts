/**
 * How often each principal may call.
 *
 * Orders are counted apart, so that reading much never stands in the way of trading. What makes a risk smaller is not
 * counted at all, not even as a message.
 *
 * The developer has no limit unless one is set: nothing was agreed with him.
 */
import type { DescMethod, Message } from "@bufbuild/protobuf";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import type { Principal } from "../contract/principal.ts";
import { BridgeError } from "../core/errors.ts";
import { type Rule, ruleOf } from "./scopes.ts";

/** What is not given is the default for everybody but the developer. */
export interface RateOptions {
  /** A minute. */
  readonly requests?: number | undefined;
  /** A minute. */
  readonly orders?: number | undefined;
  /** WebSocket messages a second. */
  readonly messages?: number | undefined;
}

export interface Rates {
  /** Counts a call. Throws `quota_exceeded` when there were too many. */
  call(principal: Principal, method: DescMethod, request?: Reader): Promise<void>;
  /** Counts a WebSocket message, before anything is done for it; `method` is what it calls, where it calls. */
  message(principal: Principal, method?: DescMethod, request?: Reader): Promise<void>;
}

/** Reads the request. It is asked only where too many have come: whether this one ends a position. */
export type Reader = () => Message;

// biome-ignore format: a table is read by its rows
const defaults = {
  requests: { points: 1_000, seconds: 60, words: "requests a minute" },
  orders:   { points: 1_000, seconds: 60, words: "orders a minute" },
  messages: { points: 100,   seconds: 1,  words: "messages a second" },
} as const;

type Quota = keyof typeof defaults;

/** `unlimited` is the principal without limits of its own. */
export function ratesOf(options: RateOptions, unlimited: Principal): Rates {
  const limiters = {
    requests: limiter("requests", options),
    orders: limiter("orders", options),
    messages: limiter("messages", options),
  };
  const take = async (principal: Principal, quota: Quota, closes: () => boolean): Promise<void> => {
    if (principal.name === unlimited.name && options[quota] === undefined) return;
    try {
      await limiters[quota].consume(principal.name);
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw refused;
      if (!closes()) throw tooMany(quota, limiters[quota].points, refused.msBeforeNext);
    }
  };
  return {
    async call(principal, method, request) {
      const rule = ruleOf(method);
      if (rule.rate !== "never") await take(principal, rule.rate, () => closes(rule, request));
    },
    async message(principal, method, request) {
      const rule = method && ruleOf(method);
      if (rule?.rate !== "never") await take(principal, "messages", () => closes(rule, request));
    },
  };
}

/** Whether the request says that it ends a position. One that cannot be read does not. */
function closes(rule: Rule | undefined, request: Reader | undefined): boolean {
  if (rule?.closesWith === undefined || request === undefined) return false;
  try {
    return Boolean((request() as Message & Record<string, unknown>)[rule.closesWith]);
  } catch {
    return false;
  }
}

function limiter(quota: Quota, options: RateOptions): RateLimiterMemory {
  const { points, seconds } = defaults[quota];
  return new RateLimiterMemory({ points: options[quota] ?? points, duration: seconds });
}

function tooMany(quota: Quota, limit: number, waitMs: number): BridgeError {
  const message = `More than ${limit} ${defaults[quota].words}; wait ${Math.max(1, Math.ceil(waitMs))} ms.`;
  return new BridgeError("quota_exceeded", message, {
    metadata: { quota, limit: String(limit) },
    retryAfterMs: Math.max(1, waitMs),
  });
}
