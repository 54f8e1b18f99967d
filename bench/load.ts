/** One call, again and again: so many at once, or so many a second. */
import { Latencies, type Spread } from "./latencies.ts";

/** So many calls at once; or so many a second, however long answers take. */
export type Pace = { readonly inFlight: number } | { readonly perSecond: number };

export const nameOfPace = (pace: Pace): string =>
  "inFlight" in pace ? `${pace.inFlight} in flight` : `${pace.perSecond} a second`;

export interface Load {
  readonly pace: Pace;
  readonly warmMs: number;
  readonly measureMs: number;
}

export interface Answered extends Spread {
  readonly perSecond: number;
  /** Answers that were not what they should be. */
  readonly wrong: number;
}

/** `call` resolves with whether the answer was right; `warm` is told when the time to warm up, if there is any, is over. */
export async function load(
  call: () => Promise<boolean>,
  { pace, warmMs, measureMs }: Load,
  warm: () => void,
): Promise<Answered> {
  const latencies = new Latencies();
  const start = performance.now() + warmMs;
  const end = start + measureMs;
  let wrong = 0;
  let finished = 0;
  if (warmMs > 0) setTimeout(warm, warmMs);

  /** `since` is when the call was due. */
  const one = async (since: number) => {
    const right = await call();
    const now = performance.now();
    if (since < start) return;
    if (!right) wrong++;
    latencies.add(now - since);
    if (now <= end) finished++;
  };

  if ("inFlight" in pace) {
    const lane = async () => {
      while (performance.now() < end) await one(performance.now());
    };
    await Promise.all(Array.from({ length: pace.inFlight }, lane));
  } else {
    const gap = 1000 / pace.perSecond;
    const calls: Promise<void>[] = [];
    await new Promise<void>((resolve) => {
      let due = performance.now();
      const send = () => {
        for (; due <= performance.now() && due < end; due += gap) calls.push(one(due));
        if (due >= end) resolve();
        else setTimeout(send, Math.max(0, due - performance.now()));
      };
      send();
    });
    await Promise.all(calls);
  }
  return { ...latencies.spread, wrong, perSecond: (finished * 1000) / measureMs };
}
