import { describe, expect, it } from "vitest";
import { TickRows } from "../../../src/core/model/tick-rows.ts";
import type { TerminalReport } from "../../../src/core/ports/terminal.ts";
import { Outbox } from "../../../src/terminals/paper/outbox.ts";
import { quiet } from "./scripted.ts";

const trade = { type: "deal", deal: {} } as TerminalReport;
const price = { type: "ticks", ticks: TickRows.of([]), patient: false } as const;

describe("an outbox that forgets trades", () => {
  it("still tells prices and the link, in their order", async () => {
    const outbox = new Outbox(10);
    for (const report of [price, trade, { type: "market", open: true } as const, trade]) outbox.post(report);
    outbox.forgetTrades();
    outbox.post({ type: "link", up: false, why: "" });
    const told: string[] = [];
    const over = new AbortController();
    const reading = (async () => {
      for await (const { type } of outbox.reports(over.signal)) told.push(type);
    })();
    await quiet();
    over.abort();
    await reading;
    expect(told).toEqual(["ticks", "market", "link"]);
  });

  it("has room again", async () => {
    const outbox = new Outbox(2);
    outbox.post(trade);
    outbox.post(trade);
    let room = false;
    void outbox.room(new AbortController().signal).then(() => {
      room = true;
    });
    await quiet();
    expect(room).toBe(false);
    outbox.forgetTrades();
    await quiet();
    expect(room).toBe(true);
  });
});
