/**
 * Filling modes: which one an order may have, and what each does when the market
 * cannot give all of the volume.
 */
import type { Volume } from "../../core/model/decimals.ts";
import type { Filling, OrderRequest } from "../../core/model/order.ts";
import type { Execution, SymbolSpec } from "../../core/model/symbol.ts";

/** Which modes a market order may have: always, with the symbol's consent, or never. */
// biome-ignore format: a table is read by its columns
const forMarketOrders: Record<Execution, Record<Filling, "always" | "mode" | "never">> = {
  request:  { fok: "always", ioc: "always", return: "always", boc: "never" },
  instant:  { fok: "always", ioc: "always", return: "always", boc: "never" },
  market:   { fok: "mode",   ioc: "mode",   return: "never",  boc: "never" },
  exchange: { fok: "mode",   ioc: "mode",   return: "always", boc: "never" },
};

function allowed(spec: SymbolSpec, filling: Filling): boolean {
  const rule = forMarketOrders[spec.execution][filling];
  return rule === "always" || (rule === "mode" && filling !== "return" && spec.fillingModes.includes(filling));
}

/** What "auto" stands for; undefined when the symbol leaves no mode that would do. */
function chosen(spec: SymbolSpec): Filling | undefined {
  if (spec.fillingModes.includes("fok")) return "fok";
  if (spec.fillingModes.includes("ioc")) return "ioc";
  return spec.execution === "market" ? undefined : "return";
}

function pendingAllowed(spec: SymbolSpec, request: OrderRequest, filling: Filling, strict: boolean): boolean {
  if (filling === "return") return true;
  if (strict) return false;
  if (filling !== "boc") return true;
  return request.type !== "stop" && spec.execution === "exchange" && spec.fillingModes.includes("boc");
}

/** The mode the order will have, or undefined when the symbol does not support it. */
export function fillingOf(spec: SymbolSpec, request: OrderRequest, strict: boolean): Filling | undefined {
  if (request.type === "market") {
    const filling = request.filling === "auto" ? chosen(spec) : request.filling;
    return filling !== undefined && allowed(spec, filling) ? filling : undefined;
  }
  const filling = request.filling === "auto" ? "return" : request.filling;
  return pendingAllowed(spec, request, filling, strict) ? filling : undefined;
}

/** How much of `wanted` is dealt when `available` can be had, and whether the rest stays. */
export function portion(filling: Filling, wanted: Volume, available: Volume): { dealt: Volume; restStays: boolean } {
  const part = Math.min(wanted, available) as Volume;
  switch (filling) {
    case "fok":
      return { dealt: (part === wanted ? wanted : 0) as Volume, restStays: false };
    case "ioc":
      return { dealt: part, restStays: false };
    case "return":
    case "boc":
      return { dealt: part, restStays: true };
  }
}
