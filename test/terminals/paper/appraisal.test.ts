import { expect, it } from "vitest";
import { toBrokerTime } from "../../../src/core/model/broker-clock.ts";
import { fine, lots, type Money, type Price } from "../../../src/core/model/decimals.ts";
import { type Magic, ticket } from "../../../src/core/model/ids.ts";
import type { SymbolSpec } from "../../../src/core/model/symbol.ts";
import { Appraisal } from "../../../src/terminals/paper/appraisal.ts";
import { Books } from "../../../src/terminals/paper/books.ts";
import { Desk } from "../../../src/terminals/paper/desk.ts";
import type { Position } from "../../../src/terminals/paper/records.ts";
import { seeded } from "../../../src/terminals/paper/seeded.ts";
import { demo, eurusd, noon } from "./builders.ts";

const symbol = (name: string, base: string, profit: string, calcMode: SymbolSpec["calcMode"]): SymbolSpec => ({
  ...{ ...eurusd, name, calcMode, digits: 2 },
  ...{ currencyBase: base, currencyMargin: base, currencyProfit: profit },
});

/** Of an account in euros: the first two convert the others' profit, at one step or two; one follows its last deal. */
const symbols: readonly SymbolSpec[] = [
  symbol("EURUSD", "EUR", "USD", "forex"),
  symbol("USDJPY", "USD", "JPY", "forex"),
  symbol("CORN", "USD", "USD", "cfd"),
  symbol("NIKKEI", "JPY", "JPY", "cfd_index"),
  symbol("DAX", "EUR", "EUR", "exch_stocks"),
];

it("values an account as if it had reckoned each position anew, whatever has moved, opened and closed", () => {
  const account = { ...demo, currency: "EUR" };
  for (let seed = 0; seed < 100; seed++) {
    const chance = seeded(seed);
    const below = (limit: number) => Math.floor(chance.next() * limit);
    const books = new Books(100);
    const desks = new Map(symbols.map((spec) => [spec.name, new Desk(spec, books.of(spec.name), lots(0))]));
    const appraisal = new Appraisal(account, books, desks);
    const { onPosition } = books;
    for (let step = 0; step < 80; step++) {
      const { name } = symbols[below(symbols.length)] as SymbolSpec;
      const number = 1 + below(8);
      const known = books.positions.get(ticket(number));
      if (below(3) === 0) {
        const bid = below(8) === 0 ? 0 : 100 + below(4);
        const prices = {
          bid: bid as Price,
          ask: (bid === 0 ? 0 : bid + below(3)) as Price,
          last: (99 + below(4)) as Price,
        };
        const times = { time: noon, brokerTime: toBrokerTime(noon) };
        desks.get(name)?.take({ ...prices, ...times, symbol: name, volume: lots(0), flags: 6 });
        appraisal.moved();
      } else if (known !== undefined && below(2) === 0) {
        books.apply({ type: "position_closed", position: known });
      } else {
        const position: Position = {
          ...{ ticket: ticket(number), identifier: ticket(number), symbol: known?.symbol ?? name },
          ...{
            side: below(2) === 0 ? "buy" : "sell",
            volume: lots(1 + below(9)),
            openPrice: fine((98 + below(5)) as Price),
          },
          ...{
            swap: below(3) as Money,
            magic: 0n as Magic,
            reason: "expert",
            openTime: noon,
            updateTime: noon,
            comment: "",
          },
        };
        books.apply({ type: "position", position, marginRate: 1 });
      }
      if (below(2) === 0) continue;
      const valued = { ...appraisal.valuation(noon), complete: appraisal.complete };
      const anew = new Appraisal(account, books, desks);
      expect(valued, `seed ${seed}, step ${step}`).toEqual({ ...anew.valuation(noon), complete: anew.complete });
      books.onPosition = onPosition;
    }
  }
});
