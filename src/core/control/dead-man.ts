/**
 * The dead-man switches of one account: a strategy asks that its orders be canceled, or its positions closed, should its
 * stream stay away.
 *
 * Always true:
 *   - What is armed is on disk before the stream is told so, and is armed until it is disarmed or has fired; the time for
 *     which a strategy is away counts from the start of the bridge at the earliest.
 *   - A strategy that comes back stops its clock, and also what the switch was doing; what had been sent stays sent.
 *   - What is done has keys of its own, made from the arming and the ticket, so nothing is done twice.
 *   - It goes on until nothing is left to do: a market that is closed or a link that is down only delays it.
 */
import { BridgeError } from "../errors.ts";
import type { ClientOrderId, StrategyId, Ticket } from "../model/ids.ts";
import { strategyIdOf } from "../model/ids.ts";
import { cancelOrder } from "../orders/change-order.ts";
import { closePosition } from "../orders/close-position.ts";
import type { Caller, OrderDesk } from "../orders/order-desk.ts";
import type { Arming, DeadManWish } from "./armings.ts";

/** Between two tries, in milliseconds: doubled while nothing comes of them. */
const firstWait = 1_000;
const longestWait = 60_000;

/** Who is here of a strategy. */
interface Presence {
  streams: number;
  /** Runs while nobody is. */
  away: AbortController | undefined;
}

export class DeadManSwitches {
  readonly #desk: OrderDesk;
  readonly #presence = new Map<StrategyId, Presence>();
  #fired = 0;

  constructor(desk: OrderDesk) {
    this.#desk = desk;
  }

  /** What is armed, and how often a switch has fired since the start. */
  get counts() {
    return { armed: this.#desk.control.armings.on(this.#desk.account).length, fired: this.#fired };
  }

  /** Nobody is connected yet: every clock begins. */
  start(): void {
    for (const arming of this.#desk.control.armings.on(this.#desk.account)) this.#leftAlone(arming.strategyId);
  }

  /** A stream has come that asks for a switch. Resolves when it is armed, with what to call when the stream has gone. */
  async connect(strategyId: StrategyId, wish: DeadManWish, by: string): Promise<() => void> {
    const presence = this.#presence.get(strategyId) ?? { streams: 0, away: undefined };
    this.#presence.set(strategyId, presence);
    presence.streams += 1;
    presence.away?.abort();
    presence.away = undefined;
    let here = true;
    const leave = () => {
      if (!here) return;
      here = false;
      presence.streams -= 1;
      if (presence.streams === 0) this.#leftAlone(strategyId);
    };
    try {
      await this.#desk.control.arm({ account: this.#desk.account, strategyId, ...wish }, by);
      return leave;
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** Resolves when nothing is armed. */
  async disarm(strategyId: StrategyId): Promise<void> {
    this.#presence.get(strategyId)?.away?.abort();
    const arming = this.#desk.control.armings.of(this.#desk.account, strategyId);
    if (arming !== undefined) await this.#desk.control.disarm(arming, "a stream asked for it");
  }

  #leftAlone(strategyId: StrategyId): void {
    const arming = this.#desk.control.armings.of(this.#desk.account, strategyId);
    this.#presence.get(strategyId)?.away?.abort();
    this.#presence.delete(strategyId);
    if (arming === undefined) return;
    const away = new AbortController();
    this.#presence.set(strategyId, { streams: 0, away });
    void this.#watch(arming, away.signal);
  }

  /** Never throws. A bridge that drains sends nothing more: the clock begins anew with the next start. */
  async #watch(arming: Arming, signal: AbortSignal): Promise<void> {
    const { clock, observer } = this.#desk;
    await clock.sleep(arming.timeout, signal);
    const over = () => signal.aborted || this.#desk.draining;
    if (over()) return;
    this.#fired += 1;
    const { strategyId, action, timeout, armedBy, number } = arming;
    const context = {
      account: arming.account,
      strategy_id: strategyId,
      action,
      timeout_ms: timeout,
      armed_by: armedBy,
      arming: number,
    };
    observer.note("warn", "risk", "dead-man switch fired", context);
    for (let wait = firstWait; !over(); ) {
      const before = this.#left(arming);
      try {
        const isDone = await this.#act(arming, signal);
        if (signal.aborted) return; // the strategy is back, and was told that its switch is armed
        if (isDone) {
          await this.#desk.control.disarm(arming, "it has fired");
          if (!signal.aborted) this.#presence.delete(strategyId);
          return;
        }
      } catch (error) {
        observer.note("error", "risk", "a dead-man switch could not do all it should; tried again", {
          ...context,
          error,
        });
      }
      if (!over()) await clock.sleep(wait, signal);
      wait = this.#left(arming) < before ? firstWait : Math.min(2 * wait, longestWait);
    }
  }

  /** How much there is to do: a position may be closed in parts. */
  #left(arming: Arming): number {
    return this.#orders(arming).length + this.#positions(arming).reduce((sum, { volume }) => sum + volume, 0);
  }

  /** One try; true when nothing is left to do. */
  async #act(arming: Arming, signal: AbortSignal): Promise<boolean> {
    const caller: Caller = { deadline: undefined, signal, traceId: "", cause: "bridge" };
    const resting = this.#orders(arming).filter(
      ({ type, stage }) => type !== "market" && type !== "close_by" && stage !== "in_doubt",
    );
    const canceling = resting.flatMap(({ ticket, symbol }) => {
      if (ticket === undefined || this.#isHalted(symbol)) return [];
      return [
        cancelOrder(this.#desk, this.#key(arming, "cancel", ticket), { by: "order_ticket", value: ticket }, caller),
      ];
    });
    await this.#all(arming, canceling);
    if (arming.action === "close_positions" && !signal.aborted) await this.#all(arming, this.#closing(arming, caller));
    return (
      this.#orders(arming).length === 0 && (arming.action === "cancel_orders" || this.#positions(arming).length === 0)
    );
  }

  /** A position that is being closed already is left to that. */
  #closing(arming: Arming, caller: Caller): Promise<unknown>[] {
    const { orders } = this.#desk.record;
    const closed = new Set([...orders.open].filter(({ type }) => type === "market").map(({ position }) => position));
    return this.#positions(arming).flatMap(({ ticket, symbol }) => {
      if (closed.has(ticket) || this.#isHalted(symbol)) return [];
      const clientOrderId = this.#key(arming, "close", ticket);
      // All or nothing would be nothing, for as long as the market is thinner than the position.
      const filling = this.#desk.symbol(symbol).fillingModes.includes("ioc") ? "ioc" : "auto";
      const all = { volume: undefined, price: undefined, filling, deviation: 0, comment: "" } as const;
      const draft = { clientOrderId, strategyId: arming.strategyId, position: ticket, ...all };
      return [closePosition(this.#desk, draft, { waitFor: "answered", notAfter: undefined }, caller)];
    });
  }

  #orders({ strategyId }: Arming) {
    return [...this.#desk.record.orders.open].filter((order) => order.strategyId === strategyId);
  }

  #positions({ strategyId }: Arming) {
    return [...this.#desk.record.holdings.positions].filter(({ magic }) => strategyIdOf(magic) === strategyId);
  }

  async #all(arming: Arming, calls: readonly Promise<unknown>[]): Promise<void> {
    for (const done of await Promise.allSettled(calls)) {
      if (done.status === "fulfilled") continue;
      const error = done.reason instanceof BridgeError ? done.reason.message : done.reason;
      this.#desk.observer.note("warn", "risk", "a dead-man switch was refused", { arming: arming.number, error });
    }
  }

  /** HALTED lets nothing through: it waits, rather than being refused again and again. */
  #isHalted(symbol: string): boolean {
    return this.#desk.control.modes.of(this.#desk.account, symbol)?.mode === "halted";
  }

  /** The first that was not used: each try has its own, and finds it again after a restart. */
  #key({ number }: Arming, what: "cancel" | "close", ticket: Ticket): ClientOrderId {
    for (let attempt = 1; ; attempt++) {
      const key = `deadman:${number}:${what}:${ticket}:${attempt}` as ClientOrderId;
      if (!this.#desk.record.mayBeUsed(key)) return key;
    }
  }
}
