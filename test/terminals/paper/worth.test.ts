import { describe, expect, it } from "vitest";
import { fine, type Money, type Price, type Volume } from "../../../src/core/model/decimals.ts";
import { type Instant, type Magic, type Ticket, ticket } from "../../../src/core/model/ids.ts";
import type { Position } from "../../../src/terminals/paper/records.ts";
import { seeded } from "../../../src/terminals/paper/seeded.ts";
import { Worth } from "../../../src/terminals/paper/worth.ts";

const position = (number: number, volume = 1, swap = 0, symbol = "EURUSD"): Position => ({
  ticket: ticket(number),
  identifier: ticket(number),
  symbol,
  side: "buy",
  volume: volume as Volume,
  openPrice: fine(100 as Price),
  swap: swap as Money,
  magic: 0n as Magic,
  reason: "expert",
  openTime: 0 as Instant,
  updateTime: 0 as Instant,
  comment: "",
});

/** A profit of what its symbol's price is above 100, for each unit of volume; no price, no value. */
function market() {
  const positions = new Map<Ticket, Position>();
  const now = { prices: new Map([["EURUSD", 101]]), asked: 0 };
  const judge = ({ symbol, volume }: Position) => {
    now.asked += 1;
    const price = now.prices.get(symbol);
    return price === undefined ? undefined : { price: price as Price, profit: ((price - 100) * volume) as Money };
  };
  const anew = () => new Worth(positions, judge, (symbol) => [now.prices.get(symbol)]);
  const worth = anew();
  const put = (one: Position) => {
    positions.set(one.ticket, one);
    worth.changed(one.ticket);
  };
  const close = (number: number) => {
    positions.delete(ticket(number));
    worth.changed(ticket(number));
  };
  const move = (price: number | undefined, symbol = "EURUSD") => {
    if (price === undefined) now.prices.delete(symbol);
    else now.prices.set(symbol, price);
    worth.moved();
  };
  return { now, anew, worth, put, close, move };
}

const shown = ({ amount, complete, values }: Worth) => ({ amount, complete, values });

describe("what open positions are worth", () => {
  it("counts swap into the account's profit, and not into the position's", () => {
    const { worth, put } = market();
    put(position(1, 10, -5));
    put(position(2, 4, -2));
    expect(worth.amount).toBe(7);
    expect(worth.values).toEqual([
      { position: 1n, price: 101, profit: 10 },
      { position: 2n, price: 101, profit: 4 },
    ]);
  });

  it("is without profit of what has no price, and says so", () => {
    const { worth, put, move } = market();
    put(position(1, 10, -5));
    move(undefined);
    expect(shown(worth)).toEqual({
      amount: -5,
      complete: false,
      values: [{ position: 1n, price: 100, profit: 0 }],
    });
    move(102);
    expect([worth.amount, worth.complete]).toEqual([15, true]);
  });

  it("is reckoned of one position when one has changed, however many there are", () => {
    const { worth, put, close: end, now } = market();
    for (let number = 1; number <= 1000; number++) put(position(number));
    expect([worth.amount, now.asked]).toEqual([1000, 1000]);
    put(position(1001));
    put(position(500, 3));
    end(7);
    expect([worth.amount, worth.values.length, now.asked]).toEqual([1002, 1000, 1002]);
  });

  it("is reckoned of one symbol when its price has moved, whatever else is open", () => {
    const { worth, put, move, now } = market();
    for (let number = 1; number <= 1000; number++) put(position(number, 1, 0, number > 10 ? "GBPUSD" : "EURUSD"));
    move(102, "GBPUSD");
    expect([worth.amount, now.asked]).toEqual([10 + 2 * 990, 1000]);
    move(103);
    expect([worth.amount, now.asked]).toEqual([30 + 2 * 990, 1010]);
    move(104, "XAUUSD");
    move(103);
    expect([worth.amount, now.asked]).toEqual([30 + 2 * 990, 1010]);
  });

  it("is the same as reckoned anew, whatever has happened and whoever has asked in between", () => {
    for (let seed = 0; seed < 300; seed++) {
      const chance = seeded(seed);
      const { anew, worth, put, close: end, move } = market();
      const given: { readonly values: Worth["values"]; readonly copy: Worth["values"] }[] = [];
      for (let step = 0; step < 60; step++) {
        const [what, number] = [chance.next(), Math.ceil(chance.next() * 12)];
        const symbol = number % 2 === 0 ? "EURUSD" : "GBPUSD";
        if (what < 0.45)
          put(position(number, Math.ceil(chance.next() * 100), Math.floor(chance.next() * 9) - 4, symbol));
        else if (what < 0.7) end(number);
        else if (what < 0.85) move(chance.next() < 0.2 ? undefined : 99 + Math.ceil(chance.next() * 3), symbol);
        if (chance.next() < 0.5) expect(worth.amount, `seed ${seed}, step ${step}`).toBe(anew().amount);
        if (chance.next() < 0.5) {
          expect(shown(worth), `seed ${seed}, step ${step}`).toEqual(shown(anew()));
          given.push({ values: worth.values, copy: [...worth.values] });
        }
      }
      for (const { values, copy } of given) expect(values, `seed ${seed}`).toEqual(copy);
    }
  });
});
