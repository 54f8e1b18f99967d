"""Reports that the bridge has not acknowledged: numbered, kept within limits, sent again after a cut.

Always true:
  - Numbers are given in order and never twice within a life; a life ends with the process.
  - What no longer fits is forgotten from the oldest on, and a gap in its place says what was among it.
  - A command's result knows its command, so that the inbox learns what the bridge has taken.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from .errors import ProtocolFault
from .mt5bridge.terminal.v1 import link_pb2 as wire

MOST_BYTES = 32 * 1024 * 1024
"""Of all reports that are kept."""

TRADES = ("transaction", "order", "deal", "position", "position_closed")


@dataclass(frozen=True)
class Kept:
    sequence: int
    report: wire.Report
    size: int


class Ring:
    def __init__(self, most: int, most_bytes: int = MOST_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._kept: deque[Kept] = deque()
        self._bytes = 0
        self._gap: wire.Gap | None = None
        self._next = 1
        self._sent = 0

    @property
    def last(self) -> int:
        """The number given last."""
        return self._next - 1

    @property
    def oldest(self) -> int:
        """The oldest report that can still be sent; the next one's number when there is none."""
        return self._kept[0].sequence if self._kept else self._next

    @property
    def waiting(self) -> int:
        return len(self._kept)

    @property
    def half_full(self) -> bool:
        return len(self._kept) * 2 >= self._most or self._bytes * 2 >= self._most_bytes

    def add(self, report: wire.Report) -> None:
        report.sequence = self._next
        kept = Kept(self._next, report, report.ByteSize())
        self._next += 1
        self._kept.append(kept)
        self._bytes += kept.size
        # The newest stays, however large it is: a frame has a limit of its own.
        while len(self._kept) > 1 and (len(self._kept) > self._most or self._bytes > self._most_bytes):
            self._forget()

    def _forget(self) -> None:
        lost = self._kept.popleft()
        self._bytes -= lost.size
        if self._gap is None:
            self._gap = wire.Gap()
            setattr(self._gap, "from", lost.sequence)  # a word of Python's own
        event = lost.report.WhichOneof("event")
        self._gap.through = lost.sequence
        self._gap.ticks |= event == "ticks"
        self._gap.trades |= event in TRADES
        self._gap.results |= event == "result"

    def resume(self, last_seen: int) -> None:
        """A connection begins: what lies behind `last_seen` is to be sent.

        A bridge that was started anew has seen nothing of what the one before it acknowledged: that is a gap, too.
        """
        self._must_be_given(last_seen)
        behind = self._gap.through if self._gap else self.oldest - 1
        if last_seen < behind and (self._gap is None or last_seen + 1 < getattr(self._gap, "from")):
            self._gap = wire.Gap(through=behind, ticks=True, trades=True, results=True)
            setattr(self._gap, "from", last_seen + 1)
        self._sent = last_seen

    def acknowledge(self, sequence: int) -> list[str]:
        """The commands whose last result the bridge has taken now."""
        self._must_be_given(sequence)
        settled: list[str] = []
        while self._kept and self._kept[0].sequence <= sequence:
            taken = self._kept.popleft()
            self._bytes -= taken.size
            if taken.report.HasField("result") and not taken.report.result.more:
                settled.append(taken.report.result.id)
        if self._gap is not None and self._gap.through <= sequence:
            self._gap = None
        self._sent = max(self._sent, sequence)
        return settled

    def _must_be_given(self, sequence: int) -> None:
        if sequence > self.last:
            raise ProtocolFault(f"the bridge has seen report {sequence}, and {self.last} is the last there is")

    def take(self) -> wire.Report | None:
        """The next to be sent on this connection."""
        if self._gap is not None and self._gap.through > self._sent:
            gap = wire.Gap()
            gap.CopyFrom(self._gap)
            setattr(gap, "from", self._sent + 1)
            self._sent = gap.through
            return wire.Report(sequence=gap.through, gap=gap)
        if self._sent >= self.last:
            return None
        self._sent += 1
        return self._kept[self._sent - self._kept[0].sequence].report
