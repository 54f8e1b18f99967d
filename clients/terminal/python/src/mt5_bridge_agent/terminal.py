"""The official package's face of one terminal, as far as the agent needs it.

Always true:
  - Everything here runs on one thread, one call at a time: the package is not thread-safe.
  - None is an error, with the code of `last_error`, and nothing found is an empty answer. The two are never mixed up.
  - Moments go in as whole seconds of the broker's clock: a datetime would be read in this machine's zone.
"""

from __future__ import annotations

import importlib
import time
from typing import Any

from .clocks import monotonic_us
from .settings import Settings

INITIALIZE_MS = 60_000
FAR_FUTURE_S = 7 * 24 * 3600
"""The broker's clock is hours ahead of UTC or behind: only an end that far ahead misses nothing."""

CLOCK_S = 2.0
"""How long a price may take to move at the start, until the broker's clock is not known."""

FRESH_US = 60_000_000
"""After so long without a new price the broker's clock is not known."""

COPY_TICKS_ALL = -1
"""The package's own constant. MetaTrader's numbers are used as they are, as the link does."""

NO_CONNECTION = -10_000
"""From this code down the package has lost the terminal, and what was asked has no answer."""

NEVER_SENT = frozenset({-2, -7, -8})
"""Invalid parameters, unsupported, algorithmic trading disabled: the package says so before it sends anything.

Every other code may come after the order went out, even those of a connection that is not there: it may have gone
while the order was under way.
"""


class TerminalError(Exception):
    """The package answered None."""

    def __init__(self, call: str, code: int, text: str) -> None:
        super().__init__(f"{call}: {text or 'no answer'} ({code})")
        self.code = code
        self.text = text

    @property
    def lost(self) -> bool:
        return self.code <= NO_CONNECTION


class Terminal:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._package: Any = None
        self._clock_symbol = ""
        self._moved_us = 0
        self.last_tick_ms = 0
        """The newest price's time that was seen: the last that is known of the broker's clock."""

    def start(self) -> None:
        """Connects to the terminal, which the package starts if it does not run."""
        self._package = importlib.import_module("MetaTrader5")
        settings = self._settings
        place = [settings.path] if settings.path else []
        named = {"login": settings.login, "server": settings.server, "password": settings.password}
        told = {name: value for name, value in named.items() if value}
        if not self._package.initialize(*place, timeout=INITIALIZE_MS, **told):
            raise TerminalError("initialize", *self._error())

    def stop(self) -> None:
        if self._package is not None:
            self._package.shutdown()

    def log_in(self, login: int, server: str) -> None:
        if not self._package.login(login, password=self._settings.password, server=server):
            raise TerminalError("login", *self._error())

    def has_password_of(self, login: int, server: str) -> bool:
        settings = self._settings
        return bool(settings.password) and (settings.login, settings.server) == (login, server)

    def _error(self) -> tuple[int, str]:
        code, text = self._package.last_error()
        return int(code), str(text)

    def _ask(self, call: str, *arguments: Any, **named: Any) -> Any:
        answer = getattr(self._package, call)(*arguments, **named)
        if answer is None:
            raise TerminalError(call, *self._error())
        return answer

    def account(self) -> Any:
        return self._ask("account_info")

    def info(self) -> Any | None:
        """None on some builds, though everything works: then the account must say."""
        return self._package.terminal_info()

    def build(self) -> int:
        version = self._package.version()
        return int(version[1]) if version else 0

    # Symbols

    def watched(self) -> list[Any]:
        return [symbol for symbol in self._ask("symbols_get") if symbol.visible]

    def find_clock(self) -> None:
        """There is no clock but the newest price in the market watch; on a weekend it stands still."""
        watched = self.watched()
        self._clock_symbol = max(watched, key=lambda symbol: symbol.time).name if watched else ""
        ends = time.monotonic() + CLOCK_S
        while not self._moved_us and self._clock_symbol and time.monotonic() < ends:
            self.read_clock()
            time.sleep(0.02)

    def read_clock(self) -> None:
        if not self._clock_symbol:
            return
        newest_ms = int(self.newest_tick(self._clock_symbol).time_msc)
        if newest_ms > self.last_tick_ms:
            self._moved_us = monotonic_us() if self.last_tick_ms else 0
            self.last_tick_ms = newest_ms

    @property
    def server_ms(self) -> int:
        """The broker's clock, as far as a price has moved just now; 0: nobody knows."""
        since_us = monotonic_us() - self._moved_us
        return self.last_tick_ms + since_us // 1_000 if self._moved_us and since_us < FRESH_US else 0

    def symbol(self, name: str) -> Any | None:
        """None: the broker has none of that name. It is put into the market watch, without which it has no prices."""
        try:
            symbol = self._ask("symbol_info", name)
            if not symbol.select:
                if not self._package.symbol_select(name, True):
                    raise TerminalError("symbol_select", *self._error())
                symbol = self._ask("symbol_info", name)
            return symbol
        except TerminalError as error:
            if error.lost:
                raise
            return None

    def newest_tick(self, name: str) -> Any:
        return self._ask("symbol_info_tick", name)

    # Prices of the past

    def ticks_from(self, symbol: str, from_s: int, count: int) -> Any:
        return self._ask("copy_ticks_from", symbol, from_s, count, COPY_TICKS_ALL)

    def bars(self, symbol: str, timeframe: int, from_s: int, to_s: int) -> Any:
        return self._ask("copy_rates_range", symbol, timeframe, from_s, to_s)

    # What the account has

    def orders(self) -> Any:
        return self._ask("orders_get")

    def positions(self) -> Any:
        return self._ask("positions_get")

    def history_counts(self, from_s: int) -> tuple[int, int]:
        to_s = future_s()
        return self._ask("history_orders_total", from_s, to_s), self._ask("history_deals_total", from_s, to_s)

    def past_orders(self, from_s: int) -> Any:
        return self._ask("history_orders_get", from_s, future_s())

    def deals(self, from_s: int) -> Any:
        return self._ask("history_deals_get", from_s, future_s())

    # Trading

    def send(self, request: dict[str, Any]) -> Any:
        return self._ask("order_send", request)

    def check(self, request: dict[str, Any]) -> Any:
        return self._ask("order_check", request)

    def margin(self, type: int, symbol: str, volume: float, price: float) -> float:
        return float(self._ask("order_calc_margin", type, symbol, volume, price))


def future_s() -> int:
    return int(time.time()) + FAR_FUTURE_S
