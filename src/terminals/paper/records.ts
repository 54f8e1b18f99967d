/** Orders and positions as the paper broker keeps them: it uses no words but those of the bridge. */
import type { TerminalOrder as AnyOrder } from "../../core/model/order.ts";
import type { Position as AnyPosition } from "../../core/model/position.ts";
import type { Named } from "../../core/model/unnamed.ts";

export type TerminalOrder = Named<AnyOrder>;
export type Position = Named<AnyPosition>;
