"""The bridge, for programs with threads. `AsyncBridge` is the same for asyncio."""

from __future__ import annotations

import logging
import threading
from collections.abc import Generator
from contextlib import closing
from types import TracebackType
from typing import Any, TypeVar

import grpc

from mt5bridge.connection import Tls, channel_to
from mt5bridge.course import Course, Request
from mt5bridge.errors import BridgeError
from mt5bridge.keyed import Keyed, request_of, sending_of, settled, with_key
from mt5bridge.keys import KeyFile, KeyStore, Sending
from mt5bridge.terms import Delivery, Pauses, Terms
from mt5bridge.ticks import refuse_unknown, ticks_request, ticks_within
from mt5bridge.v1 import account_pb2_grpc, admin_pb2_grpc, health_pb2_grpc, orders_pb2_grpc, ticks_pb2_grpc
from mt5bridge.v1.account_pb2 import StreamAccountRequest, StreamAccountResponse
from mt5bridge.v1.orders_pb2 import (
    CancelOrderRequest,
    CancelOrderResponse,
    ClosePositionByRequest,
    ClosePositionByResponse,
    ClosePositionRequest,
    ClosePositionResponse,
    ModifyOrderRequest,
    ModifyOrderResponse,
    ModifyPositionRequest,
    ModifyPositionResponse,
    PlaceOrderRequest,
    PlaceOrderResponse,
    StreamOrdersRequest,
    StreamOrdersResponse,
)
from mt5bridge.v1.ticks_pb2 import Delivery as TickDelivery
from mt5bridge.v1.ticks_pb2 import (
    StreamBarsRequest,
    StreamBarsResponse,
    StreamTicksRequest,
    StreamTicksResponse,
    Tick,
)

_log = logging.getLogger("mt5bridge")
_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


class Bridge:
    """One connection to a bridge; threads may share it. Use it in a `with` statement, or `close` it.

    The services of the contract are there as they are (`account`, `tick`, `order`, `health`, `admin`), raising
    `grpc.RpcError`; through `call` they raise `BridgeError`. The methods below do more than one call can: streams
    that go on behind the last event after any interruption, and orders that are sent until they are answered. What
    they raise is a `BridgeError`: at once for what no second try would change, else when `Terms.patience` ends.
    """

    def __init__(
        self,
        address: str = "127.0.0.1:50051",
        *,
        token: str | None = None,
        tls: Tls = False,
        keys: KeyStore | None = None,
        terms: Terms | None = None,
    ) -> None:
        """`address`: host and port, of gRPC (50051) or of HTTP (8001). `token`: an API key or a token.

        `keys`: where order keys are kept; by default in the file mt5bridge-keys.jsonl of the current folder.
        """
        self.keys: KeyStore = KeyFile() if keys is None else keys
        self._terms = terms or Terms()
        self._closed = threading.Event()
        self._channel = channel_to(address, token, tls)
        self.account = account_pb2_grpc.AccountServiceStub(self._channel)
        self.tick = ticks_pb2_grpc.TicksServiceStub(self._channel)
        self.order = orders_pb2_grpc.OrdersServiceStub(self._channel)
        self.health = health_pb2_grpc.HealthServiceStub(self._channel)
        self.admin = admin_pb2_grpc.AdminServiceStub(self._channel)

    def __enter__(self) -> Bridge:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends every stream and lets go of the connection."""
        self._closed.set()
        self._channel.close()

    def call(self, rpc: grpc.UnaryUnaryMultiCallable[_Request, _Response], request: _Request) -> _Response:
        """One call, once: `bridge.call(bridge.account.GetAccount, GetAccountRequest())`."""
        try:
            return rpc(request, timeout=self._terms.timeout)
        except grpc.RpcError as error:
            raise BridgeError.of(error) from error

    # Streams. They end when the bridge is closed, and raise what cannot pass by waiting.

    def ticks(
        self, *symbols: str, account: str = "", delivery: TickDelivery.ValueType = TickDelivery.DELIVERY_EVERY_TICK
    ) -> Generator[Tick, None, None]:
        """Ticks, beginning with the newest of each symbol. A symbol that the bridge does not have is an error."""
        with closing(self.tick_events(ticks_request(symbols, account, delivery))) as events:
            for event in events:
                refuse_unknown(event)
                yield from ticks_within(event)

    def tick_events(self, request: StreamTicksRequest) -> Generator[StreamTicksResponse, None, None]:
        """Everything that a tick stream says. The bridge numbers ticks anew when it starts, and says so: `reset`."""
        return self._follow(self.tick.StreamTicks, Course(request))

    def order_events(self, request: StreamOrdersRequest | None = None) -> Generator[StreamOrdersResponse, None, None]:
        """The open orders, then every change of every order, none missed and none twice, also across restarts.

        Each event carries the cursor behind it: kept, and handed in as `resume_after`, it bridges restarts of the
        strategy too. After a `reset`, which a bridge that has kept its journal sends only to a cursor that is too
        old, ListOrders knows what happened in between.
        """
        return self._follow(self.order.StreamOrders, Course(request or StreamOrdersRequest()))

    def bar_events(self, request: StreamBarsRequest) -> Generator[StreamBarsResponse, None, None]:
        """Bars as they form, and each once more, `final`, when it is closed. After a `reset` they begin anew."""
        return self._follow(self.tick.StreamBars, Course(request))

    def account_events(
        self, request: StreamAccountRequest | None = None
    ) -> Generator[StreamAccountResponse, None, None]:
        """The account, then positions, balance operations (none missed, none twice) and its latest worth."""
        return self._follow(self.account.StreamAccount, Course(request or StreamAccountRequest()))

    def _follow(
        self, rpc: grpc.UnaryStreamMultiCallable[Request, _Response], course: Course[Request]
    ) -> Generator[_Response, None, None]:
        pauses = Pauses(self._terms)
        while not self._closed.is_set():
            retry_after = 0.0
            why = "the stream has ended"
            call = rpc(course.request())
            try:
                for event in call:
                    course.take(event)  # type: ignore[arg-type]
                    yield event
                    pauses.start_over()
                retry_after = course.retry_after
            except grpc.RpcError as error:
                if self._closed.is_set():
                    return
                fault = BridgeError.of(error)
                if not fault.passing:
                    raise fault from error
                retry_after, why = max(course.retry_after, fault.retry_after), str(fault)
            finally:
                call.cancel()
            pause = pauses.next(retry_after)
            _log.warning("%s; connecting again in %.1f s", why, pause)
            self._closed.wait(pause)

    # Requests under a key: written down, sent, and sent again until they are answered. Where `client_order_id` is
    # empty a new one is made. A refusal by the broker is no error: it is the order's stage.

    def place_order(self, request: PlaceOrderRequest) -> PlaceOrderResponse:
        """A market, limit, stop or stop-limit order."""
        return self._deliver(self.order.PlaceOrder, request)

    def modify_order(self, request: ModifyOrderRequest) -> ModifyOrderResponse:
        """Other prices, or another lifetime, for a pending order."""
        return self._deliver(self.order.ModifyOrder, request)

    def cancel_order(self, request: CancelOrderRequest) -> CancelOrderResponse:
        """Takes a pending order out of the market."""
        return self._deliver(self.order.CancelOrder, request)

    def close_position(self, request: ClosePositionRequest) -> ClosePositionResponse:
        """All of a position, or a part of it."""
        return self._deliver(self.order.ClosePosition, request)

    def close_position_by(self, request: ClosePositionByRequest) -> ClosePositionByResponse:
        """A position against an opposite one."""
        return self._deliver(self.order.ClosePositionBy, request)

    def modify_position(self, request: ModifyPositionRequest) -> ModifyPositionResponse:
        """A position's stop loss and take profit."""
        return self._deliver(self.order.ModifyPosition, request)

    def send_again(self, sending: Sending) -> Any:
        """The very same request under the very same key, for what `keys.pending()` still holds after a crash.

        If it had reached the bridge the answer is what became of it; if not, it acts now. Where that would be too
        late, ask with `GetOrder` instead.
        """
        return self._deliver(getattr(self.order, sending.method), request_of(sending))

    def _deliver(self, rpc: grpc.UnaryUnaryMultiCallable[Keyed, _Response], request: Keyed) -> _Response:
        request = with_key(request)
        self.keys.sent(sending_of(request))
        delivery = Delivery(self._terms)
        while True:
            try:
                response = rpc(request, timeout=delivery.timeout())
            except grpc.RpcError as error:
                fault = BridgeError.of(error, order_may_exist=True)
            else:
                if settled(response):
                    self.keys.answered(request.client_order_id)
                return response
            try:
                pause = delivery.failed(fault)
            except BridgeError:
                if not fault.order_may_exist:
                    self.keys.answered(request.client_order_id)
                raise
            if self._closed.wait(pause):
                raise fault
