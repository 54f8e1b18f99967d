/** From the acknowledgement of a kill switch on, nothing leaves that opens or grows a position. */
import { orderNumberOf } from "../../src/core/model/ids.ts";
import type { NumberedOrder } from "../../src/core/model/order.ts";
import type { Hold } from "./operator.ts";
import type { Scene } from "./scene.ts";

export function sentInSpite(scene: Scene): string[] {
  const { bridge, operator } = scene;
  const wrong: string[] = [];
  const holds = [
    ...operator.holds.map((hold) => ({ ...hold, until: Math.min(hold.until, operator.easedAfter(hold.from)) })),
    ...haltedByDamage(scene),
  ];
  for (const { link } of bridge.lives) {
    for (const { order, at } of link.submitted) {
      const { symbol, clientOrderId } = order.request;
      const hold = holds.find(
        (one) => (one.symbol ?? symbol) === symbol && at > one.from && at < one.until && !isAllowed(scene, one, order),
      );
      if (hold !== undefined) wrong.push(`${clientOrderId} left at ${at} ms, while trading was ${hold.mode}`);
    }
  }
  return wrong;
}

/** A life that began with a damaged decision trades only when somebody has looked. */
function haltedByDamage({ bridge, disk, operator }: Scene): Hold[] {
  const life = bridge.lives.find(({ bornAt, servedAt = 0 }) => disk.damagedAt >= bornAt && disk.damagedAt <= servedAt);
  if (life === undefined) return [];
  const until = operator.eases.find(({ damagedAt }) => damagedAt === disk.damagedAt)?.at ?? Number.POSITIVE_INFINITY;
  return [{ symbol: undefined, mode: "halted", from: disk.damagedAt, until }];
}

function isAllowed(scene: Scene, { mode }: Hold, { number, request }: NumberedOrder): boolean {
  if (mode !== "reduce_only") return false;
  const { broker, limits } = scene;
  if (broker.account.marginMode === "hedging") return request.position !== undefined;
  if (request.type !== "market") return false;
  // What somebody else has dealt meanwhile the bridge could not know: it may have turned a close into an opening.
  if (limits.touched.has(request.symbol)) return true;
  return broker.books.deals.every(({ magic, entry }) => orderNumberOf(magic) !== number || entry === "out");
}
