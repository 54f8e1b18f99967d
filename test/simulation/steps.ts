/** What a strategy does, drawn before the run, so that it is the same whatever happens. */
import type { ClientOrderId } from "../../src/core/model/ids.ts";
import type { Filling, OrderType, Side } from "../../src/core/model/order.ts";
import type { WaitFor } from "../../src/core/orders/place-order.ts";
import type { Dice } from "./dice.ts";

interface Keyed {
  readonly key: ClientOrderId;
  /** Milliseconds after the step before it. */
  readonly pause: number;
}

export type Step = Keyed &
  (
    | {
        readonly kind: "place";
        readonly symbol: string;
        readonly side: Side;
        readonly type: OrderType;
        readonly lots: number;
        /** Points from the market: where a pending order waits. */
        readonly distance: number;
        /** Points beyond the spread from the price: stop loss and take profit. */
        readonly stops: readonly [number, number] | undefined;
        readonly filling: Filling | "auto";
        /** Milliseconds until it expires. */
        readonly lifetime: number | undefined;
        readonly waitFor: WaitFor;
      }
    | { readonly kind: "cancel"; readonly of: ClientOrderId }
    | { readonly kind: "modify"; readonly of: ClientOrderId; readonly by: number }
    | { readonly kind: "protect"; readonly of: ClientOrderId; readonly distance: number }
    | { readonly kind: "close"; readonly of: ClientOrderId; readonly part: boolean }
    | { readonly kind: "close_by"; readonly of: ClientOrderId; readonly by: ClientOrderId }
    /** The same again: the key is the one of what was asked before. */
    | { readonly kind: "again" }
    /** Another order under the key of an earlier one. */
    | { readonly kind: "clash" }
  );

const key = (text: string) => text as ClientOrderId;

/** The steps of each strategy. */
export function drawSteps(dice: Dice): Step[][] {
  const strategies = dice.between(2, 3);
  const most = dice.between(4, 9);
  const placed: { key: ClientOrderId; type: OrderType }[] = [];
  const used: ClientOrderId[] = [];
  const steps: Step[][] = Array.from({ length: strategies }, () => []);
  let count = 0;
  for (let round = 0; round < most; round++) {
    for (const [strategy, list] of steps.entries()) {
      const name = key(`s${strategy}-${++count}`);
      const pause = dice.happens(0.2) ? 0 : dice.between(10, 1200);
      const step = drawStep(dice, name, pause, placed, used);
      list.push(step);
      if (step.kind === "place") placed.push({ key: name, type: step.type });
      if (step.kind !== "again" && step.kind !== "clash") used.push(name);
      // Another strategy wants the order elsewhere, at about the same time.
      if (step.kind === "modify" && dice.happens(0.4)) {
        const other = {
          ...step,
          key: key(`s${strategy}-${++count}`),
          by: dice.between(-20, 20),
          pause: dice.below(900),
        };
        steps[(strategy + 1) % strategies]?.push(other);
      }
      // Another strategy gives the very same order at the same time.
      if (dice.happens(0.12)) steps[(strategy + 1) % strategies]?.push({ ...step, pause: dice.below(30) });
    }
  }
  return steps;
}

/** Now and then: many orders of one strategy at the same moment, to the same side; each is asked for on its own. */
export function drawBurst(dice: Dice): Step[][] {
  if (!dice.happens(0.3)) return [];
  const moment = dice.between(500, 8000);
  const same = { symbol: "EURUSD", side: dice.pick(["buy", "sell"] as const), lots: dice.pick([0.05, 0.3]) };
  const type = dice.pick(["market", "market", "limit"] as const);
  return Array.from({ length: dice.between(3, 6) }, (_, i) => [
    {
      ...{ kind: "place", key: key(`burst-${i}`), pause: moment + dice.below(4), ...same, type, distance: 40 },
      ...{ stops: undefined, filling: "auto", lifetime: undefined, waitFor: "answered" },
    },
  ]);
}

function drawStep(
  dice: Dice,
  name: ClientOrderId,
  pause: number,
  placed: readonly { key: ClientOrderId; type: OrderType }[],
  used: readonly ClientOrderId[],
): Step {
  const waiting = dice.pick(placed.filter(({ type }) => type !== "market").slice(-4));
  const dealt = dice.pick(placed.filter(({ type }) => type === "market").slice(-4));
  const other = dice.pick(placed.filter(({ type }) => type === "market").slice(-4));
  const earlier = dice.pick(used);
  const draw = dice.below(20);
  if (draw < 3 && waiting) return { kind: "cancel", key: name, pause, of: waiting.key };
  if (draw < 6 && waiting) return { kind: "modify", key: name, pause, of: waiting.key, by: dice.between(-20, 20) };
  if (draw < 7 && dealt) return { kind: "protect", key: name, pause, of: dealt.key, distance: dice.between(20, 90) };
  if (draw < 9 && dealt) return { kind: "close", key: name, pause, of: dealt.key, part: dice.happens(0.3) };
  if (draw < 10 && dealt && other) return { kind: "close_by", key: name, pause, of: dealt.key, by: other.key };
  if (draw < 12 && earlier) return { kind: "again", key: earlier, pause };
  if (draw < 13 && earlier) return { kind: "clash", key: earlier, pause };
  const type = dice.pick(["market", "market", "limit", "stop", "stop_limit"] as const);
  return {
    kind: "place",
    key: name,
    pause,
    symbol: dice.pick(["EURUSD", "EURUSD", "GBPUSD"]),
    side: dice.pick(["buy", "sell"]),
    type,
    lots: dice.pick([0.01, 0.05, 0.3, 1]),
    distance: dice.between(5, 60),
    stops: dice.happens(0.5) ? [dice.between(1, 80), dice.between(1, 80)] : undefined,
    filling: dice.pick(["auto", "auto", "fok", "ioc"]),
    lifetime: type !== "market" && dice.happens(0.3) ? dice.between(500, 8000) : undefined,
    waitFor: dice.pick(["received", "sent", "answered", "answered", "final"]),
  };
}
