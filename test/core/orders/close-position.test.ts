import { describe, expect, it } from "vitest";
import { lots } from "../../../src/core/model/decimals.ts";
import type { Ticket } from "../../../src/core/model/ids.ts";
import { type CloseDraft, closeBy, closePosition } from "../../../src/core/orders/close-position.ts";
import { eurusd } from "../../terminals/paper/builders.ts";
import { caller, faultOf, key, openDesk } from "../desk.ts";
import { ScriptedTerminal } from "../scripted-terminal.ts";

const timing = { waitFor: "answered", notAfter: undefined } as const;

describe("closing a position", () => {
  const close = (volume?: number): CloseDraft => ({
    clientOrderId: key("close"),
    strategyId: undefined,
    position: 1000n as Ticket,
    volume,
    price: undefined,
    filling: "auto",
    deviation: 0,
    comment: "",
  });
  const opened = async () => {
    const desk = await openDesk();
    await desk.place({ volume: 0.3 });
    await desk.hear();
    return desk;
  };

  it("closes all of it, on the other side, for its owner", async () => {
    const { desk, terminal, hear, record } = await opened();
    const { order } = await closePosition(desk, close(), timing, caller());
    expect(order).toMatchObject({ side: "sell", volume: lots(0.3), strategyId: 7, position: 1000n, stage: "filled" });
    await hear();
    expect([terminal.positions.size, [...record.holdings.positions].length]).toEqual([0, 0]);
  });

  it("closes where orders cannot be good till canceled, too", async () => {
    const terminal = new ScriptedTerminal();
    terminal.symbols[0] = { ...eurusd, expirationModes: ["day"] };
    const { desk, place, hear } = await openDesk({ terminal });
    await place({ timeInForce: "day" });
    await hear();
    const { order } = await closePosition(desk, close(), timing, caller());
    expect(order).toMatchObject({ stage: "filled", timeInForce: "day" });
  });

  it("closes a part, and the rest stays open", async () => {
    const { desk, hear, record } = await opened();
    await closePosition(desk, close(0.1), timing, caller());
    await hear();
    expect([...record.holdings.positions]).toMatchObject([{ ticket: 1000n, volume: lots(0.2) }]);
  });

  it("refuses more than there is, and names MetaTrader's 10038", async () => {
    const { desk, terminal } = await opened();
    const error = await faultOf(closePosition(desk, close(0.31), timing, caller()));
    expect(error).toMatchObject({ fault: "invalid_argument", metadata: { retcode: "10038" } });
    expect(error.violations).toEqual([{ field: "volume", description: "must be at most the position's 0.3 lots" }]);
    expect(terminal.submitted).toHaveLength(1);
  });

  it("needs an open position", async () => {
    const { desk } = await openDesk();
    expect((await faultOf(closePosition(desk, close(), timing, caller()))).fault).toBe("unknown_position");
  });

  it("answers a repetition with the same order, though the position is gone", async () => {
    const { desk, hear, terminal } = await opened();
    const first = await closePosition(desk, close(), timing, caller());
    await hear();
    expect(await closePosition(desk, close(), timing, caller())).toEqual({ ...first, replayed: true });
    expect(terminal.submitted).toHaveLength(2);
  });

  it("by an opposite one takes the smaller volume, and needs the same symbol and the other side", async () => {
    const { desk, place, hear, terminal } = await opened();
    await place({ clientOrderId: key("b"), side: "sell", volume: 0.2 });
    await place({ clientOrderId: key("c"), side: "buy", volume: 0.2 });
    await hear();
    const by = { clientOrderId: key("by"), strategyId: undefined, position: 1000n as Ticket, comment: "" };
    const wrong = closeBy(desk, { ...by, opposite: 1004n as Ticket }, timing, caller());
    expect((await faultOf(wrong)).violations[0]?.field).toBe("opposite_position_ticket");
    const { order } = await closeBy(desk, { ...by, opposite: 1002n as Ticket }, timing, caller());
    expect(order).toMatchObject({ type: "close_by", volume: lots(0.2), position: 1000n, positionBy: 1002n });
    expect(terminal.submitted.at(-1)?.request).toMatchObject({ position: 1000n, positionBy: 1002n, side: "sell" });
  });
});
