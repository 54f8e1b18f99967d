"""Ticks without a gap, of calls that can only be asked again.

The package gives ticks from a second on. Several can have the same millisecond, and one of them may come after the
others were read: so each reading begins with the second of the last, and drops what was told already, by count.
"""

from __future__ import annotations

from typing import Any

from .mt5bridge.terminal.v1 import link_pb2 as wire
from .records import ticks_of
from .terminal import Terminal, TerminalError

BATCH = 2_000
"""Asked for at once. A reading that holds nothing new asks for twice as many."""

MOST = 1 << 20
"""More than a market has in a second."""

MOST_IN_REPORT = 5_000


class TickCursor:
    def __init__(self, symbol: str, after_ms: int) -> None:
        """`after_ms`: ticks after that moment; 0: from now on."""
        self.symbol = symbol
        self._at_ms = after_ms + 1 if after_ms else 0
        self._told = 0
        """So many ticks of the moment `_at_ms` were told."""

    def begin(self, terminal: Terminal) -> None:
        """What there is already is not told, if ticks are wanted from now on."""
        if self._at_ms:
            return
        self._at_ms = self._newest_ms(terminal)
        if self._at_ms:
            while len(self._new(terminal)):
                pass

    def read(self, terminal: Terminal) -> Any | None:
        """The next new ticks, at most a batch; None when there are none."""
        if not self._at_ms:
            self._at_ms = self._newest_ms(terminal)
            if not self._at_ms:
                return None
        new = self._new(terminal)
        return new if len(new) else None

    def _newest_ms(self, terminal: Terminal) -> int:
        """0: a symbol that has had no tick yet. From the very first on, all of them are new."""
        try:
            return int(terminal.newest_tick(self.symbol).time_msc)
        except TerminalError as error:
            if error.lost:
                raise
            return 0

    def _new(self, terminal: Terminal) -> Any:
        count = BATCH
        while True:
            ticks = terminal.ticks_from(self.symbol, max(self._at_ms // 1_000, 1), count)
            times = ticks["time_msc"]
            first = int(times.searchsorted(self._at_ms))
            same = int(times.searchsorted(self._at_ms, side="right")) - first
            new = ticks[first + min(self._told, same) :]
            if len(new) or len(ticks) < count or count >= MOST:
                break
            count *= 2
        if len(new):
            self._at_ms = int(times[-1])
            self._told = len(times) - int(times.searchsorted(self._at_ms))
        return new


def tick_reports(symbol: str, ticks: Any) -> list[wire.Report]:
    return [
        wire.Report(ticks=ticks_of(symbol, ticks[start : start + MOST_IN_REPORT]))
        for start in range(0, len(ticks), MOST_IN_REPORT)
    ]


def ticks_between(terminal: Terminal, symbol: str, from_ms: int, to_ms: int, most: int) -> list[Any]:
    """Of the past, both moments included: the first `most` of them, in arrays of at most a report's size."""
    cursor = TickCursor(symbol, max(from_ms, 1) - 1 or 1)
    found: list[Any] = []
    while most > 0 and (ticks := cursor.read(terminal)) is not None:
        ticks = ticks[: int(ticks["time_msc"].searchsorted(to_ms, side="right"))][:most]
        if not len(ticks):
            break
        most -= len(ticks)
        found += [ticks[start : start + MOST_IN_REPORT] for start in range(0, len(ticks), MOST_IN_REPORT)]
    return found
