/**
 * A strategy for the client in TypeScript that writes down all it sees while its connection, or the bridge, goes away
 * in the middle. It runs as it is here in Node and in a page.
 */
import type * as node from "../../../clients/typescript/src/node.ts";

/** What the client for Node and the one for browsers both have. */
type Client = Pick<typeof node, "OrderSide" | "OrderStage" | "OrderType" | "stageName">;

export interface Traded {
  /** Every change of an order, as it came. */
  readonly changes: { readonly id: string; readonly version: number; readonly stage: string }[];
  /** The stage that each order's answer told. */
  readonly answers: Record<string, string>;
  /** The numbers of the ticks, as they came; each inner list begins where the bridge declared a reset. */
  readonly ticks: number[][];
  /** How often the stream of orders was reset. */
  orderResets: number;
  /** Orders whose answer never came. */
  unanswered: number;
}

export interface Plan {
  readonly orders: number;
  /** Whose they are; no two plans at one bridge have the same. */
  readonly strategyId: number;
  /** Breaks off what goes on; called in the middle of it, and not waited for. */
  readonly interrupt: () => Promise<void>;
}

export async function trade(
  client: Client,
  mt5: node.Bridge,
  { orders, strategyId, interrupt }: Plan,
): Promise<Traded> {
  const { OrderSide, OrderStage, OrderType, stageName } = client;
  const traded: Traded = { changes: [], answers: {}, ticks: [[]], orderResets: 0, unanswered: 0 };
  const final = new Set<string>();
  const stop = new AbortController();
  const { signal } = stop;
  let listening = () => {};
  const nowListening = new Promise<void>((resolve) => {
    listening = resolve;
  });
  let ticking = () => {};
  const nowTicking = new Promise<void>((resolve) => {
    ticking = resolve;
  });
  let ticksToCome = Number.POSITIVE_INFINITY;

  const followOrders = async () => {
    const onState = ({ kind }: node.StreamState) => {
      if (kind === "connected") listening();
      if (kind === "reset") traded.orderResets++;
    };
    for await (const { snapshot, order } of mt5.orderEvents({ strategyId, signal, onState })) {
      if (snapshot) continue;
      traded.changes.push({ id: order.clientOrderId, version: order.version, stage: stageName(order.stage) });
      // Right after a restart there may be no price yet, which the broker answers with a rejection.
      if (order.stage === OrderStage.FILLED || order.stage === OrderStage.REJECTED) final.add(order.clientOrderId);
    }
  };
  const followTicks = async () => {
    const onState = ({ kind }: node.StreamState) => kind === "reset" && traded.ticks.push([]);
    for await (const { sequence } of mt5.ticks(["EURUSD"], { signal, onState })) {
      const numbers = traded.ticks.at(-1) ?? [];
      numbers.push(Number(sequence));
      if (numbers.length > 10) ticking();
      if (ticksToCome-- <= 0 && final.size === orders) stop.abort();
    }
  };
  const giveOrders = async () => {
    await nowListening;
    let interrupted = Promise.resolve();
    for (let index = 0; index < orders; index++) {
      if (index === orders / 2) {
        await nowTicking; // there must be something to break off
        interrupted = interrupt();
      }
      const buy = { symbol: "EURUSD", side: OrderSide.BUY, type: OrderType.MARKET, volume: 0.01 };
      const clientOrderId = `${strategyId}-${index}`;
      const { order } = await mt5.orders.place({ ...buy, strategyId, clientOrderId }, { signal });
      traded.answers[clientOrderId] = stageName(order?.stage ?? OrderStage.UNSPECIFIED);
    }
    await interrupted;
    ticksToCome = 20;
  };
  const parts = [followOrders(), followTicks(), giveOrders()];
  for (const part of parts) part.catch(() => stop.abort());
  await Promise.all(parts);
  traded.unanswered = (await mt5.orders.kept()).length;
  return traded;
}
