import { describe, expect, it } from "vitest";
import { type Desk, faultOf, limit, openDesk, quiet, silence } from "../desk.ts";

describe("silence", () => {
  const silent = async (desk: Desk, more: Parameters<Desk["place"]>[0] = {}) => {
    const waiting = desk.place(more);
    await quiet();
    desk.clock.advance(silence);
    return waiting;
  };

  it("is doubt, never refusal", async () => {
    const desk = await openDesk();
    desk.terminal.script = ["lost"];
    expect((await silent(desk)).order.stage).toBe("in_doubt");
    await quiet();
    expect(desk.desk.inFlight).toBe(0);
  });

  it("is ended by what the terminal's records show", async () => {
    const desk = await openDesk();
    desk.terminal.script = ["late"];
    await silent(desk);
    await quiet();
    expect(desk.order("a").stage).toBe("filled");
  });

  it("is not ended by what they do not show: the order may still be on its way", async () => {
    const desk = await openDesk();
    desk.terminal.script = ["lost"];
    await silent(desk);
    await quiet();
    expect([desk.terminal.snapshots, desk.order("a").stage]).toEqual([1, "in_doubt"]);
  });

  it("is ended by an answer that comes late after all", async () => {
    const desk = await openDesk();
    desk.terminal.script = ["late"];
    const waiting = desk.place(limit());
    await quiet();
    desk.terminal.script = ["offline"]; // the records cannot be read
    desk.clock.advance(silence);
    expect((await waiting).order.stage).toBe("in_doubt");
    desk.terminal.answerLate();
    await quiet();
    expect(desk.order("a")).toMatchObject({ stage: "working", ticket: 1000n });
  });

  it("that reports have broken before is no doubt", async () => {
    const desk = await openDesk();
    desk.terminal.script = ["late"];
    const waiting = desk.place(limit());
    await quiet();
    await desk.hear();
    desk.clock.advance(silence);
    expect((await waiting).order.stage).toBe("working");
    await quiet();
    expect(desk.order("a").version).toBe(3);
  });
});

describe("an answer that shows nothing of the order", () => {
  it("is doubt, which the terminal's records end", async () => {
    const desk = await openDesk();
    desk.terminal.script = ["empty"];
    expect((await desk.place()).order.doubt?.why).toContain("does not show what became of the order");
    await quiet();
    expect(desk.order("a")).toMatchObject({ stage: "filled", doubt: { evidence: "records" } });
  });

  it("holds up nobody, however long the records stay silent", async () => {
    const desk = await openDesk();
    desk.terminal.script = ["empty"];
    desk.terminal.onSnapshot = () => {
      throw new Error("not now");
    };
    expect((await desk.place()).order.stage).toBe("in_doubt");
  });
});

describe("a journal that cannot be written", () => {
  it("keeps the order back, and says that nothing was sent", async () => {
    const { place, journal, terminal } = await openDesk();
    journal.break();
    expect((await faultOf(place())).fault).toBe("journal_unavailable");
    expect((await faultOf(place())).fault).toBe("journal_unavailable");
    expect(terminal.submitted).toEqual([]);
  });

  it("tells everyone who waits for the same key", async () => {
    const { place, journal, terminal } = await openDesk();
    journal.hold();
    const waiting = Promise.all([place(), place(), place()].map(faultOf));
    await quiet();
    journal.break();
    expect((await waiting).map(({ fault }) => fault)).toEqual(Array(3).fill("journal_unavailable"));
    expect(terminal.submitted).toEqual([]);
  });

  it("does not deny an order that has left: it comes back as it is on disk", async () => {
    const { place, journal, terminal } = await openDesk();
    terminal.script = ["late"];
    const waiting = place();
    await quiet();
    journal.break();
    terminal.answerLate();
    expect((await waiting).order.stage).toBe("sent");
    expect((await place()).order.stage).toBe("sent");
  });
});
