/** Moments and spans of time between the core (milliseconds) and the wire. */
import { create } from "@bufbuild/protobuf";
import { type Duration, DurationSchema, type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import type { Instant } from "../core/model/ids.ts";

export function timestamp(at: Instant): Timestamp {
  const seconds = Math.floor(at / 1000);
  return create(TimestampSchema, { seconds: BigInt(seconds), nanos: (at - seconds * 1000) * 1_000_000 });
}

/** Whole milliseconds; what is finer is cut off. */
export function instant(time: Timestamp): Instant {
  return (Number(time.seconds) * 1000 + Math.floor(time.nanos / 1_000_000)) as Instant;
}

export function duration(ms: number): Duration {
  const seconds = Math.trunc(ms / 1000);
  return create(DurationSchema, { seconds: BigInt(seconds), nanos: Math.round((ms - seconds * 1000) * 1_000_000) });
}

export function milliseconds(span: Duration | undefined, absent: number): number {
  return span === undefined ? absent : Number(span.seconds) * 1000 + span.nanos / 1_000_000;
}
