import type { Tick } from "../model/tick.ts";

/** Ticks on their way to copies of the hub elsewhere. */
export interface Broadcast {
  /** Never waits. */
  publish(ticks: readonly Tick[]): void;
  /** Resolves when every copy has taken what came, and its lossless readers have room. */
  room(): Promise<void>;
}
