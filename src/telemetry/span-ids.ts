/** The names of spans and traces: hexadecimal digits, 16 and 32 of them. */
import { randomFillSync } from "node:crypto";

const order = Buffer.alloc(8);

/** The trace's id and the order's, mixed: two orders of one trace differ, and a restart changes nothing. */
export function orderSpanId(traceId: string, id: string): string {
  let [high, low] = [0x811c9dc5, 0x01000193];
  for (const text of [traceId, id]) {
    for (let i = 0; i < text.length; i++) {
      high = Math.imul(high ^ text.charCodeAt(i), 0x01000193);
      low = Math.imul(low ^ text.charCodeAt(i), 0x85ebca6b) ^ high;
    }
  }
  order.writeInt32BE(high, 0);
  order.writeInt32BE(low || 1, 4); // all zeros would be none
  return order.toString("hex");
}

/** Chance is drawn in blocks: asking for a few bytes at a time costs more than all the rest. */
const chance = Buffer.alloc(16 * 512);
let used = chance.length;

function digits(bytes: number): string {
  if (used + bytes > chance.length) {
    randomFillSync(chance);
    used = 0;
  }
  used += bytes;
  return chance.toString("hex", used - bytes, used);
}

export const newSpanId = (): string => digits(8);
export const newTraceId = (): string => digits(16);
