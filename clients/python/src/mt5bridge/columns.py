"""Ticks that came column by column, as the ticks that they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate, chain, repeat

from mt5bridge.v1.ticks_pb2 import Tick, TickBatch, TickColumns


def ticks_in(batch: TickBatch) -> Iterable[Tick]:
    """The ticks of a batch in the order in which they happened, in whichever form they came."""
    if not batch.columns:
        return batch.ticks
    placed = list(chain.from_iterable(_ticks_of(columns) for columns in batch.columns))
    if len(batch.columns) > 1:
        placed.sort(key=lambda one: one[0])
    return [tick for _, tick in placed]


def _ticks_of(columns: TickColumns) -> Iterator[tuple[int, Tick]]:
    """With each tick its place among the ticks of all symbols."""
    scale = 10**columns.digits
    rows = zip(
        range(columns.count),
        _running(columns.time_ms),
        _running(columns.broker_offset_ms),
        _running(columns.bid),
        _running(columns.spread),
        _running(columns.last),
        _running(columns.volume),
        _running(columns.flags),
        _running(columns.sequence),
        _running(columns.skipped),
        _running(columns.place),
        strict=False,  # columns have no end of their own
    )
    for i, time, offset, bid, spread, last, volume, flags, sequence, skipped, place in rows:
        yield (
            place,
            Tick(
                symbol=columns.symbol,
                bid=bid / scale,
                ask=(bid + spread) / scale,
                last=last / scale,
                volume=volume / 1e8,
                time_ms=time,
                broker_time_ms=time + offset,
                flags=flags,
                sequence=sequence + i,
                skipped=skipped,
            ),
        )


def _running(differences: Iterable[int]) -> Iterator[int]:
    """The numbers of a column: it holds differences, and none where nothing changes any more."""
    return accumulate(chain(differences, repeat(0)))
