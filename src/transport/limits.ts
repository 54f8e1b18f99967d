/**
 * The limits of a scope, held against the request: accounts, symbols, the volume of an order.
 *
 * The fields are found by their names in whatever message it is, also within a message in it, so that a new RPC is
 * held to them without a line of its own.
 *
 * Always true:
 *   - "All" never means more than the caller may have. A field left empty is filled with the one thing allowed, a
 *     list with the things allowed; where neither can be, or what is at stake is the kill switch, it has to be named.
 *   - Nobody learns from a refusal what exists: it speaks of the request and the limit only.
 */
import type { DescField, DescMessage, DescMethod, Message } from "@bufbuild/protobuf";
import type { Limits, Principal } from "../contract/principal.ts";
import type { SymbolsMeant } from "../contract/symbols-meant.ts";
import { BridgeError } from "../core/errors.ts";
import { type Rule, ruleOf } from "./scopes.ts";

/** Throws when the request goes beyond what the principal is limited to; fills in what it leaves open. */
export type HoldLimits = (principal: Principal, request: Message) => void | Promise<void>;

type Kind = "account" | "symbol" | "symbols" | "volume";

/** A field of the request, or of a message within it. */
interface Place {
  readonly kind: Kind;
  /** As clients write it. */
  readonly path: string;
  readonly above: readonly string[];
  readonly name: string;
}

// biome-ignore format: a table is read by its rows
const kinds: Readonly<Record<string, Kind>> = {
  account: "account",
  symbol:  "symbol",
  symbols: "symbols",
  add:     "symbols", // UpdateTickSubscription; what it removes was the caller's to begin with
  volume:  "volume",
};

export function limitsOf(method: DescMethod, symbolsMeant: SymbolsMeant | undefined): HoldLimits {
  const rule = ruleOf(method);
  const { scope } = rule;
  if (scope === "open" || scope === "any") return () => undefined;
  const places = [...placesIn(method.input, [], "")];
  const hold = (kind: Kind, request: Message, one: (holder: Holder, place: Place) => void) => {
    for (const place of places) {
      if (place.kind !== kind) continue;
      const holder = holderOf(request, place);
      if (holder !== undefined) one(holder, place);
    }
  };

  return (principal, request) => {
    const limits = principal.grants[scope];
    if (limits === undefined) return;
    const { accounts, symbols, maxVolume } = limits;
    if (accounts === undefined && symbols === undefined && maxVolume === undefined) return;
    const refuse = refusal(principal, scope);
    if (accounts !== undefined) {
      if (rule.everyAccount) throw refuse("accounts", accounts, `${method.name} acts on every account`);
      hold("account", request, (holder, place) => holdName(holder, place, accounts, "accounts", rule, refuse));
    }
    if (maxVolume !== undefined && !rule.closes) {
      hold("volume", request, (holder, { path, name }) => {
        if (Number(holder[name]) <= maxVolume) return;
        throw refuse("max_volume", [`${maxVolume} lots`], `${path} is ${String(holder[name])}`);
      });
    }
    if (symbols === undefined) return;
    if (rule.symbols === "every") throw refuse("symbols", symbols, `${method.name} is about every symbol`);
    if (rule.symbols === "in_request") {
      hold("symbol", request, (holder, place) => holdName(holder, place, symbols, "symbols", rule, refuse));
      hold("symbols", request, (holder, place) => holdList(holder, place, symbols, rule, refuse));
    }
    if (rule.symbols === "looked_up") return holdMeant(request, symbols, symbolsMeant, method, refuse);
  };
}

type Holder = Record<string, unknown>;
type Refuse = (limit: LimitName, allowed: readonly string[], what: string) => BridgeError;
type LimitName = keyof Limits | "max_volume";

function refusal({ name }: Principal, scope: string): Refuse {
  return (limit, allowed, what) => {
    const shown = allowed.length > 10 ? [...allowed.slice(0, 10), `${allowed.length - 10} more`] : allowed;
    const message = `${what}; the scope ${scope} of ${name} is limited to ${shown.join(", ")}.`;
    return new BridgeError("permission_denied", message, { metadata: { scope, limit } });
  };
}

function holdName(holder: Holder, place: Place, allowed: readonly string[], limit: LimitName, rule: Rule, no: Refuse) {
  const { path, name } = place;
  const value = String(holder[name] ?? "");
  const [only] = allowed;
  if (value === "" && allowed.length === 1 && rule.scope !== "admin") holder[name] = only;
  else if (value === "") throw no(limit, allowed, `${path} has to be named`);
  else if (!allowed.includes(value)) throw no(limit, allowed, `${path} is ${JSON.stringify(value)}`);
}

function holdList(holder: Holder, { path, name }: Place, allowed: readonly string[], rule: Rule, no: Refuse) {
  const values = Array.isArray(holder[name]) ? holder[name].map(String) : [];
  const other = values.find((value) => !allowed.includes(value));
  if (other !== undefined) throw no("symbols", allowed, `${path} has ${JSON.stringify(other)}`);
  if (values.length === 0 && name !== "add") {
    if (rule.scope === "admin") throw no("symbols", allowed, `${path} have to be named`);
    holder[name] = [...allowed];
  }
}

async function holdMeant(
  request: Message,
  allowed: readonly string[],
  symbolsMeant: SymbolsMeant | undefined,
  method: DescMethod,
  no: Refuse,
): Promise<void> {
  if (symbolsMeant === undefined) throw no("symbols", allowed, `${method.name} names no symbol`);
  const other = (await symbolsMeant(request)).find((symbol) => !allowed.includes(symbol));
  if (other !== undefined) throw no("symbols", allowed, "the order or position has another symbol");
}

function holderOf(request: Message, { above }: Place): Holder | undefined {
  let holder: unknown = request;
  for (const name of above) holder = (holder as Holder | undefined)?.[name];
  return holder as Holder | undefined;
}

const depthLimit = 4;

function* placesIn(schema: DescMessage, above: readonly DescField[], before: string): Iterable<Place> {
  for (const field of schema.fields) {
    const path = before + field.name;
    const kind = Object.hasOwn(kinds, field.name) ? kinds[field.name] : undefined;
    const isList = field.fieldKind === "list";
    if (kind !== undefined && field.message === undefined && isList === (kind === "symbols")) {
      yield { kind, path, above: above.map(({ localName }) => localName), name: field.localName };
    }
    const nested = field.fieldKind === "message" && field.oneof === undefined && above.length < depthLimit;
    if (nested) yield* placesIn(field.message, [...above, field], `${path}.`);
  }
}
