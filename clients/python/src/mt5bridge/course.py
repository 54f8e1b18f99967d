"""Where a reader stands in a stream, through any number of connections.

Always true:
  - The cursor never runs ahead of what was handed on: an event that has not been seen is asked for again.
  - Half a snapshot counts for nothing: the next connection begins with a whole one.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Generic, TypeVar

from mt5bridge.v1.account_pb2 import StreamAccountRequest, StreamAccountResponse
from mt5bridge.v1.orders_pb2 import StreamOrdersRequest, StreamOrdersResponse
from mt5bridge.v1.ticks_pb2 import StreamBarsRequest, StreamBarsResponse, StreamTicksRequest, StreamTicksResponse
from mt5bridge.v1.types_pb2 import Cursor

Request = TypeVar("Request", StreamTicksRequest, StreamBarsRequest, StreamOrdersRequest, StreamAccountRequest)
AnyEvent = StreamTicksResponse | StreamBarsResponse | StreamOrdersResponse | StreamAccountResponse


class Course(Generic[Request]):
    """Asks for what is missing and notes what has come."""

    def __init__(self, request: Request) -> None:
        self._request: Request = deepcopy(request)
        self.cursor: Cursor | None = request.resume_after if request.HasField("resume_after") else None
        """What to resume from; None while there is nothing to resume."""
        self.retry_after = 0.0
        """Seconds for which the bridge, as it closed the stream, asked to stay away."""
        self._whole = False
        self._resumed = False

    def request(self) -> Request:
        """What the next connection is to ask for."""
        request = deepcopy(self._request)
        if self.cursor is not None:
            request.resume_after.CopyFrom(self.cursor)
        self._resumed = self.cursor is not None
        self._whole = not _wants_snapshot(request)
        self.retry_after = 0.0
        return request

    def take(self, event: AnyEvent) -> None:
        """Notes an event that is handed on."""
        kind = event.WhichOneof("event")
        if kind == "opened":
            if not self._resumed:
                self._note(event.opened.cursor)
        elif kind == "reset":
            self._whole = self._resumed = False
        elif kind == "snapshot_end":
            self._whole = True
            # A resumed stream brings what was missed after its snapshot: it still stands where it stood.
            if not self._resumed:
                self._note(event.snapshot_end.cursor)
            if isinstance(self._request, (StreamTicksRequest, StreamOrdersRequest)):
                self._request.ClearField("snapshot")
        elif kind == "heartbeat":
            self._note(event.heartbeat.cursor)
        elif kind == "closing":
            self._note(event.closing.cursor)
            self.retry_after = event.closing.retry_after.seconds + event.closing.retry_after.nanos / 1e9
        elif isinstance(event, StreamTicksResponse):
            if kind == "batch":
                self._note(event.batch.cursor)
            elif kind == "subscription" and isinstance(self._request, StreamTicksRequest):
                self._request.symbols[:] = event.subscription.symbols
        elif kind in ("order", "bar", "position", "balance", "valuation"):
            self._note(event.cursor)

    def _note(self, cursor: Cursor) -> None:
        if self._whole:
            self.cursor = cursor


def _wants_snapshot(request: Request) -> bool:
    if isinstance(request, (StreamTicksRequest, StreamOrdersRequest)) and request.HasField("snapshot"):
        return request.snapshot
    return not request.HasField("resume_after")
