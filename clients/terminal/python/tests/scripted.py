"""A bridge that says what a test tells it to, and notes what it is told: a real gRPC server."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from mt5_bridge_agent.mt5bridge.terminal.v1 import link_pb2 as wire

PATIENCE_S = 10.0
ACCOUNT = wire.Fingerprint(login=1000001, server="Broker-Demo", trade_mode=0)


class Connection:
    """One call of an agent."""

    def __init__(self, peer: Iterator[bytes], context: grpc.ServicerContext) -> None:
        self.metadata = {str(name): str(value) for name, value in context.invocation_metadata()}
        self._peer = peer
        self._context = context
        self._told: queue.Queue[wire.ConnectRequest | None] = queue.Queue()
        self._say: queue.Queue[bytes | None] = queue.Queue()
        self._sequence = 0
        self.reports: list[wire.Report] = []
        self._passed: list[wire.Report] = []
        self.acknowledged = 0
        """The last command that the agent has acknowledged."""

    def listen(self) -> None:
        try:
            for frame in self._peer:
                self._told.put(wire.ConnectRequest.FromString(frame))
        except grpc.RpcError:
            pass
        self._told.put(None)

    def speak(self) -> Iterator[bytes]:
        while (frame := self._say.get()) is not None:
            yield frame

    # What the bridge says

    def say(self, **frame: Any) -> None:
        self.say_bytes(wire.ConnectResponse(**frame).SerializeToString())

    def say_bytes(self, frame: bytes) -> None:
        self._say.put(frame)

    def close(self) -> None:
        self._say.put(None)

    def cut(self) -> None:
        self._context.cancel()
        self._say.put(None)

    def welcome(self, epoch: int = 1, last_seen: int = 0, **more: Any) -> None:
        now_ms = time.time_ns() // 1_000_000
        self.say(
            welcome={"protocol": 1, "bridge_epoch": epoch, "last_seen": last_seen, "bridge_time_ms": now_ms, **more}
        )

    def command(self, id: str, *, sequence: int = 0, within_s: float = 60, **action: Any) -> str:
        self._sequence = sequence or self._sequence + 1
        deadline_ms = int((time.time() + within_s) * 1_000)
        fields = {"sequence": self._sequence, "id": id, "deadline_ms": deadline_ms, "account": ACCOUNT, **action}
        self.say(command=wire.Command(**fields))
        return id

    def acknowledge(self) -> None:
        self.say(ack={"sequence": self.reports[-1].sequence})

    # What the agent says

    def hear(self) -> wire.ConnectRequest:
        frame = self._told.get(timeout=PATIENCE_S)
        if frame is None:
            raise ConnectionError("the agent has ended the connection")
        if frame.HasField("report"):
            self.reports.append(frame.report)
        if frame.HasField("ack"):
            self.acknowledged = frame.ack.sequence
        return frame

    def hello(self) -> wire.Hello:
        frame = self.hear()
        assert frame.HasField("hello")
        return frame.hello

    def until(self, wanted: Callable[[wire.ConnectRequest], bool]) -> wire.ConnectRequest:
        ends = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends:
            if wanted(frame := self.hear()):
                return frame
            if frame.HasField("report"):
                self._passed.append(frame.report)
        raise TimeoutError

    def report(self, event: str, wanted: Callable[[Any], bool] = lambda _: True) -> Any:
        """A report of that event: the first that was passed over so far, or the next to come."""

        def fits(report: wire.Report) -> bool:
            return report.WhichOneof("event") == event and wanted(getattr(report, event))

        for passed in self._passed:
            if fits(passed):
                self._passed.remove(passed)
                return getattr(passed, event)
        return getattr(self.until(lambda frame: fits(frame.report)).report, event)

    def results(self, id: str) -> list[wire.CommandResult]:
        """All of a command's."""
        self.report("result", lambda result: result.id == id and not result.more)
        return [report.result for report in self.reports if report.result.id == id]

    def result(self, id: str) -> wire.CommandResult:
        return self.results(id)[-1]

    def end(self) -> None:
        """Waits until the agent has ended it."""
        try:
            while True:
                self.hear()
        except ConnectionError:
            return


class ScriptedBridge(grpc.GenericRpcHandler):
    def __init__(self, port: int = 0) -> None:
        self._connections: queue.Queue[Connection] = queue.Queue()
        self._threads = ThreadPoolExecutor(16)
        self._server = grpc.server(self._threads, handlers=[self], options=[("grpc.so_reuseport", 0)])
        self.port = self._server.add_insecure_port(f"127.0.0.1:{port}")
        assert self.port
        self.address = f"127.0.0.1:{self.port}"
        self._server.start()
        self._all: list[Connection] = []

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        if handler_call_details.method != "/mt5bridge.terminal.v1.TerminalLinkService/Connect":
            return None
        return grpc.stream_stream_rpc_method_handler(self._connect)

    def _connect(self, peer: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        connection = Connection(peer, context)
        context.add_callback(connection.close)
        self._all.append(connection)
        self._connections.put(connection)
        self._threads.submit(connection.listen)
        yield from connection.speak()

    def next(self) -> Connection:
        return self._connections.get(timeout=PATIENCE_S)

    def linked(self, epoch: int = 1, last_seen: int = 0, **more: Any) -> Connection:
        """The next connection, greeted."""
        connection = self.next()
        connection.hello()
        connection.welcome(epoch, last_seen, **more)
        return connection

    def stop(self) -> None:
        for connection in self._all:
            connection.close()
        self._server.stop(None).wait()
        self._threads.shutdown(wait=False, cancel_futures=True)


def buy(volume: float = 0.1, symbol: str = "EURUSD", **more: Any) -> wire.TradeRequest:
    return wire.TradeRequest(action=1, symbol=symbol, volume=volume, type=0, magic=(7 << 32) + 42, **more)


def buy_limit(price: float, volume: float = 0.1, **more: Any) -> wire.TradeRequest:
    return wire.TradeRequest(action=5, symbol="EURUSD", volume=volume, type=2, price=price, magic=1, **more)
