"""The clocks of this side, and what is known here of the bridge's."""

from __future__ import annotations

import time


def monotonic_us() -> int:
    return time.monotonic_ns() // 1_000


def utc_ms() -> int:
    return time.time_ns() // 1_000_000


class BridgeClock:
    """The bridge's clock, as the largest difference from ours that any word of the present connection has shown.

    What the bridge says was written before it is read: every difference is too small by the way it took, so the
    largest is the best, and a command is never thought younger than the bridge would think it.
    """

    def __init__(self) -> None:
        self._ahead_us: int | None = None

    def hear(self, bridge_us: int, read_us: int) -> None:
        ahead = bridge_us - read_us
        self._ahead_us = ahead if self._ahead_us is None else max(self._ahead_us, ahead)

    def forget(self) -> None:
        self._ahead_us = None

    def left_ms(self, deadline_ms: int) -> float:
        """How long until that moment; below 0 when it is over."""
        if self._ahead_us is None:
            return float("inf")
        return deadline_ms - (monotonic_us() + self._ahead_us) / 1_000
