import { MessageChannel, type MessagePort } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BridgeError } from "../../src/core/errors.ts";
import { Line, type Wire } from "../../src/edge/line.ts";

let ports: MessagePort[];
let here: Line;
let there: Line;

beforeEach(() => {
  const { port1, port2 } = new MessageChannel();
  ports = [port1, port2];
  [here, there] = ports.map((port) => new Line(port as unknown as Wire)) as [Line, Line];
});

afterEach(() => {
  for (const port of ports) port.close();
});

const never = new AbortController().signal;

/** A promise, and what settles it. */
const heard = <T>() => Promise.withResolvers<T>();

describe("a question", () => {
  it("is answered with what the other side says", async () => {
    there.answers("sum", ({ a, b }: { a: number; b: bigint }) => BigInt(a) + b);
    expect(await here.ask("sum", { a: 1, b: 2n })).toBe(3n);
  });

  it("fails as it failed there, with everything that a caller is told", async () => {
    there.answers("order", () => {
      throw new BridgeError("quota_exceeded", "volume: too much", {
        violations: [{ field: "volume", description: "must be at most 1" }],
        metadata: { quota: "orders" },
        retryAfterMs: 250,
      });
    });
    await expect(here.ask("order", 0)).rejects.toMatchObject({
      name: "BridgeError",
      fault: "quota_exceeded",
      message: "volume: too much",
      violations: [{ field: "volume", description: "must be at most 1" }],
      metadata: { quota: "orders" },
      retryAfterMs: 250,
    });
  });

  it("fails as internal, with its cause for the log, when the other side breaks", async () => {
    there.answers("order", () => {
      throw new TypeError("undefined is not a price");
    });
    await expect(here.ask("order", 0)).rejects.toMatchObject({
      fault: "internal",
      cause: expect.stringContaining("undefined is not a price"),
    });
  });

  it("fails when nobody answers such a question", async () => {
    await expect(here.ask("nothing", 0)).rejects.toMatchObject({ message: "nobody answers nothing" });
  });

  it("that nobody waits for any more is given up on both sides, for the same reason", async () => {
    const [asked, gone] = [heard<void>(), heard<unknown>()];
    there.answers("order", (_: number, signal) => {
      asked.resolve();
      return new Promise(() => signal.addEventListener("abort", () => gone.resolve(signal.reason)));
    });
    const caller = new AbortController();
    const answer = here.ask("order", 0, caller.signal);
    await asked.promise;
    caller.abort(new BridgeError("deadline_exceeded", "too late"));
    await expect(answer).rejects.toMatchObject({ fault: "deadline_exceeded" });
    expect(await gone.promise).toMatchObject({ fault: "deadline_exceeded", message: "too late" });
  });

  it("asked when nobody waits any more is not answered", async () => {
    there.answers("order", () => 1);
    const gone = AbortSignal.abort(new BridgeError("canceled", "gone"));
    await expect(here.ask("order", 0, gone)).rejects.toMatchObject({ fault: "canceled" });
  });

  it("fails when the line ends, and so does every later one", async () => {
    const asked = heard<void>();
    there.answers("order", () => {
      asked.resolve();
      return new Promise(() => undefined);
    });
    const answer = here.ask("order", 0);
    await asked.promise;
    here.end(new BridgeError("draining", "the thread has ended"));
    await expect(answer).rejects.toMatchObject({ fault: "draining" });
    await expect(here.ask("order", 0)).rejects.toMatchObject({ fault: "draining" });
  });
});

describe("a stream", () => {
  it("brings all answers in order, and ends", async () => {
    there.streams("count", async function* (to: number) {
      for (let i = 0; i < to; i++) yield i;
    });
    const seen: number[] = [];
    for await (const i of here.follow<number>("count", 1000, never)) seen.push(i);
    expect(seen).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  });

  it("fails behind what came before", async () => {
    there.streams("count", async function* () {
      yield 1;
      throw new BridgeError("slow_consumer", "too far behind");
    });
    const seen: number[] = [];
    const reading = (async () => {
      for await (const i of here.follow<number>("count", 0, never)) seen.push(i);
    })();
    await expect(reading).rejects.toMatchObject({ fault: "slow_consumer" });
    expect(seen).toEqual([1]);
  });

  it("is not made faster than it is taken, and goes on when it is", async () => {
    let made = 0;
    const stuck = heard<void>();
    there.streams("count", async function* () {
      for (; made < 200; made++) {
        if (made === 64) stuck.resolve();
        yield made;
      }
    });
    const stream = here.follow<number>("count", 0, never);
    expect((await stream.next()).value).toBe(0); // and the reader takes no more for now
    await Promise.race([stuck.promise, new Promise((resolve) => setImmediate(resolve))]);
    expect(made).toBeLessThanOrEqual(64);
    let last = 0;
    for await (const i of stream) last = i;
    expect(last).toBe(199);
  });

  it("is told when its reader leaves in the middle", async () => {
    const gone = heard<void>();
    there.streams("count", async function* (_: number, signal) {
      signal.addEventListener("abort", () => gone.resolve());
      for (let i = 0; !signal.aborted; i++) yield i;
    });
    for await (const i of here.follow<number>("count", 0, never)) if (i === 100) break;
    await gone.promise;
  });

  it("ends without an error when its reader's signal aborts", async () => {
    const caller = new AbortController();
    there.streams("count", async function* (_: number, signal) {
      yield 1;
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    });
    const seen: number[] = [];
    for await (const i of here.follow<number>("count", 0, caller.signal)) {
      seen.push(i);
      setImmediate(() => caller.abort(new BridgeError("canceled", "gone")));
    }
    expect(seen).toEqual([1]);
  });
});

it("remarks come in the order in which they were made", async () => {
  const all = heard<void>();
  const seen: number[] = [];
  there.hears("number", (i: number) => {
    seen.push(i);
    if (i === 99) all.resolve();
  });
  for (let i = 0; i < 100; i++) here.tell("number", i);
  await all.promise;
  expect(seen).toEqual(Array.from({ length: 100 }, (_, i) => i));
});
