import { describe, expect, it } from "vitest";
import type { Valuation } from "../../../src/core/model/account.ts";
import { ROW, TickRows } from "../../../src/core/model/tick-rows.ts";
import type { TerminalReport } from "../../../src/core/ports/terminal.ts";
import { ReportQueue } from "../../../src/terminals/live/report-queue.ts";
import { quiet } from "../paper/scripted.ts";

const trade = (time: number): TerminalReport => ({ type: "valuation", valuation: { time } as unknown as Valuation });
const ticks: TerminalReport = { type: "ticks", ticks: TickRows.of([]), patient: false };
const up: TerminalReport = { type: "link", up: true, why: "" };
const wordOf = (report: TerminalReport) => (report.type === "valuation" ? report.valuation.time : report.type);

function queueOf(limit: number) {
  const dropped: string[] = [];
  const queue = new ReportQueue({ limit, ticks: 5, dropped: (what) => void dropped.push(what), turn: quiet });
  const read: unknown[] = [];
  const reader = new AbortController();
  const start = () => {
    void (async () => {
      for await (const report of queue.reports(reader.signal)) read.push(wordOf(report));
    })();
  };
  return { queue, dropped, read, reader, start };
}

describe("a queue of reports", () => {
  it("is read in order, by a later reader from where the earlier one stopped", async () => {
    const { queue, read, start } = queueOf(9);
    for (const n of [1, 2, 3]) queue.post(trade(n));
    for await (const report of queue.reports(new AbortController().signal)) {
      expect(wordOf(report)).toBe(1);
      break;
    }
    start();
    queue.post(trade(4));
    await quiet();
    expect(read).toEqual([2, 3, 4]);
  });

  it("drops prices first when it is full", async () => {
    const { queue, dropped, read, start } = queueOf(3);
    for (const report of [trade(1), ticks, ticks, trade(2)]) queue.post(report);
    start();
    await quiet();
    expect([read, dropped]).toEqual([[1, 2], ["ticks"]]);
  });

  it("drops prices when there are too many of them, though in few reports", async () => {
    const { queue, dropped, read, start } = queueOf(9);
    const batch = (length: number): TerminalReport => ({
      ...{ type: "ticks", patient: false },
      ticks: new TickRows([{ name: "EURUSD" }], new Float64Array(length * ROW)),
    });
    for (const report of [batch(2), trade(1), batch(3), batch(1), batch(9)]) queue.post(report);
    start();
    await quiet();
    queue.post(batch(5));
    await quiet();
    expect([read, dropped]).toEqual([
      [1, "ticks", "ticks"],
      ["ticks", "ticks"],
    ]);
  });

  it("drops trades when they alone fill it, and has the reader told that the link is up", async () => {
    const { queue, dropped, read, start } = queueOf(3);
    for (const report of [up, trade(1), trade(2), trade(3), trade(4)]) queue.post(report);
    start();
    await quiet();
    expect([read, dropped]).toEqual([["link", 3, 4], ["trades"]]);
  });

  it("has a place come after what was posted before it and before what was posted behind it", async () => {
    const { queue, read, start } = queueOf(9);
    start();
    await quiet();
    for (const n of [1, 2, 3]) queue.post(trade(n));
    const place = queue.place();
    queue.post(trade(4));
    await place;
    read.push("answer");
    await quiet();
    await quiet();
    expect(read).toEqual([1, 2, 3, "answer", 4]);
  });

  it("keeps nobody waiting for a place where nobody reads, or the reader leaves, or all is dropped", async () => {
    await queueOf(9).queue.place();
    const left = queueOf(9);
    left.start();
    await quiet();
    left.queue.post(trade(1));
    const place = left.queue.place();
    left.reader.abort();
    await place;
    const full = queueOf(2);
    const slow = full.queue.reports(new AbortController().signal);
    full.queue.post(trade(1));
    await slow.next();
    const dropped = full.queue.place();
    for (const n of [2, 3, 4]) full.queue.post(trade(n));
    await dropped;
    expect(full.dropped).toEqual(["trades"]);
  });
});
