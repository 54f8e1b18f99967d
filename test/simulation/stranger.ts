/** The terminal while somebody has logged it in to another account: whatever is asked of it is asked of the wrong one. */
import { toBrokerTime } from "../../src/core/model/broker-clock.ts";
import type { Instant } from "../../src/core/model/ids.ts";
import type { Outcome, TerminalPort } from "../../src/core/ports/terminal.ts";
import type { Broker } from "./broker.ts";

export function stranger(broker: Broker, asked: (what: string) => void): TerminalPort {
  const trade = async (what: string): Promise<Outcome> => {
    asked(what);
    return { kind: "done", retcode: 10009, orders: [], deals: [] };
  };
  return {
    account: { ...broker.account, login: broker.account.login + 1n },
    symbols: broker.symbols,
    brokerTime: toBrokerTime,
    submit: () => trade("an order"),
    modify: () => trade("a change"),
    cancel: () => trade("a cancel"),
    modifyPosition: () => trade("a change of stops"),
    check: (order) => Promise.resolve(broker.check(order)),
    snapshot: async () => {
      asked("the records");
      const nothing = { orders: [], positions: [], pastOrders: [], deals: [] };
      return { ...nothing, valuation: broker.valuation(), completeUntil: 0 as Instant };
    },
    async *reports() {},
  };
}
