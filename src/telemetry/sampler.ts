/**
 * Which traces are recorded, by OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG.
 *
 * Decided once, where a trace enters the bridge; all that belongs to it follows.
 */
import type { CallerTrace } from "../core/ports/witness.ts";

/** Whether to record the trace. `caller` is what the caller says of it. */
export type Sampler = (traceId: string, caller: CallerTrace | undefined) => boolean;

const roots: Readonly<Record<string, (argument: string | undefined) => Sampler>> = {
  always_on: () => () => true,
  always_off: () => () => false,
  traceidratio: byRatio,
};

/** As OpenTelemetry has it by default: as the caller does, and all traces that begin here. */
export function samplerOf(name = "parentbased_always_on", argument?: string): Sampler {
  const begins = roots[name];
  if (begins !== undefined) return begins(argument);
  const root = roots[name.replace(/^parentbased_/, "")]?.(argument);
  if (root === undefined) throw new Error(`OTEL_TRACES_SAMPLER=${name}: there is no such sampler`);
  return (traceId, caller) => caller?.sampled ?? root(traceId, caller);
}

/** A share of all traces: the id itself decides, by the arithmetic of OpenTelemetry's SDK, whose package would cost 20 MB. */
function byRatio(argument: string | undefined): Sampler {
  const ratio = argument === undefined || argument === "" ? 1 : Number(argument);
  if (!(ratio >= 0 && ratio <= 1)) {
    throw new Error(`OTEL_TRACES_SAMPLER_ARG=${argument}: must be a number from 0 to 1`);
  }
  const bound = ratio === 1 ? 2 ** 32 : Math.floor(ratio * (2 ** 32 - 1));
  const part = (traceId: string, at: number) => Number.parseInt(traceId.slice(at, at + 8), 16);
  return (id) => (part(id, 0) ^ part(id, 8) ^ part(id, 16) ^ part(id, 24)) >>> 0 < bound;
}
