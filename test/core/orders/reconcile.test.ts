import { describe, expect, it } from "vitest";
import { lots } from "../../../src/core/model/decimals.ts";
import type { Ticket } from "../../../src/core/model/ids.ts";
import { raiseDoubts, settleDoubts } from "../../../src/core/orders/doubts.ts";
import { reconcile } from "../../../src/core/orders/reconcile.ts";
import { type Desk, faultOf, key, limit, openDesk, quiet, silence } from "../desk.ts";
import { ScriptedTerminal } from "../scripted-terminal.ts";

/** A desk whose bridge was killed while the terminal was still to answer. */
async function killed(behaviour: "late" | "lost", more: Parameters<Desk["place"]>[0] = {}): Promise<Desk> {
  const desk = await openDesk();
  desk.terminal.script = [behaviour];
  void desk.place(more);
  await quiet();
  desk.terminal.unreported = [];
  return desk.reopen();
}

describe("an order that a crash has left without an answer", () => {
  it("is in doubt at the start", async () => {
    const desk = await killed("late");
    await raiseDoubts(desk.desk);
    expect(desk.order("a").stage).toBe("in_doubt");
  });

  it("is settled by the terminal's records, filled or resting", async () => {
    const filled = await killed("late");
    expect((await filled.restart()).order("a")).toMatchObject({ stage: "filled", ticket: 1000n, filled: lots(0.1) });
    const resting = await killed("late", limit());
    expect((await resting.restart()).order("a")).toMatchObject({ stage: "working", ticket: 1000n });
  });

  it("is settled by how it ended, however far it has come", async () => {
    for (const state of ["canceled", "expired", "rejected"] as const) {
      const desk = await killed("late", limit());
      desk.terminal.fill(1000n as Ticket, lots(0.04));
      if (state === "rejected") continue;
      desk.terminal.end(1000n as Ticket, state);
      expect((await desk.restart()).order("a")).toMatchObject({ stage: state, filled: lots(0.04) });
    }
  });

  it("never arrived when complete records do not show it", async () => {
    const desk = await killed("lost");
    expect((await desk.restart()).order("a")).toMatchObject({
      stage: "rejected",
      cause: "bridge",
      rejection: { reason: "NEVER_ARRIVED", retriable: true },
    });
  });

  it("stays in doubt while the records are not known to be complete", async () => {
    const desk = await killed("lost");
    desk.terminal.complete = false;
    expect((await desk.restart()).order("a").stage).toBe("in_doubt");
  });

  it("stays in doubt while the terminal cannot be asked", async () => {
    const desk = await killed("lost");
    desk.terminal.script = ["offline"];
    const next = await desk.restart();
    expect(next.order("a").stage).toBe("in_doubt");
    await settleDoubts(next.desk);
    expect(next.order("a").stage).toBe("rejected");
  });

  it("is not sent again by the key that placed it", async () => {
    const desk = await killed("lost");
    const next = await desk.restart();
    expect((await next.place()).order.stage).toBe("rejected");
    expect(desk.terminal.submitted).toHaveLength(1);
  });
});

describe("absence from the records", () => {
  it("proves nothing about an order that was sent while they were read", async () => {
    const desk = await openDesk();
    desk.terminal.onSnapshot = () => {
      desk.terminal.onSnapshot = () => undefined;
      desk.terminal.complete = false; // from now on
      desk.terminal.script = [10012];
      void desk.place();
    };
    await reconcile(desk.desk);
    await quiet();
    expect(desk.order("a").stage).toBe("in_doubt");
  });

  it("proves nothing while the command itself has not ended", async () => {
    const desk = await openDesk();
    desk.terminal.script = ["lost"];
    const placing = desk.place();
    await quiet();
    desk.clock.advance(silence);
    await placing;
    await reconcile(desk.desk);
    expect(desk.order("a").stage).toBe("in_doubt");
  });
});

describe("what happened while nobody was looking", () => {
  it("is found: fills, ends, orders of others, positions", async () => {
    const desk = await openDesk();
    await desk.place(limit());
    await desk.place(limit({ clientOrderId: key("b") }));
    await desk.place({ clientOrderId: key("c") });
    await desk.hear();
    desk.terminal.fill(1000n as Ticket);
    desk.terminal.end(1001n as Ticket, "expired");
    const stop = desk.terminal.foreign("sell", lots(0.1), "stop_loss", desk.order("c").magic, 1002n as Ticket);
    const next = await desk.restart();
    expect([next.order("a").stage, next.order("b").stage]).toEqual(["filled", "expired"]);
    expect(next.record.orders.byTicket(stop)).toMatchObject({ stage: "filled", cause: "stop_loss" });
    expect([...next.record.holdings.positions]).toEqual([...desk.terminal.positions.values()]);
  });

  it("is told once: looking again changes nothing", async () => {
    const desk = await openDesk();
    await desk.place(limit());
    desk.terminal.fill(1000n as Ticket, lots(0.05));
    desk.terminal.foreign("sell", lots(0.1), "mobile");
    const next = await desk.restart();
    const { length } = next.journal.events;
    await reconcile(next.desk);
    expect(next.journal.events).toHaveLength(length);
  });

  it("is found whole in an account with a past of its own", async () => {
    const terminal = new ScriptedTerminal();
    for (let n = 0; n < 2500; n++) terminal.foreign(n % 2 ? "sell" : "buy", lots(0.01), "mobile");
    const desk = await openDesk({ terminal });
    await settleDoubts(desk.desk);
    expect([...desk.record.orders.open]).toEqual([]);
    expect(desk.record.orders.nextNumber).toBe(2501);
    expect(desk.record.holdings.dealCount).toBe(2500);
  });

  it("includes a deal whose order did not learn of it before the crash", async () => {
    const desk = await openDesk();
    await desk.place(limit());
    desk.terminal.fill(1000n as Ticket);
    await desk.hear();
    for (let kept = 2; kept <= desk.journal.events.length; kept++) {
      const next = await desk.restart(desk.journal.events.slice(0, kept));
      expect(next.order("a"), `${kept} events kept`).toMatchObject({ stage: "filled", filled: lots(0.1) });
    }
  });
});

describe("records that are read while reports come in", () => {
  it("do not close a position that was opened since", async () => {
    const desk = await openDesk();
    await desk.place(limit());
    await desk.hear();
    desk.terminal.fill(1000n as Ticket, lots(0.05)); // something that the journal is slow to take
    desk.journal.hold();
    const reading = reconcile(desk.desk);
    await quiet();
    desk.terminal.unreported = [];
    const later = desk.terminal.foreign("buy", lots(0.1), "mobile");
    const heard = desk.hear();
    await quiet();
    desk.journal.release();
    await Promise.all([reading, heard]);
    expect(desk.record.holdings.position(later)).toMatchObject({ volume: lots(0.1) });
  });
});

describe("a terminal whose records cannot be kept", () => {
  it("leaves everything as it is, and the log says so", async () => {
    const desk = await openDesk();
    desk.terminal.foreign("buy", lots(0.1), "mobile");
    desk.journal.break();
    await settleDoubts(desk.desk);
    expect(desk.notes.lines.at(-1)).toContain("what is in doubt stays so");
    expect((await faultOf(reconcile(desk.desk))).fault).toBe("journal_unavailable");
  });
});
