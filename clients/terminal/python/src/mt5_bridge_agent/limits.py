"""What this side never does, whoever asks: the stricter of its own settings and the bridge's word."""

from __future__ import annotations

from collections import deque

from .mt5bridge.terminal.v1 import link_pb2 as wire
from .settings import Settings

MINUTE_US = 60_000_000


def stricter(*limits: float) -> float:
    """0 is no limit."""
    return min((limit for limit in limits if limit > 0), default=0)


class Limits:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._of_bridge = wire.TerminalLimits()
        self._begun: deque[int] = deque()

    def hear(self, limits: wire.TerminalLimits) -> None:
        self._of_bridge = limits

    def refuse(self, request: wire.TradeRequest, now_us: int) -> str:
        """Why this order must not be sent; empty when it may, and then it counts."""
        volume = stricter(self._settings.max_volume, self._of_bridge.max_volume)
        if volume and not request.volume <= volume + 1e-9:
            return f"{request.volume:g} lots are more than the {volume:g} that one order may have here"
        for allowed in (self._settings.allowed_symbols, self._of_bridge.allowed_symbols):
            if allowed and request.symbol and request.symbol not in allowed:
                return f"{request.symbol} is none of the symbols that may be traded here: {', '.join(sorted(allowed))}"
        most = stricter(self._settings.max_orders_per_minute, self._of_bridge.max_orders_per_minute)
        while self._begun and self._begun[0] <= now_us - MINUTE_US:
            self._begun.popleft()
        if most and len(self._begun) >= most:
            return f"{len(self._begun)} orders within a minute are as many as may be sent from here"
        if most:
            self._begun.append(now_us)
        return ""
