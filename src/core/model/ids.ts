/** The names of things: each has a type of its own, so that no two can be swapped. */

declare const kind: unique symbol;
type Named<T, Kind> = T & { readonly [kind]: Kind };

/** An account's alias in the configuration. */
export type AccountAlias = Named<string, "account">;
/** The strategy's own key of something it asked for; unique per account, for ever. */
export type ClientOrderId = Named<string, "client order id">;
/** The bridge's public id of an order; sorts in the order in which orders came. */
export type OrderId = Named<string, "order id">;
/** The bridge's own number of an order, 1 to 2^32 - 1; the low 32 bits of `magic`. */
export type OrderNumber = Named<number, "order number">;
/** Who owns an order, 0 to 2^31 - 1; the high 31 bits of `magic`. */
export type StrategyId = Named<number, "strategy id">;
/** MetaTrader's number of an order, a deal or a position (unsigned, 64 bits). */
export type Ticket = Named<bigint, "ticket">;
/** What MetaTrader carries through orders, positions and deals for us (63 bits). */
export type Magic = Named<bigint, "magic">;

/** A moment in milliseconds since 1970-01-01 UTC. */
export type Instant = Named<number, "UTC ms">;
/** A moment on the broker's wall clock, written as if that clock were UTC. */
export type BrokerTime = Named<number, "broker ms">;

/** One moment on both clocks, as they stood then. */
export interface Moment {
  readonly time: Instant;
  readonly brokerTime: BrokerTime;
}

/** Both, where the broker's clock was told: journals of the first version did not keep it. */
export const momentOf = (time: Instant, brokerTime: BrokerTime | undefined): Moment | undefined =>
  brokerTime === undefined ? undefined : { time, brokerTime };

export const ticket = (n: number | bigint): Ticket => BigInt(n) as Ticket;

export const orderId = (account: AccountAlias, number: OrderNumber): OrderId =>
  `${account}-${String(number).padStart(10, "0")}` as OrderId;

/** The number in an order's id; of any other text, whatever is there. */
export const numberIn = (id: OrderId): OrderNumber => Number(id.slice(id.lastIndexOf("-") + 1)) as OrderNumber;

export const magicOf = (strategy: StrategyId, number: OrderNumber): Magic =>
  ((BigInt(strategy) << 32n) | BigInt(number)) as Magic;

export const orderNumberOf = (magic: Magic): OrderNumber => Number(magic & 0xffff_ffffn) as OrderNumber;

export const strategyIdOf = (magic: Magic): StrategyId => Number(magic >> 32n) as StrategyId;
