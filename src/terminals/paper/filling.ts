/** What each filling mode does when the market cannot give all of the volume. */
import type { Volume } from "../../core/model/decimals.ts";
import type { Filling } from "../../core/model/order.ts";

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
