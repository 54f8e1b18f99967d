/** Limits, whatever races: what could be filled at the broker at any moment never goes beyond them. */
import { describe, expect, it } from "vitest";
import { lots } from "../../../src/core/model/decimals.ts";
import type { StrategyId, Ticket } from "../../../src/core/model/ids.ts";
import { cancelOrder } from "../../../src/core/orders/change-order.ts";
import { closePosition } from "../../../src/core/orders/close-position.ts";
import { readLimits } from "../../../src/core/orders/risk-limits.ts";
import { numbers } from "../../any-ticks.ts";
import { sharesOf } from "../../netting-share.ts";
import { demo } from "../../terminals/paper/builders.ts";
import { caller, type Desk, key, limit, openDesk, quiet, silence, tell } from "../desk.ts";
import { nettingTerminal, ScriptedTerminal } from "../scripted-terminal.ts";

const because = { reason: "test", by: "test" };
const most = { position: lots(0.5), orders: 6, second: 3, strategy: lots(0.2) };
const mine = 1 as StrategyId;
const behaviours = ["done", "done", "done", "late", "lost", "offline", 10004, "empty"] as const;

/** Limits for all, and a narrower one for strategy 1. */
async function limited(netting: boolean): Promise<Desk> {
  const desk = await openDesk({ terminal: netting ? nettingTerminal() : new ScriptedTerminal() });
  const limits = { maxPosition: 0.5, maxOpenOrders: most.orders, maxOrdersPerSecond: most.second };
  const set = (draft: typeof limits | { maxPosition: number }, strategyId?: StrategyId) =>
    desk.control.setLimits(
      { account: demo.alias, ...(strategyId === undefined ? {} : { strategyId }) },
      readLimits(draft, () => true),
      because,
    );
  await set(limits);
  await set({ maxPosition: 0.2 }, mine);
  return desk;
}

/** What is open at the broker in one direction, and would be if all were filled that rests there. */
function worst({ terminal }: Desk, side: "buy" | "sell", strategy?: StrategyId): number {
  const counts = (magic: bigint) => strategy === undefined || Number(magic >> 32n) === strategy;
  let sum = 0;
  for (const position of terminal.positions.values()) {
    if (position.side === side && counts(position.magic)) sum += position.volume;
  }
  for (const order of terminal.open.values()) if (order.side === side && counts(order.magic)) sum += order.remaining;
  return sum;
}

describe.each([false, true])("racing orders (netting: %s)", (netting) => {
  it("never go beyond a limit together, whatever is filled, canceled, lost or told late", async () => {
    let refused = 0;
    let filled = 0;
    for (let seed = 0; seed < 300; seed++) {
      const below = numbers(seed);
      const desk = await limited(netting);
      const { terminal, record } = desk;
      const ignore = () => undefined;
      for (let n = 0; n < 60; n++) {
        const name = `k${n}`;
        const open = [...terminal.open.keys()];
        const ticket = open[below(open.length || 1)];
        const positions = [...record.holdings.positions];
        const position = positions[below(positions.length || 1)];
        switch (below(9)) {
          case 0:
          case 1:
          case 2:
          case 3: {
            terminal.script.push(behaviours[below(behaviours.length)] ?? "done");
            const side = below(2) ? "buy" : "sell";
            const more = {
              clientOrderId: key(name),
              side,
              volume: (1 + below(3)) / 10,
              strategyId: (1 + below(2)) as StrategyId,
            } as const;
            desk.place({ ...more, ...(below(2) ? limit() : {}) }).then(({ order }) => {
              if (order.cause === "risk") refused += 1;
            }, ignore);
            break;
          }
          case 4: {
            const order = ticket === undefined ? undefined : terminal.open.get(ticket);
            if (order !== undefined && ticket !== undefined) {
              terminal.fill(ticket, below(2) && order.remaining > lots(0.05) ? lots(0.05) : undefined);
              filled += 1;
            }
            break;
          }
          case 5:
            if (ticket === undefined) break;
            if (below(2))
              cancelOrder(desk.desk, key(name), { by: "order_ticket", value: ticket }, caller()).catch(ignore);
            else terminal.end(ticket, below(2) ? "canceled" : "expired");
            break;
          case 6:
            if (position !== undefined) close(desk, name, position.ticket).catch(ignore);
            break;
          case 7:
            if (below(2)) terminal.answerLate();
            desk.clock.advance([0, 300, 1001, silence][below(4)] ?? 0);
            break;
          default:
            for (const report of terminal.unreported.splice(0, below(6))) tell(desk.desk, report).catch(ignore);
        }
        if (below(3)) await quiet();
        for (const side of ["buy", "sell"] as const) {
          expect(worst(desk, side) <= most.position, `seed ${seed}, step ${n}: ${side} ${worst(desk, side)}`).toBe(
            true,
          );
          if (!netting)
            expect(worst(desk, side, mine) <= most.strategy, `seed ${seed}, step ${n}: strategy`).toBe(true);
        }
        const own = netting ? [...sharesOf(terminal.deals, "EURUSD", mine).values()] : [];
        expect(Math.max(0, ...own) <= most.strategy, `seed ${seed}, step ${n}: strategy ${own}`).toBe(true);
        expect(terminal.open.size <= most.orders, `seed ${seed}, step ${n}: ${terminal.open.size} open`).toBe(true);
      }
      const sent = terminal.submitted.filter(({ request }) => request.position === undefined);
      const times = sent.map((order) => record.orders.byNumber(order.number)?.knownAt ?? 0);
      // On netting accounts an order without a position may only reduce: it is not held to the rule.
      for (const [i, time] of netting ? [] : times.entries()) {
        const within = times.slice(i).filter((other) => other < time + 1000).length;
        expect(within <= most.second, `seed ${seed}: ${within} orders in a second`).toBe(true);
      }
    }
    expect(Math.min(refused, filled)).toBeGreaterThan(150); // it has happened, both ways
  });
});

const close = ({ desk }: Desk, name: string, position: Ticket) =>
  closePosition(
    desk,
    {
      ...{ clientOrderId: key(name), strategyId: undefined, position, volume: undefined, price: undefined },
      ...{ filling: "auto", deviation: 0, comment: "" },
    },
    { waitFor: "answered", notAfter: undefined },
    caller(),
  );
