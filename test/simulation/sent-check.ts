/** Whether what came to the broker is what was asked for, and came while it might. */
import type { OrderRequest } from "../../src/core/model/order.ts";
import type { Chronicle } from "./chronicle.ts";
import { LiveEnd } from "./live-end.ts";
import type { Scene } from "./scene.ts";
import { lasting, nameOf, text } from "./words.ts";

/** Every order as it was sent, every change one that is in the journal. */
export function sentOtherwise({ site, bridge }: Scene, chronicle: Chronicle): string[] {
  const wrong: string[] = [];
  const submitted = bridge.lives.flatMap(({ link }) => link.submitted.map(({ order }) => order));
  const sent = new Map(submitted.map(({ magic, request }) => [magic, request]));
  const changes = new Set([...chronicle.changes.values()].map(({ change }) => nameOf(change)));
  for (const command of site.passed) {
    if (command.kind !== "submit") {
      const name = nameOf(command);
      if (!changes.has(name)) wrong.push(`${name} came to the broker, and nobody has asked for it`);
      continue;
    }
    const { magic, request } = command.order;
    const asked = sent.get(magic);
    if (asked === undefined) wrong.push(`an order with magic ${magic} came to the broker, and was never sent`);
    else if (contentOf(request, asked) !== contentOf(asked, asked)) {
      wrong.push(`${asked.clientOrderId} came as ${contentOf(request, asked)}, sent as ${contentOf(asked, asked)}`);
    }
  }
  return wrong;
}

/** What has to be the same; what was left open is not. */
function contentOf(request: OrderRequest, { positionBy, filling }: OrderRequest): string {
  const { symbol, position, side, type, volume, price, stopLimitPrice, stopLoss, takeProfit, ...rest } = request;
  if (positionBy !== undefined) return text({ position, positionBy: request.positionBy });
  const { timeInForce, expireTime, deviation, comment } = lasting(rest);
  const fills = filling === "auto" ? filling : rest.filling;
  const prices = { price, stopLimitPrice, stopLoss, takeProfit };
  return text({ symbol, position, side, type, volume, ...prices, timeInForce, expireTime, deviation, comment, fills });
}

/** What both ends of a live terminal's link have noticed. */
export const overTheLink = ({ bridge, far }: Scene): string[] => [
  ...bridge.lives.flatMap(({ link }) => (link instanceof LiveEnd ? link.wrong : [])),
  ...(far?.wrong ?? []),
];
