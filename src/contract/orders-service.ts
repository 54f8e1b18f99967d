/** OrdersService: orders given, changed, closed, found again and followed. */
import { create } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import {
  CancelOrderResponseSchema,
  CheckOrderResponseSchema,
  ClosePositionByResponseSchema,
  ClosePositionResponseSchema,
  GetOrderResponseSchema,
  ListDealsResponseSchema,
  ListOrdersResponseSchema,
  ModifyOrderResponseSchema,
  ModifyPositionResponseSchema,
  OrderSelection,
  OrdersService,
  PlaceOrderResponseSchema,
  type StreamOrdersResponse,
  StreamOrdersResponseSchema,
} from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import type { Account } from "../core/accounts/account.ts";
import { toMoney, toPrice } from "../core/model/decimals.ts";
import type { StrategyId, Ticket } from "../core/model/ids.ts";
import { cancelOrder, modifyOrder, modifyPosition, shownOrder } from "../core/orders/change-order.ts";
import { checkOrder } from "../core/orders/check-order.ts";
import { closeBy, closePosition } from "../core/orders/close-position.ts";
import { placeOrder } from "../core/orders/place-order.ts";
import { streamOrders } from "../core/orders/stream-orders.ts";
import { type Accounts, accountOf } from "./accounts.ts";
import { deadManOf } from "./dead-man-message.ts";
import { dealMessage, orderMessage, rejectionMessage } from "./order-message.ts";
import {
  changeDraft,
  checkedDraft,
  closeByDraft,
  closeDraft,
  draftOf,
  keyOf,
  nameOf,
  timingOf,
} from "./order-request.ts";
import { partsOf, sizeOf, tokenOf } from "./pages.ts";
import { service } from "./service.ts";
import { courseEvent, cursorFrom, cursorOf, heartbeatOf } from "./streams.ts";
import { instant, timestamp } from "./times.ts";

/** How old an answer is, of an account whose terminal cannot be heard. */
const age = ({ desk }: Account) => (desk.apartSince === undefined ? {} : { asOf: timestamp(desk.apartSince) });

export const ordersService = (accounts: Accounts) =>
  service(OrdersService, {
    async placeOrder(request, call) {
      const account = accountOf(accounts, request.account);
      const draft = draftOf(request, account.info.alias);
      const { order, replayed } = await placeOrder(account.desk, draft, timingOf(request), call);
      return create(PlaceOrderResponseSchema, { order: orderMessage(order, account), replayed });
    },

    async checkOrder({ order }) {
      const account = accountOf(accounts, order?.account ?? "");
      const { rejection, after, adjustments } = await checkOrder(account.desk, checkedDraft(order, account.info.alias));
      const digits = account.info.currencyDigits;
      return create(CheckOrderResponseSchema, {
        accepted: rejection === undefined,
        ...(rejection === undefined ? {} : { rejection: rejectionMessage(rejection) }),
        marginNeeded: toMoney(after.marginNeeded, digits),
        margin: toMoney(after.margin, digits),
        equity: toMoney(after.equity, digits),
        freeMargin: toMoney(after.freeMargin, digits),
        marginLevel: after.marginLevel,
        adjustments: [...adjustments],
      });
    },

    async modifyOrder(request, call) {
      const account = accountOf(accounts, request.account);
      const key = keyOf(request.clientOrderId);
      const { order, replayed } = await modifyOrder(
        account.desk,
        key,
        nameOf(request.order),
        changeDraft(request),
        call,
      );
      return create(ModifyOrderResponseSchema, { order: orderMessage(order, account), replayed });
    },

    async cancelOrder(request, call) {
      const account = accountOf(accounts, request.account);
      const key = keyOf(request.clientOrderId);
      const { order, replayed } = await cancelOrder(account.desk, key, nameOf(request.order), call);
      return create(CancelOrderResponseSchema, { order: orderMessage(order, account), replayed });
    },

    async closePosition(request, call) {
      const account = accountOf(accounts, request.account);
      const { order, replayed } = await closePosition(account.desk, closeDraft(request), timingOf(request), call);
      return create(ClosePositionResponseSchema, { order: orderMessage(order, account), replayed });
    },

    async closePositionBy(request, call) {
      const account = accountOf(accounts, request.account);
      const { order, replayed } = await closeBy(account.desk, closeByDraft(request), timingOf(request), call);
      return create(ClosePositionByResponseSchema, { order: orderMessage(order, account), replayed });
    },

    async modifyPosition(request, call) {
      const account = accountOf(accounts, request.account);
      const ticket = request.positionTicket as Ticket;
      const draft = { stopLoss: request.stopLoss, takeProfit: request.takeProfit };
      const { position, replayed } = await modifyPosition(
        account.desk,
        keyOf(request.clientOrderId),
        ticket,
        draft,
        call,
      );
      const digits = account.symbols.get(position?.symbol ?? "")?.digits ?? 0;
      return create(ModifyPositionResponseSchema, {
        positionTicket: ticket,
        ...(position?.stopLoss === undefined ? {} : { stopLoss: toPrice(position.stopLoss, digits) }),
        ...(position?.takeProfit === undefined ? {} : { takeProfit: toPrice(position.takeProfit, digits) }),
        replayed,
      });
    },

    async getOrder(request) {
      const account = accountOf(accounts, request.account);
      await account.record.shown();
      const order = await shownOrder(account.desk, nameOf(request.order));
      return create(GetOrderResponseSchema, { order: orderMessage(order, account), ...age(account) });
    },

    async listOrders(request) {
      const account = accountOf(accounts, request.account);
      await account.record.shown();
      const size = sizeOf(request.pageSize, 100);
      const [before] = partsOf(request.pageToken, 1) ?? [Number.MAX_SAFE_INTEGER];
      const filter = { ...commonFilter(request), ...openFilter(request.selection) };
      const orders = await account.record.listOrders(filter, before ?? 0, size);
      const last = orders.length < size ? undefined : orders.at(-1);
      return create(ListOrdersResponseSchema, {
        orders: orders.map((order) => orderMessage(order, account)),
        nextPageToken: last === undefined ? "" : tokenOf(last.number),
        ...age(account),
      });
    },

    async listDeals(request) {
      const account = accountOf(accounts, request.account);
      await account.record.shown();
      const size = sizeOf(request.pageSize, 100);
      const [before] = partsOf(request.pageToken, 1) ?? [Number.MAX_SAFE_INTEGER];
      const filter = {
        ...commonFilter(request),
        ...(request.positionTicket === 0n ? {} : { position: request.positionTicket as Ticket }),
        ...(request.orderTicket === 0n ? {} : { order: request.orderTicket as Ticket }),
      };
      const deals = await account.record.listDeals(filter, before ?? 0, size);
      const last = deals.length < size ? undefined : deals.at(-1);
      return create(ListDealsResponseSchema, {
        deals: deals.map(({ deal }) => dealMessage(deal, account)),
        nextPageToken: last === undefined ? "" : tokenOf(last.place),
        ...age(account),
      });
    },

    async *streamOrders(request, call) {
      const account = accountOf(accounts, request.account);
      const after = cursorFrom(request.resumeAfter);
      const options = {
        strategyId: request.strategyId as StrategyId | undefined,
        symbols: request.symbols,
        snapshot: request.snapshot ?? after === undefined,
        after,
        heartbeat: heartbeatOf(request.heartbeatInterval),
        deadMan: deadManOf(request.deadManSwitch, request.strategyId, call.principal, account),
      };
      for await (const event of streamOrders(account, options, call)) {
        const message = messageOf(event, account);
        const { deadManSwitch } = request;
        if (message.event.case === "opened" && deadManSwitch !== undefined)
          message.event.value.deadManSwitch = deadManSwitch;
        yield message;
      }
    },
  });

interface CommonFilter {
  readonly symbol: string;
  readonly strategyId?: number | undefined;
  readonly from?: Timestamp | undefined;
  readonly to?: Timestamp | undefined;
}

const commonFilter = ({ symbol, strategyId, from, to }: CommonFilter) => ({
  ...(symbol === "" ? {} : { symbol }),
  ...(strategyId === undefined ? {} : { strategyId: strategyId as StrategyId }),
  ...(from === undefined ? {} : { from: instant(from) }),
  ...(to === undefined ? {} : { to: instant(to) }),
});

function openFilter(selection: OrderSelection): { open?: boolean } {
  if (selection === OrderSelection.OPEN) return { open: true };
  return selection === OrderSelection.HISTORIC ? { open: false } : {};
}

type Event = ReturnType<typeof streamOrders> extends AsyncGenerator<infer E> ? E : never;

function messageOf(event: Event, account: Account): StreamOrdersResponse {
  const cursor = cursorOf(event.cursor);
  if (event.type !== "snapshot" && event.type !== "order") {
    return create(StreamOrdersResponseSchema, { cursor, event: courseEvent(event, account.info) });
  }
  const value = orderMessage(event.order, account);
  return create(StreamOrdersResponseSchema, { cursor, event: { case: event.type, value } });
}
