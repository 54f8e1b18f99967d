import { describe, expect, it } from "vitest";
import type { DeadManAction } from "../../../src/core/control/armings.ts";
import { lots } from "../../../src/core/model/decimals.ts";
import type { StrategyId } from "../../../src/core/model/ids.ts";
import { streamOrders } from "../../../src/core/orders/stream-orders.ts";
import type { Outcome } from "../../../src/core/ports/terminal.ts";
import { numbers } from "../../any-ticks.ts";
import { demo } from "../../terminals/paper/builders.ts";
import { type Desk, faultOf, key, limit, openDesk, quiet, silence } from "../desk.ts";

const seven = 7 as StrategyId;
const other = 8 as StrategyId;
const timeout = 5_000;

/** A stream of strategy 7, and a way for it to go. */
async function stream({ account }: Desk, wish: DeadManAction | "none" | undefined, strategyId = seven) {
  const gone = new AbortController();
  const deadMan = wish && { wish: wish === "none" ? wish : { action: wish, timeout }, by: "alpha" };
  const options = { strategyId, symbols: [], snapshot: true, after: undefined, heartbeat: 60_000, deadMan };
  const events = streamOrders(account, options, { signal: gone.signal, leaving: new AbortController().signal });
  expect((await events.next()).value?.type).toBe("opened");
  return {
    async leave() {
      gone.abort();
      await events.return();
    },
  };
}

/** One order of each strategy that rests, and one position of each. */
async function trading(): Promise<Desk> {
  const desk = await openDesk();
  for (const strategyId of [seven, other]) {
    await desk.place(limit({ clientOrderId: key(`rest-${strategyId}`), strategyId }));
    await desk.place({ clientOrderId: key(`open-${strategyId}`), strategyId });
  }
  await desk.hear();
  return desk;
}

/** Killed and started again: what the dead process would still do reaches nobody. */
async function killed(desk: Desk): Promise<Desk> {
  desk.journal.break();
  desk.controlJournal.break();
  const next = await desk.restart();
  next.account.deadMen.start();
  return next;
}

const pass = async ({ clock }: Desk, ms: number) => {
  clock.advance(ms);
  for (let i = 0; i < 5; i++) await quiet();
};
const stages = (desk: Desk) => ["rest-7", "rest-8"].map((name) => desk.order(name).stage);
const owners = ({ terminal }: Desk) => [...terminal.positions.values()].map(({ magic }) => Number(magic >> 32n));

describe("a dead-man switch", () => {
  it("cancels the strategy's orders once it has been away for so long, as the bridge's doing", async () => {
    const desk = await trading();
    const { leave } = await stream(desk, "cancel_orders");
    await pass(desk, 10 * timeout);
    expect(stages(desk)).toEqual(["working", "working"]);
    await leave();
    await pass(desk, timeout - 1);
    expect(stages(desk)).toEqual(["working", "working"]);
    await pass(desk, 1);
    expect(stages(desk)).toEqual(["canceled", "working"]);
    expect(desk.order("rest-7").cause).toBe("bridge");
    expect(owners(desk)).toEqual([7, 8]);
    expect(desk.account.deadMen.counts).toEqual({ armed: 0, fired: 1 });
    expect(desk.notes.lines).toContain("warn risk: dead-man switch fired");
  });

  it("closes its positions as well, when asked to, and after its orders", async () => {
    const desk = await trading();
    const { leave } = await stream(desk, "close_positions");
    await leave();
    await pass(desk, timeout);
    await desk.hear();
    await pass(desk, 1_000);
    expect(stages(desk)).toEqual(["canceled", "working"]);
    expect(owners(desk)).toEqual([8]);
    const close = desk.order("deadman:1:close:1001:1");
    expect(close).toMatchObject({ stage: "filled", cause: "bridge", strategyId: 7 });
    expect(desk.account.deadMen.counts).toEqual({ armed: 0, fired: 1 });
  });

  it("does nothing when a stream with it comes back in time, or while a second one is there", async () => {
    const desk = await trading();
    const first = await stream(desk, "cancel_orders");
    await first.leave();
    await pass(desk, timeout - 1);
    const second = await stream(desk, "cancel_orders");
    const third = await stream(desk, "cancel_orders");
    await second.leave();
    await pass(desk, 10 * timeout);
    expect(stages(desk)).toEqual(["working", "working"]);
    await third.leave();
    await pass(desk, timeout);
    expect(stages(desk)).toEqual(["canceled", "working"]);
  });

  it("is not held back by a stream that does not ask for it, or of another strategy", async () => {
    const desk = await trading();
    const { leave } = await stream(desk, "cancel_orders");
    await stream(desk, undefined);
    await stream(desk, "cancel_orders", other);
    await leave();
    await pass(desk, timeout);
    expect(stages(desk)).toEqual(["canceled", "working"]);
  });

  it("is disarmed by a stream that asks for nothing to be done", async () => {
    const desk = await trading();
    const { leave } = await stream(desk, "cancel_orders");
    await leave();
    await stream(desk, "none");
    await pass(desk, 10 * timeout);
    expect(stages(desk)).toEqual(["working", "working"]);
    expect(desk.account.deadMen.counts).toEqual({ armed: 0, fired: 0 });
  });

  it("is on disk before the stream says that it is open, and refuses the stream when it cannot be", async () => {
    const desk = await trading();
    desk.controlJournal.hold();
    let opened = false;
    const opening = stream(desk, "cancel_orders").then(() => {
      opened = true;
    });
    await quiet();
    expect(opened).toBe(false);
    desk.controlJournal.release();
    await opening;
    desk.controlJournal.break();
    const failed = await faultOf(stream(desk, "close_positions"));
    expect([failed.fault, failed.message]).toEqual(["journal_unavailable", expect.stringContaining("not armed")]);
  });

  it("survives a restart; the time away counts from the start of the bridge", async () => {
    const before = await trading();
    await stream(before, "close_positions");
    before.clock.advance(10 * timeout);
    const desk = await killed(before);
    await pass(desk, timeout - 1);
    expect(stages(desk)).toEqual(["working", "working"]);
    await pass(desk, 1);
    expect(stages(desk)).toEqual(["canceled", "working"]);
    await desk.hear();
    await pass(desk, 1_000);
    expect(owners(desk)).toEqual([8]);
  });

  it("tries again what was refused, with keys of its own for each try, until a stream comes back", async () => {
    const desk = await trading();
    const { leave } = await stream(desk, "cancel_orders");
    await leave();
    desk.terminal.script = [10029, 10029, 10029]; // frozen
    await pass(desk, timeout);
    await pass(desk, 1_000);
    expect(stages(desk)[0]).toBe("working");
    expect(
      ["1", "2"].map((attempt) => desk.record.changes.answerOf(key(`deadman:1:cancel:1000:${attempt}`))?.kind),
    ).toEqual([...["failed", "failed"]]);
    const back = await stream(desk, "cancel_orders");
    await pass(desk, 100_000);
    expect([stages(desk)[0], desk.terminal.asked.length]).toEqual(["working", 2]);
    await back.leave();
    desk.terminal.script = [];
    await pass(desk, timeout);
    expect(stages(desk)[0]).toBe("canceled");
  });

  it("goes on after a second wherever a position is closed in parts", async () => {
    const desk = await openDesk();
    await desk.place({ strategyId: seven, volume: 1 });
    await desk.hear();
    const { terminal } = desk;
    const { fill } = terminal;
    terminal.fill = (number) => {
      const outcome = fill.call(terminal, number, lots(0.1)); // no more can be had at a time
      return { ...outcome, orders: [terminal.end(number, "canceled")] } as Outcome;
    };
    const { leave } = await stream(desk, "close_positions");
    await leave();
    await pass(desk, timeout);
    expect(terminal.submitted.at(-1)?.request.filling).toBe("ioc");
    for (let tries = 1; tries <= 9; tries++) {
      await desk.hear();
      expect([...terminal.positions.values()].map(({ volume }) => volume)).toEqual([lots(1) - tries * lots(0.1)]);
      await pass(desk, 1000);
    }
    await desk.hear();
    expect(terminal.positions.size).toBe(0);
  });

  it("waits while trading is halted, and sends nothing while the bridge drains", async () => {
    const desk = await trading();
    const { leave } = await stream(desk, "close_positions");
    await desk.control.setMode({}, "halted", { reason: "test", by: "test" });
    await leave();
    await pass(desk, timeout);
    const written = desk.journal.events.length;
    await pass(desk, 1_000);
    expect([desk.terminal.asked, desk.journal.events.length]).toEqual([[], written]);
    await desk.control.setMode({}, "reduce_only", { reason: "test", by: "test" });
    await pass(desk, 60_000);
    await desk.hear();
    await pass(desk, 60_000);
    expect([stages(desk)[0], owners(desk)]).toEqual(["canceled", [8]]);

    const draining = await trading();
    await (await stream(draining, "cancel_orders")).leave();
    draining.desk.draining = true;
    await pass(draining, timeout);
    expect(stages(draining)[0]).toBe("working");
  });

  it("never closes a position twice, and leaves nothing behind, wherever the bridge is killed meanwhile", async () => {
    for (let seed = 0; seed < 150; seed++) {
      const below = numbers(seed);
      let desk = await trading();
      const twice: unknown[] = [];
      await stream(desk, "close_positions");
      for (let n = 0; n < 6; n++) {
        desk = await killed(desk);
        const { record } = desk;
        desk.terminal.onCommand = (order) => {
          const rivals = [...record.orders.open].filter(
            ({ number, position }) => number !== order?.number && position === order?.request.position,
          );
          if (order?.request.position !== undefined && rivals.length > 0) twice.push(order, ...rivals);
        };
        const behaviours = ["done", "late", "lost", "offline", 10004, 10012] as const;
        desk.terminal.script = [0, 1, 2].map(() => behaviours[below(behaviours.length)] ?? "done");
        for (let step = below(8); step > 0; step--) {
          await pass(desk, [timeout, 1_000, silence][below(3)] ?? 0);
          if (below(2)) await desk.hear();
          if (below(3) === 0) desk.terminal.answerLate();
        }
      }
      desk.terminal.script = [];
      desk.terminal.onCommand = () => undefined;
      desk.terminal.answerLate();
      desk = await killed(desk);
      for (let n = 0; n < 8; n++) {
        await pass(desk, 60_000);
        await desk.hear();
      }
      expect(twice, `seed ${seed}: closed while a close was on its way`).toEqual([]);
      expect([stages(desk), owners(desk)], `seed ${seed}`).toEqual([["canceled", "working"], [8]]);
      const closes = desk.terminal.deals.filter(
        ({ entry, magic }) => entry === "out" && Number(magic >> 32n) === seven,
      );
      expect(closes, `seed ${seed}`).toHaveLength(1);
      expect(desk.control.armings.on(demo.alias), `seed ${seed}`).toEqual([]);
    }
  });
});
