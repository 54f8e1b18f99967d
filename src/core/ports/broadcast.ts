import type { Tick } from "../model/tick.ts";
import type { TickRows } from "../model/tick-rows.ts";

/** Ticks on their way to copies of the hub elsewhere. */
export interface Broadcast {
  /** Never waits. */
  publish(ticks: TickRows<Tick>): void;
  /** Resolves when every copy has taken what came, and its lossless readers have room. */
  room(): Promise<void>;
}
