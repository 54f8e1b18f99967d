import { describe, expect, it } from "vitest";
import { type Course, type CourseEvent, run } from "../../../src/core/streams/course.ts";
import type { Cursor } from "../../../src/core/streams/cursor.ts";
import type { Beat } from "../../../src/core/streams/heartbeat.ts";
import { EveryItem, Mailbox } from "../../../src/core/streams/mailbox.ts";
import { noon } from "../../terminals/paper/builders.ts";
import { quiet, TestClock } from "../desk.ts";

interface Item {
  readonly place: number;
}
interface Datum {
  readonly type: "data" | "snapshot";
  readonly cursor: Cursor;
}
const at = (sequence: number): Cursor => ({ epoch: "e", sequence });
const datum = (sequence: number, type: Datum["type"] = "data"): Datum => ({ type, cursor: at(sequence) });

function stream(more: Partial<Course<Item, Datum>> = {}, limit = 3) {
  const clock = new TestClock(noon);
  const mailbox = new Mailbox<Item | Beat>(new EveryItem(limit));
  const [reader, bridge] = [new AbortController(), new AbortController()];
  let posted = 10;
  const course: Course<Item, Datum> = {
    ...{ id: "s-1", mailbox, heartbeat: 1000, after: undefined, reset: undefined, start: at(10) },
    ...{ snapshot: { wanted: false, data: [datum(10, "snapshot")] }, missed: [] },
    news: (item) => [datum(item.place)],
    cursor: () => at(posted),
    source: () => "live",
    ...more,
  };
  const events = run<Item, Datum>(course, clock, { signal: reader.signal, leaving: bridge.signal });
  return {
    ...{ clock, mailbox, reader, bridge, events },
    post: (place: number) => {
      posted = place;
      return mailbox.post({ place });
    },
    next: async () => (await events.next()).value as CourseEvent | Datum | undefined,
    rest: async () => {
      const all: (CourseEvent | Datum)[] = [];
      for await (const event of events) all.push(event);
      return all;
    },
  };
}
const said = (events: readonly (CourseEvent | Datum)[]) =>
  events.map((event) => `${event.type} ${event.cursor?.sequence}`);

describe("a stream", () => {
  it("opens, goes on with news, and closes when the bridge leaves", async () => {
    const { post, bridge, rest } = stream();
    post(11);
    bridge.abort();
    expect(said(await rest())).toEqual(["opened 10", "data 11", "closing 11"]);
  });

  it("gives a snapshot with an end where it is wanted", async () => {
    const { bridge, rest } = stream({ snapshot: { wanted: true, data: [datum(10, "snapshot")] } });
    bridge.abort();
    expect(said(await rest())).toEqual(["opened 10", "snapshot 10", "snapshot_end 10", "closing 10"]);
  });

  it("goes on behind its cursor with what was missed", async () => {
    const { bridge, rest } = stream({ after: at(5), missed: [datum(7), datum(9)] });
    bridge.abort();
    expect(said(await rest())).toEqual(["opened 5", "data 7", "data 9", "closing 9"]);
  });

  it("says when it cannot, and gives a snapshot though none was wanted", async () => {
    const { bridge, rest } = stream({ after: at(5), reset: "too_old" });
    bridge.abort();
    const events = await rest();
    expect(said(events)).toEqual(["opened 10", "reset 10", "snapshot 10", "snapshot_end 10", "closing 10"]);
  });

  it("just ends when its reader has gone", async () => {
    const { reader, rest, mailbox } = stream();
    reader.abort();
    expect([said(await rest()), mailbox.ended]).toEqual([["opened 10"], true]);
  });

  it("tells a slow reader where it stands, and fails", async () => {
    const { post, next, events } = stream();
    await next();
    post(11);
    expect(await next()).toMatchObject({ type: "data" });
    for (let place = 12; place <= 16; place++) post(place);
    expect(await next()).toEqual({ type: "closing", reason: "slow_consumer", cursor: at(11) });
    await expect(events.next()).rejects.toMatchObject({ fault: "slow_consumer" });
  });

  it("is never silent for longer than its heartbeat", async () => {
    const { clock, next } = stream();
    await next();
    for (const _ of [1, 2, 3]) {
      const beat = next();
      await quiet();
      clock.advance(1000);
      expect(await beat).toMatchObject({ type: "heartbeat", at: clock.now(), source: "live", cursor: at(10) });
    }
  });

  it("has no heartbeat while there is news", async () => {
    const { clock, next, post } = stream();
    await next();
    for (let place = 11; place < 15; place++) {
      const news = next();
      await quiet();
      clock.advance(600);
      post(place);
      expect(await news).toMatchObject({ type: "data" });
    }
  });

  it("leaves a heartbeat out when more has come behind it: it would tell of what is still to come", async () => {
    const { clock, next, post } = stream();
    await next();
    post(11);
    await next(); // and the reader takes nothing for a while
    clock.advance(1000);
    await quiet();
    post(12);
    expect(await next()).toEqual(datum(12));
    const beat = next();
    await quiet();
    clock.advance(1000);
    expect(await beat).toMatchObject({ type: "heartbeat", cursor: at(12) });
  });

  it("stops its heartbeat with its reader", async () => {
    const { clock, next, events } = stream();
    await next();
    const waiting = next();
    await quiet();
    expect(clock.sleeping).toBe(1);
    clock.advance(1000);
    await waiting;
    await events.return();
    await quiet();
    expect(clock.sleeping).toBe(0);
  });
});
