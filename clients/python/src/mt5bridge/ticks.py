"""Ticks for those who want prices and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import grpc

from mt5bridge.columns import ticks_in
from mt5bridge.errors import BridgeError
from mt5bridge.v1.ticks_pb2 import Delivery, StreamTicksRequest, StreamTicksResponse, Tick, TickForm


def ticks_request(symbols: Sequence[str], account: str, delivery: Delivery.ValueType) -> StreamTicksRequest:
    """In columns: a seventh of the bytes."""
    return StreamTicksRequest(account=account, symbols=symbols, delivery=delivery, form=TickForm.TICK_FORM_COLUMNS)


def ticks_within(event: StreamTicksResponse) -> Iterable[Tick]:
    return [*ticks_in(event.snapshot), *ticks_in(event.batch)]


def refuse_unknown(event: StreamTicksResponse) -> None:
    """Nobody would ever hear of a symbol that is not there."""
    for row in event.opened.symbols:
        if not row.accepted:
            raise BridgeError(grpc.StatusCode.NOT_FOUND, f"{row.symbol}: {row.message}", reason=row.reason)
