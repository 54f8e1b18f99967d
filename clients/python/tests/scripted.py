"""A bridge that says what a test tells it to, and notes what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from mt5bridge.v1 import orders_pb2_grpc, ticks_pb2_grpc
from mt5bridge.v1.orders_pb2 import (
    ORDER_STAGE_FILLED,
    Order,
    PlaceOrderRequest,
    PlaceOrderResponse,
    StreamOrdersRequest,
    StreamOrdersResponse,
)
from mt5bridge.v1.ticks_pb2 import (
    StreamBarsRequest,
    StreamBarsResponse,
    StreamTicksRequest,
    StreamTicksResponse,
    Tick,
    TickBatch,
)
from mt5bridge.v1.types_pb2 import Closing, Cursor, Reset, SnapshotEnd, StreamOpened, SymbolResult


@dataclass(frozen=True)
class Failure:
    """What a call ends with."""

    code: grpc.StatusCode
    message: str = "no"
    details: bytes = b""


class Vanish:
    """The connection breaks: neither an answer nor a status comes."""


class Silence:
    """Nothing more is said until the caller has gone."""


Step = Message | Failure | Vanish | Silence


def detail(type_name: str, value: bytes) -> bytes:
    return field_of(3, AnyMessage(type_url=f"type.googleapis.com/{type_name}", value=value).SerializeToString())


def field_of(number: int, data: bytes | str) -> bytes:
    data = data.encode() if isinstance(data, str) else data
    assert len(data) < 16384
    length = bytes([len(data)]) if len(data) < 128 else bytes([len(data) & 127 | 128, len(data) >> 7])
    return bytes([number << 3 | 2]) + length + data


def refusal(code: grpc.StatusCode, reason: str, *, retry_after: int = 0, field: str = "", **metadata: str) -> Failure:
    """A failure with details, as the bridge encodes them."""
    entries = b"".join(field_of(3, field_of(1, key) + field_of(2, value)) for key, value in metadata.items())
    details = detail("google.rpc.ErrorInfo", field_of(1, reason) + field_of(2, "mt5bridge") + entries)
    if retry_after:
        details += detail("google.rpc.RetryInfo", field_of(1, Duration(seconds=retry_after).SerializeToString()))
    if field:
        details += detail("google.rpc.BadRequest", field_of(1, field_of(1, field) + field_of(2, "is wrong")))
    return Failure(code, "A sentence.", details)


def cursor(sequence: int, epoch: str = "e") -> Cursor:
    return Cursor(epoch=epoch, sequence=sequence)


def opened(sequence: int) -> StreamOrdersResponse:
    return StreamOrdersResponse(opened=StreamOpened(stream_id="s", cursor=cursor(sequence)))


def snapshot(key: str, sequence: int) -> StreamOrdersResponse:
    return StreamOrdersResponse(cursor=cursor(sequence), snapshot=Order(client_order_id=key))


def snapshot_end(sequence: int) -> StreamOrdersResponse:
    return StreamOrdersResponse(cursor=cursor(sequence), snapshot_end=SnapshotEnd(cursor=cursor(sequence)))


def changed(sequence: int) -> StreamOrdersResponse:
    return StreamOrdersResponse(cursor=cursor(sequence), order=Order(version=sequence))


def reset(sequence: int) -> StreamOrdersResponse:
    return StreamOrdersResponse(reset=Reset(cursor=cursor(sequence)))


def closing(sequence: int) -> StreamOrdersResponse:
    return StreamOrdersResponse(closing=Closing(cursor=cursor(sequence), retry_after=Duration(nanos=1_000_000)))


def ticks_opened(accepted: bool = True) -> StreamTicksResponse:
    row = SymbolResult(symbol="EURUSD", accepted=accepted, reason="" if accepted else "UNKNOWN_SYMBOL", message="?")
    return StreamTicksResponse(opened=StreamOpened(symbols=[row]))


def batch(*sequences: int) -> StreamTicksResponse:
    ticks = [Tick(symbol="EURUSD", sequence=sequence) for sequence in sequences]
    return StreamTicksResponse(batch=TickBatch(ticks=ticks, cursor=cursor(sequences[-1])))


def had(request: Any, event: Any) -> bool:
    """Whether the caller has come back from behind this event.

    What a connection still held as it broke may have reached the client or not.
    """
    if not isinstance(request, StreamOrdersRequest) or not isinstance(event, StreamOrdersResponse):
        return False
    return event.HasField("order") and event.cursor.sequence <= request.resume_after.sequence


@dataclass
class ScriptedBridge(
    orders_pb2_grpc.OrdersServiceServicer,
    ticks_pb2_grpc.TicksServiceServicer,
):
    """Each call takes the next script; when there is none left, calls wait until they are canceled."""

    scripts: list[list[Step]] = field(default_factory=list)
    asked: list[Any] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    address: str = ""
    gone: list[threading.Event] = field(default_factory=list)
    """For each call, that it is over: whoever asked has had enough, or has vanished."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._start()

    def _start(self) -> None:
        self._server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
        orders_pb2_grpc.add_OrdersServiceServicer_to_server(self, self._server)
        ticks_pb2_grpc.add_TicksServiceServicer_to_server(self, self._server)
        port = self._server.add_insecure_port(self.address or "127.0.0.1:0")
        self.address = f"127.0.0.1:{port}"
        self._server.start()

    def stop(self) -> None:
        self._server.stop(None).wait()

    def restart(self) -> None:
        self.stop()
        self._start()

    def _steps(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        gone = threading.Event()
        if not context.add_callback(gone.set):
            gone.set()
        with self._lock:
            self.gone.append(gone)
            self.asked.append(request)
            self.tokens.extend(str(value) for key, value in context.invocation_metadata() if key == "authorization")
            script = self.scripts.pop(0) if self.scripts else None
        if script is None:
            gone.wait()
            return
        for step in script:
            if isinstance(step, Vanish):
                threading.Thread(target=self.restart).start()
                gone.wait()
                return
            if isinstance(step, Silence):
                gone.wait()
                return
            if isinstance(step, Failure):
                if step.details:
                    context.set_trailing_metadata((("grpc-status-details-bin", step.details),))
                context.abort(step.code, step.message)
            if not had(request, step):
                yield step

    def StreamOrders(
        self, request: StreamOrdersRequest, context: grpc.ServicerContext
    ) -> Iterator[StreamOrdersResponse]:
        yield from self._steps(request, context)

    def StreamTicks(self, request: StreamTicksRequest, context: grpc.ServicerContext) -> Iterator[StreamTicksResponse]:
        yield from self._steps(request, context)

    def StreamBars(self, request: StreamBarsRequest, context: grpc.ServicerContext) -> Iterator[StreamBarsResponse]:
        yield from self._steps(request, context)

    def PlaceOrder(self, request: PlaceOrderRequest, context: grpc.ServicerContext) -> PlaceOrderResponse:
        for answer in self._steps(request, context):
            assert isinstance(answer, PlaceOrderResponse)
            return answer
        return PlaceOrderResponse()


def filled(key: str = "", *, replayed: bool = False) -> PlaceOrderResponse:
    return PlaceOrderResponse(order=Order(client_order_id=key, stage=ORDER_STAGE_FILLED), replayed=replayed)
