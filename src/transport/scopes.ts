/**
 * Which RPC needs which scope, in one table; and how its limits are held and its calls are counted.
 *
 * Always true:
 *   - An RPC without a row needs `admin`: what nobody has thought about is not open to everybody.
 *   - What makes a risk smaller is never refused for rate: canceling, closing, the kill switch.
 */
import type { DescMethod } from "@bufbuild/protobuf";
import type { Principal, Scope } from "../contract/principal.ts";
import { BridgeError } from "../core/errors.ts";

export interface Rule {
  /** `open`: no credential is asked for. `any`: a credential is, whatever its scopes. No RPC is a terminal's. */
  readonly scope: Exclude<Scope, "terminal"> | "open" | "any";
  /** What it counts as. */
  readonly rate: "requests" | "orders" | "never";
  /**
   * Where the symbols are on which it acts: in the request; looked up, as the request names an order or a position;
   * `every`, which nobody may do who is limited to some; or none, as it is not about symbols.
   */
  readonly symbols: "in_request" | "looked_up" | "every" | "none";
  /** It is about all accounts, and nobody may do that who is limited to some. */
  readonly everyAccount?: true;
  /** A maximum volume does not hold back what ends a position. */
  readonly closes?: true;
  /** The field that, where it is set, makes it end a position: then it is not refused for rate. */
  readonly closesWith?: string;
}

const read = { scope: "read", rate: "requests", symbols: "none" } as const;
const readSymbols = { scope: "read", rate: "requests", symbols: "in_request" } as const;
const readNamed = { scope: "read", rate: "requests", symbols: "looked_up" } as const;
const readEvery = { scope: "read", rate: "requests", symbols: "every" } as const;
const order = { scope: "trade", rate: "orders", symbols: "in_request" } as const;
const change = { scope: "trade", rate: "orders", symbols: "looked_up" } as const;
const cancel = { scope: "trade", rate: "never", symbols: "looked_up" } as const;
const close = { ...cancel, closes: true } as const;
const open = { scope: "open", rate: "never", symbols: "none" } as const;
const anyone = { scope: "any", rate: "requests", symbols: "none" } as const;

// biome-ignore format: a table is read by its rows
export const rules: Readonly<Record<string, Rule>> = {
  "mt5bridge.v1.AccountService.GetAccount":             read,
  "mt5bridge.v1.AccountService.ListAccounts":           read, // names only those that the caller may see
  "mt5bridge.v1.AccountService.ListPositions":          readSymbols,
  "mt5bridge.v1.AccountService.StreamAccount":          readEvery,
  "mt5bridge.v1.TicksService.StreamTicks":              readSymbols,
  "mt5bridge.v1.TicksService.UpdateTickSubscription":   readSymbols,
  "mt5bridge.v1.TicksService.GetLatestTicks":           readSymbols,
  "mt5bridge.v1.TicksService.ListTicks":                readSymbols,
  "mt5bridge.v1.TicksService.ListBars":                 readSymbols,
  "mt5bridge.v1.TicksService.StreamBars":               readSymbols,
  "mt5bridge.v1.TicksService.ListSymbols":              read,
  "mt5bridge.v1.TicksService.GetSymbol":                readSymbols,
  "mt5bridge.v1.OrdersService.PlaceOrder":              { ...order, closesWith: "positionTicket" },
  "mt5bridge.v1.OrdersService.CheckOrder":              readSymbols,
  "mt5bridge.v1.OrdersService.ModifyOrder":             change,
  "mt5bridge.v1.OrdersService.CancelOrder":             cancel,
  "mt5bridge.v1.OrdersService.ClosePosition":           close,
  "mt5bridge.v1.OrdersService.ClosePositionBy":         close,
  "mt5bridge.v1.OrdersService.ModifyPosition":          change,
  "mt5bridge.v1.OrdersService.GetOrder":                readNamed,
  "mt5bridge.v1.OrdersService.ListOrders":              readSymbols,
  "mt5bridge.v1.OrdersService.ListDeals":               readSymbols,
  "mt5bridge.v1.OrdersService.StreamOrders":            readSymbols,
  "mt5bridge.v1.HealthService.GetHealth":               read,
  "mt5bridge.v1.HealthService.WatchHealth":             read,
  "mt5bridge.v1.AdminService.GetTradingMode":           read,
  "mt5bridge.v1.AdminService.SetTradingMode":           { scope: "admin", rate: "never", symbols: "in_request" },
  "mt5bridge.v1.AdminService.GetRiskLimits":            read,
  "mt5bridge.v1.AdminService.SetRiskLimits":            { scope: "admin", rate: "never", symbols: "every" },
  "mt5bridge.v1.AdminService.ConnectTerminal":          { scope: "admin", rate: "never", symbols: "every" },
  "mt5bridge.v1.AdminService.Drain":                    { scope: "admin", rate: "never", symbols: "every", everyAccount: true },
  "grpc.health.v1.Health.Check":                        open,
  "grpc.health.v1.Health.List":                         open,
  "grpc.health.v1.Health.Watch":                        open,
  "grpc.reflection.v1.ServerReflection.ServerReflectionInfo":      anyone,
  "grpc.reflection.v1alpha.ServerReflection.ServerReflectionInfo": anyone,
};

const unthoughtOf: Rule = { scope: "admin", rate: "requests", symbols: "every", everyAccount: true };

export const nameOfMethod = (method: DescMethod): string => `${method.parent.typeName}.${method.name}`;

const found = new WeakMap<DescMethod, Rule>();

/** Asked several times for every call, so a method's row is looked for once. */
export function ruleOf(method: DescMethod): Rule {
  let rule = found.get(method);
  if (rule === undefined) {
    const name = nameOfMethod(method);
    rule = (Object.hasOwn(rules, name) ? rules[name] : undefined) ?? unthoughtOf;
    found.set(method, rule);
  }
  return rule;
}

/** Throws when the principal lacks the scope that the RPC needs. */
export function refuseWithoutScope(principal: Principal, method: DescMethod): void {
  const { scope } = ruleOf(method);
  if (scope === "open" || scope === "any" || principal.grants[scope] !== undefined) return;
  const has = Object.keys(principal.grants).join(", ");
  const message = `${method.name} needs the scope ${scope}; ${principal.name} has ${has === "" ? "none" : has}.`;
  throw new BridgeError("permission_denied", message, { metadata: { scope } });
}
