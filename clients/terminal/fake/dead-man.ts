/** What is done with what the bridge has opened when the bridge stays away. */
import { type ClientOrderId, magicOf, type OrderNumber, type StrategyId } from "../../../src/core/model/ids.ts";
import type { NumberedOrder } from "../../../src/core/model/order.ts";
import type { Position } from "../../../src/core/model/position.ts";
import type { Approved } from "../../../src/core/orders/risk.ts";
import type { Clock } from "../../../src/core/ports/clock.ts";
import type { Observer } from "../../../src/core/ports/observer.ts";
import type { TerminalPort } from "../../../src/core/ports/terminal.ts";

export const policies = ["none", "cancel", "flatten"] as const;

/** `flatten` cancels first, and closes what is open. Only what has a magic number: the bridge's own. */
export interface Absence {
  readonly policy: (typeof policies)[number];
  readonly seconds: number;
}

const COMPONENT = "dead man";
const never = new AbortController().signal;

export class DeadMan {
  readonly #terminal: TerminalPort;
  readonly #absence: Absence;
  readonly #clock: Clock;
  readonly #observer: Observer;
  #callOff: () => void = () => undefined;
  #watching = false;

  constructor(terminal: TerminalPort, absence: Absence, clock: Clock, observer: Observer) {
    this.#terminal = terminal;
    this.#absence = absence;
    this.#clock = clock;
    this.#observer = observer;
  }

  watch(signal: AbortSignal): void {
    if (this.#absence.policy === "none") return;
    this.#watching = true;
    signal.addEventListener("abort", () => this.#callOff(), { once: true });
    this.heard();
  }

  /** The bridge has given a sign of life. */
  heard(): void {
    if (!this.#watching) return;
    this.#callOff();
    this.#callOff = this.#clock.after(this.#absence.seconds * 1000, () => void this.#act());
  }

  async #act(): Promise<void> {
    const { policy, seconds } = this.#absence;
    this.heard(); // and once more, should something be left
    try {
      const { orders, positions } = await this.#terminal.snapshot(this.#clock.now(), never);
      const ours = { orders: orders.filter(isOurs), positions: policy === "flatten" ? positions.filter(isOurs) : [] };
      if (ours.orders.length + ours.positions.length === 0) return;
      const count = { orders: ours.orders.length, positions: ours.positions.length };
      this.#observer.note("warn", COMPONENT, `the bridge has been away for ${seconds} s: ${policy}`, count);
      for (const { ticket } of ours.orders) await this.#terminal.cancel(ticket, never);
      for (const position of ours.positions) await this.#terminal.submit(this.#closing(position), never);
    } catch (error) {
      this.#observer.note("error", COMPONENT, "it could not be done; tried again", { error });
    }
  }

  #closing({ ticket, symbol, side, volume }: Position): Approved<NumberedOrder> {
    const order: NumberedOrder = {
      number: 0 as OrderNumber,
      magic: magicOf(0 as StrategyId, 0 as OrderNumber),
      request: {
        account: this.#terminal.account.alias,
        clientOrderId: `dead-man-${ticket}` as ClientOrderId,
        strategyId: 0 as StrategyId,
        ...{ symbol, side: side === "buy" ? "sell" : "buy", type: "market", volume, position: ticket },
        ...{ filling: "auto", timeInForce: "gtc", deviation: 0, comment: "bridge away" },
      },
    };
    return order as Approved<NumberedOrder>; // what closes needs nobody's leave
  }
}

const isOurs = ({ magic }: { readonly magic: bigint }): boolean => magic !== 0n;
