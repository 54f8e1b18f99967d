import { describe, expect, it } from "vitest";
import { key, openDesk, quiet } from "../desk.ts";

const asked = (name: string) => ({ type: "asked", key: key(name), content: name }) as const;
const answered = (name: string) => ({ type: "answered", key: key(name), answer: { kind: "done" } }) as const;

describe("an account's record", () => {
  it("is settled only when all that was written is durable, not just the first of it", async () => {
    const { record, journal } = await openDesk();
    const first = record.write([asked("a")]);
    journal.hold();
    void record.write([asked("b")]);
    await first;
    let settled = false;
    const waiting = record.settled().then(() => {
      settled = true;
    });
    await quiet();
    expect(settled).toBe(false);
    journal.release();
    await waiting;
  });

  it("keeps whoever watches, though another stops twice", async () => {
    const { record } = await openDesk();
    const stop = record.watch(key("a"), () => undefined);
    stop();
    let told = 0;
    record.watch(key("a"), () => told++);
    stop();
    await record.write([asked("a"), answered("a")]);
    expect(told).toBe(1);
  });

  it("is the same after a restart, answers and all", async () => {
    const { record, reopen } = await openDesk();
    await record.write([asked("a"), answered("a"), asked("b")]);
    const next = await reopen();
    const { changes } = next.record;
    expect([changes.answerOf(key("a")), [...changes.open].map((open) => open.key)]).toEqual([
      { kind: "done" },
      [key("b")],
    ]);
  });

  it("tells of its failure once, and takes nothing more", async () => {
    const { record, journal } = await openDesk();
    let told = 0;
    record.outage.watch(() => told++);
    journal.break();
    const writes = await Promise.allSettled([record.write([asked("a")]), record.write([asked("b")]), record.settled()]);
    expect(writes.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    await expect(record.write([asked("c")])).rejects.toMatchObject({ fault: "journal_unavailable" });
    expect([told, record.contentOf(key("c"))]).toEqual([1, undefined]);
  });
});
