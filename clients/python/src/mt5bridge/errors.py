"""What a failed call says, as one exception.

The details of an error are `google.rpc` messages. They are read field by field here rather than by generated code:
that code would claim the name `google.rpc`, which another package of the same program may have too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.unknown_fields import UnknownFieldSet

_DETAILS = "grpc-status-details-bin"
_RETRY = {"later", "after_reconnect", "after_reconcile", "after_resubscribe"}
_PASSING = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
_BROKEN_OFF = {grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.ABORTED}


@dataclass(frozen=True)
class Violation:
    """A field of the request and what is wrong with it."""

    field: str
    description: str


class BridgeError(Exception):
    """A call that failed: why, whether an order may exist all the same, and whether to try again."""

    code: grpc.StatusCode
    """gRPC's own word for the kind of failure."""
    reason: str
    """The bridge's word, for example UNKNOWN_SYMBOL; empty when it was not the bridge that answered."""
    message: str
    """A sentence for people."""
    order_may_exist: bool
    """Whether the request may have reached the broker. The same key tells: `GetOrder`, or the same call again."""
    violations: tuple[Violation, ...]
    """Every field of the request that is wrong."""
    metadata: Mapping[str, str]
    """Facts for programs, for example `retcode`."""
    retry_after: float
    """Seconds to wait before another try; 0 where the bridge names none."""

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        *,
        reason: str = "",
        order_may_exist: bool = False,
        violations: tuple[Violation, ...] = (),
        metadata: Mapping[str, str] | None = None,
        retry_after: float = 0.0,
    ) -> None:
        super().__init__(f"{reason or code.name}: {message}")
        self.code = code
        self.reason = reason
        self.message = message
        self.order_may_exist = order_may_exist
        self.violations = violations
        self.metadata = metadata or {}
        self.retry_after = retry_after

    @property
    def passing(self) -> bool:
        """Whether the same call may succeed later, as it is."""
        if self.reason == "":
            return self.code in _PASSING or self.code in _BROKEN_OFF
        return self.code in _PASSING or self.metadata.get("retry") in _RETRY

    @classmethod
    def of(cls, error: grpc.RpcError, *, order_may_exist: bool = False) -> BridgeError:
        """What grpc raised, read. `order_may_exist` is what to assume when the bridge itself has not said."""
        call = cast(grpc.Call, error)
        fault = cls(call.code(), call.details() or "", order_may_exist=order_may_exist)
        fault.__cause__ = error
        status = next((value for key, value in call.trailing_metadata() or () if key == _DETAILS), b"")
        for detail in _Wire(cast(bytes, status)).messages(3):
            _read_detail(fault, detail.text(1).rpartition("/")[2], _Wire(detail.bytes(2)))
        fault.args = (f"{fault.reason or fault.code.name}: {fault.message}",)
        return fault


def _read_detail(fault: BridgeError, kind: str, detail: _Wire) -> None:
    if kind == "google.rpc.ErrorInfo" and detail.text(2) == "mt5bridge":
        fault.reason = detail.text(1)
        fault.metadata = {entry.text(1): entry.text(2) for entry in detail.messages(3)}
        fault.order_may_exist = fault.metadata.get("order_may_exist") != "false"
    elif kind == "google.rpc.BadRequest":
        fault.violations = tuple(Violation(each.text(1), each.text(2)) for each in detail.messages(1))
    elif kind == "google.rpc.RetryInfo":
        delay = _Wire(detail.bytes(1))
        fault.retry_after = delay.number(1) + delay.number(2) / 1e9


class _Wire:
    """A protobuf message by its field numbers."""

    def __init__(self, data: bytes) -> None:
        message = Empty.FromString(data)
        self._fields = [(field.field_number, field.data) for field in cast(Iterator[Any], UnknownFieldSet(message))]

    def _all(self, number: int) -> Iterator[Any]:
        return (data for field, data in self._fields if field == number)

    def bytes(self, number: int) -> bytes:
        return cast(bytes, next(self._all(number), b""))

    def text(self, number: int) -> str:
        return self.bytes(number).decode()

    def number(self, number: int) -> int:
        return cast(int, next(self._all(number), 0))

    def messages(self, number: int) -> list[_Wire]:
        return [_Wire(data) for data in self._all(number)]
