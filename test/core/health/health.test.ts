import { describe, expect, it } from "vitest";
import { HealthWatch } from "../../../src/core/health/health.ts";
import { StreamIds } from "../../../src/core/streams/stream-ids.ts";
import { faultOf, openDesk, quiet } from "../desk.ts";

async function watched() {
  const desk = await openDesk();
  const health = new HealthWatch([desk.account], new StreamIds("epoch"), desk.clock);
  const leaving = new AbortController();
  const stream = health.stream(1000, { signal: new AbortController().signal, leaving: leaving.signal });
  return { ...desk, health, stream, leaving, next: async () => (await stream.next()).value?.type };
}

describe("the bridge's health", () => {
  it("is serving while every account can trade", async () => {
    const { health } = await watched();
    expect(health.now).toEqual({ serving: true, message: "" });
  });

  it("is not when the link is down, and says why", async () => {
    const { health, desk, account } = await watched();
    desk.linkUp = false;
    account.desk.linkMessage = "no answer";
    expect(health.now).toEqual({ serving: false, message: "paper: no answer" });
  });

  it("is not when the journal is shut, and nobody needs to ask", async () => {
    const { health, journal, place } = await watched();
    let told = 0;
    health.watch(() => told++);
    journal.break();
    await faultOf(place());
    expect([health.now, told]).toEqual([
      { serving: false, message: "paper: the journal cannot be written: no space left on the disk" },
      1,
    ]);
  });

  it("is not while the bridge drains; no orders are taken any more", async () => {
    const { health, desk } = await watched();
    health.drain();
    expect([health.now.serving, desk.draining]).toEqual([false, true]);
  });

  it("is told when it changes, and again when it has changed since", async () => {
    const { health, next } = await watched();
    expect([await next(), await next(), await next()]).toEqual(["opened", "snapshot", "snapshot_end"]);
    health.changed();
    expect(await next()).toBe("health");
    health.changed();
    expect(await next()).toBe("health");
  });

  it("is told once to a reader that was away for many changes, and does not end its stream", async () => {
    const { health, next, clock } = await watched();
    for (const _ of [1, 2, 3]) await next();
    for (let n = 0; n < 5000; n++) health.changed();
    expect(await next()).toBe("health");
    const beat = next();
    await quiet();
    clock.advance(1000);
    expect(await beat).toBe("heartbeat");
  });

  it("says that the bridge leaves", async () => {
    const { leaving, next } = await watched();
    leaving.abort();
    const said = [await next(), await next(), await next(), await next(), await next()];
    expect(said).toEqual(["opened", "snapshot", "snapshot_end", "closing", undefined]);
  });
});
