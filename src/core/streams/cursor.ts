/** Where a reader stands: what it hands back to go on behind it. */
export interface Cursor {
  readonly epoch: string;
  readonly sequence: number;
}

export type ResetReason = "epoch_changed" | "too_old" | "in_the_future";

/** Why a stream cannot go on behind `after`, or undefined when it can. */
export function resetReason(after: Cursor, now: Cursor, oldest: number): ResetReason | undefined {
  if (after.epoch !== now.epoch) return "epoch_changed";
  if (after.sequence > now.sequence) return "in_the_future";
  if (after.sequence < oldest) return "too_old";
  return undefined;
}

export const resetMessage: Readonly<Record<ResetReason, string>> = {
  epoch_changed: "the cursor belongs to another epoch; the numbering began anew",
  too_old: "what followed the cursor is no longer kept",
  in_the_future: "the cursor lies ahead of everything that has happened",
};
