import { describe, expect, it } from "vitest";
import { type AccountStreamOptions, streamAccount } from "../../../src/core/accounts/stream-account.ts";
import { lots, type Money } from "../../../src/core/model/decimals.ts";
import { type Ticket, ticket } from "../../../src/core/model/ids.ts";
import { type Desk, openDesk, quiet, tell } from "../desk.ts";
import { worth } from "../scripted-terminal.ts";

function opened({ account }: Desk, more: Partial<AccountStreamOptions> = {}) {
  const [reader, leaving] = [new AbortController(), new AbortController()];
  const options = { after: undefined, heartbeat: 60_000, minInterval: 100, ...more };
  const events = streamAccount(account, options, { signal: reader.signal, leaving: leaving.signal });
  const next = async () => (await events.next()).value ?? undefined;
  return { events, next, reader, leaving };
}

async function begun(desk: Desk, more: Partial<AccountStreamOptions> = {}) {
  const stream = opened(desk, more);
  const [first, snapshot, end] = [await stream.next(), await stream.next(), await stream.next()];
  return { ...stream, beginning: [first, snapshot, end] };
}

describe("a stream of an account", () => {
  it("begins with the open positions", async () => {
    const desk = await openDesk();
    await desk.place();
    await desk.hear();
    const { beginning } = await begun(desk);
    expect(beginning.map((event) => event?.type)).toEqual(["opened", "snapshot", "snapshot_end"]);
    expect(beginning[1]).toMatchObject({ positions: [{ ticket: 1000n, volume: lots(0.1) }] });
  });

  it("tells how positions open, change and close", async () => {
    const desk = await openDesk();
    const { next } = await begun(desk);
    await desk.place();
    desk.terminal.foreign("sell", lots(0.04), "mobile", 0n, 1000n as Ticket);
    desk.terminal.foreign("sell", lots(0.06), "mobile", 0n, 1000n as Ticket);
    await desk.hear();
    const facts = [await next(), await next(), await next()];
    expect(facts.map((event) => event?.type === "fact" && event.fact.type === "position" && event.fact.change)).toEqual(
      ["opened", "changed", "closed"],
    );
  });

  it("tells a deposit, not the deals of orders", async () => {
    const desk = await openDesk();
    const { next } = await begun(desk);
    await desk.place();
    const { order: _order, position: _position, ...deal } = { ...desk.terminal.deals[0] };
    const deposit = { ...deal, ticket: ticket(5), type: "balance", profit: 100 as Money } as never;
    await tell(desk.desk, { type: "deal", deal: deposit });
    expect(await next()).toMatchObject({ type: "fact", fact: { type: "balance", deal: { ticket: 5n } } });
  });

  it("goes on behind its cursor, without a snapshot", async () => {
    const desk = await openDesk();
    const { beginning } = await begun(desk);
    await desk.place();
    await desk.hear();
    const after = beginning[0]?.cursor;
    const { next } = opened(desk, { after });
    expect([(await next())?.type, (await next())?.type]).toEqual(["opened", "fact"]);
  });

  it("shows in its snapshot only positions that are durable", async () => {
    const desk = await openDesk();
    await desk.place();
    desk.journal.hold();
    void desk.hear();
    const stream = opened(desk);
    const beginning = stream.next();
    await quiet();
    expect([...desk.record.holdings.positions]).toHaveLength(1);
    expect(desk.record.openPositions).toEqual([]);
    desk.journal.release();
    await beginning;
    expect(desk.record.openPositions).toHaveLength(1);
  });
});

describe("a valuation", () => {
  const value = (desk: Desk, balance: number) => desk.account.value(worth(balance));
  const balanceOf = (event: Awaited<ReturnType<ReturnType<typeof opened>["next"]>>) =>
    event?.type === "valuation" ? event.valuation.balance : undefined;

  it("comes at once, then no oftener than min_interval, and is always the newest", async () => {
    const desk = await openDesk();
    const { next } = await begun(desk);
    value(desk, 1);
    expect(balanceOf(await next())).toBe(1);
    value(desk, 2);
    value(desk, 3);
    let told = false;
    const second = next().finally(() => {
      told = true;
    });
    desk.clock.advance(99);
    await quiet();
    expect(told).toBe(false);
    value(desk, 4);
    desk.clock.advance(1);
    expect(balanceOf(await second)).toBe(4);
  });

  it("never piles up: a reader that was away gets the newest, once, and keeps its stream", async () => {
    const desk = await openDesk();
    const { next } = await begun(desk);
    for (let n = 0; n < 20_000; n++) {
      value(desk, n);
      desk.clock.advance(100);
      if (n % 1000 === 0) await quiet();
    }
    expect(balanceOf(await next())).toBe(19_999);
    const beat = next();
    for (let n = 0; n < 4; n++) {
      await quiet();
      desk.clock.advance(30_000);
    }
    expect((await beat)?.type).toBe("heartbeat");
  });

  it("is not watched any more when the reader has gone", async () => {
    const desk = await openDesk();
    const { events, next } = await begun(desk);
    value(desk, 1);
    await next();
    value(desk, 2);
    await events.return();
    await quiet();
    expect(desk.clock.sleeping).toBe(0);
    value(desk, 3);
    expect(desk.clock.sleeping).toBe(0);
  });
});
