/**
 * How an order is filled and how long it stays.
 *
 * What a strategy leaves open is chosen here from the symbol's own rules, for every terminal
 * alike, and the order says what was chosen and why. What a strategy asks for is used as it
 * stands or refused, never replaced; only the time of its end loses what no broker counts.
 */
import type { Instant } from "../model/ids.ts";
import type { Adjustment, Filling, OrderRequest, TimeInForce } from "../model/order.ts";
import type { SymbolSpec } from "../model/symbol.ts";
import { isUnnamed, type Unnamed } from "../model/unnamed.ts";
import type { OrderDraft } from "./draft.ts";
import { chosenFilling, fillingsOf, strictest } from "./filling.ts";
import { type Findings, retcodes } from "./findings.ts";

/** The last that a date of four digits can name. */
const lastMoment = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

type Terms = Pick<OrderRequest, "filling" | "timeInForce" | "expireTime" | "adjustments">;

export function termsOf(draft: OrderDraft, spec: SymbolSpec, findings: Findings): Terms {
  const adjustments: Adjustment[] = [];
  const filling = fillingIn(draft, spec, findings, adjustments);
  const timeInForce = timeInForceIn(draft, spec, adjustments);
  checkLifetime(timeInForce, draft.expireTime, spec, findings);
  const expireTime = expireTimeIn(draft, findings, adjustments);
  return {
    filling,
    timeInForce,
    ...(expireTime === undefined ? {} : { expireTime }),
    ...(adjustments.length === 0 ? {} : { adjustments }),
  };
}

/** `expireTime`: as it was asked for. */
export function checkLifetime(
  timeInForce: TimeInForce | Unnamed,
  expireTime: Instant | undefined,
  spec: SymbolSpec,
  findings: Findings,
): void {
  if (isUnnamed(timeInForce) || !spec.expirationModes.includes(timeInForce)) {
    const valid = spec.expirationModes.join(", ");
    findings.add(
      "time_in_force",
      `${spec.name} does not allow ${timeInForce}; valid are ${valid}`,
      retcodes.expiration,
    );
  }
  const timed = isTimed(timeInForce);
  if (timed && expireTime === undefined) {
    findings.add("expire_time", `required with ${timeInForce}`, retcodes.expiration);
  }
  if (!timed && expireTime !== undefined) {
    findings.add("expire_time", `only with specified and specified_day, not with ${timeInForce}`, retcodes.expiration);
  }
}

export const isTimed = (timeInForce: TimeInForce | Unnamed): boolean =>
  timeInForce === "specified" || timeInForce === "specified_day";

function fillingIn(draft: OrderDraft, spec: SymbolSpec, findings: Findings, adjustments: Adjustment[]): Filling {
  const pending = draft.type !== "market";
  if (draft.filling !== "auto") {
    checkFilling(draft.filling, pending, spec, findings);
    return draft.filling;
  }
  const used = pending ? "return" : chosenFilling(spec);
  if (used === undefined) {
    findings.add("filling", `${spec.name} fills no order in ${spec.execution} execution`, retcodes.filling);
    return "fok";
  }
  const reason = pending
    ? "a pending order rests until all of it is filled"
    : `${spec.name} fills ${fillingsOf(spec)} in ${spec.execution} execution`;
  adjustments.push({ field: "filling", asked: "auto", used, reason });
  return used;
}

function checkFilling(filling: Filling, pending: boolean, spec: SymbolSpec, findings: Findings): void {
  if (pending && filling !== "boc") return;
  const always = spec.execution === "request" || spec.execution === "instant";
  const allowed =
    filling === "return"
      ? strictest(spec) !== "market"
      : filling === "boc"
        ? pending && spec.fillingModes.includes("boc")
        : always || spec.fillingModes.includes(filling);
  if (allowed) return;
  const valid = spec.fillingModes.length === 0 ? "auto" : `auto, ${spec.fillingModes.join(", ")}`;
  findings.add("filling", `${spec.name} does not fill ${filling} here; valid are ${valid}`, retcodes.filling);
}

/** Left open: until canceled, or with a time until then; where the symbol knows no such orders, for the day. */
function timeInForceIn(draft: OrderDraft, { name, expirationModes }: SymbolSpec, adjustments: Adjustment[]) {
  if (draft.timeInForce !== undefined) return draft.timeInForce;
  const field = "time_in_force";
  if (draft.expireTime !== undefined) {
    adjustments.push({ field, asked: "", used: "specified", reason: "expire_time was given" });
    return "specified";
  }
  if (expirationModes.includes("gtc") || !expirationModes.includes("day")) return "gtc";
  const reason = `${name} has no gtc; its orders end as ${expirationModes.join(", ")}`;
  adjustments.push({ field, asked: "", used: "day", reason });
  return "day";
}

function expireTimeIn({ expireTime: asked }: OrderDraft, findings: Findings, adjustments: Adjustment[]) {
  if (asked === undefined) return undefined;
  if (asked < 0 || asked > lastMoment) {
    return findings.add("expire_time", "must be in the years 1970 to 9999", retcodes.expiration);
  }
  const used = (Math.floor(asked / 1000) * 1000) as Instant;
  if (used !== asked) {
    const reason = "MetaTrader counts in whole seconds";
    adjustments.push({ field: "expire_time", asked: dateOf(asked), used: dateOf(used), reason });
  }
  return used;
}

const dateOf = (moment: Instant): string => new Date(moment).toISOString();
