"""What has changed in the account: found by reading its records again and comparing.

The terminal tells a program outside of it nothing by itself. Orders and deals are known by their tickets and told again
when they differ, as brokers correct them afterwards. What happens between two readings shows in the history.
"""

from __future__ import annotations

import time
from typing import Any

from .errors import AccountChanged
from .mt5bridge.terminal.v1 import link_pb2 as wire
from .records import account_state_of, deal_of, fingerprint_of, order_of, position_of, symbol_of, trade_state_of
from .terminal import Terminal

HISTORY_S = 38 * 3600
"""How far back each reading goes: a day for what the broker corrects, and the hours its clock may be off UTC."""

WHOLE_HISTORY_EVERY_S = 5.0
"""Between, only a change of the number of records makes it read."""

STATE_EVERY_S = 0.5
"""The account's worth changes with every tick, and is told no more often."""

SYMBOLS_EVERY_S = 60.0
SYMBOLS_A_PART = 500

VALUES = ("price_current", "profit", "swap")
"""Of a position: what moves with the market is told with the account's worth."""


class Watch:
    def __init__(self, terminal: Terminal, account: wire.Fingerprint) -> None:
        self._terminal = terminal
        self._account = account
        self._orders: dict[int, wire.Order] = {}
        self._past: dict[int, wire.Order] = {}
        self._deals: dict[int, wire.Deal] = {}
        self._positions: dict[int, wire.Position] = {}
        self._symbols: dict[str, wire.Symbol] = {}
        self._shown: set[str] = set()
        self._counts = (-1, -1)
        self._read_from_s = int(time.time()) - HISTORY_S
        self._history_at = float("-inf")
        self._state_at = float("-inf")
        self._symbols_at = time.monotonic()
        self._state = wire.AccountState()
        self.trade = wire.TradeState()

    def begin(self) -> None:
        """What there is already is not news: the bridge asks for it. Whether there can be trade is told in any case."""
        self.changes([])
        self._shown = {symbol.name for symbol in self._terminal.watched()}
        self.trade = wire.TradeState()

    def account(self) -> Any:
        """Raises AccountChanged when it is another one, and TerminalError when nobody can tell."""
        account = self._terminal.account()
        if (now := fingerprint_of(account)) != self._account:
            raise AccountChanged(now)
        return account

    def changes(self, symbols: list[str]) -> list[wire.Report]:
        """Nothing of another account, should the login change on the way. What is not returned is not known either."""
        known = dict(vars(self))
        try:
            return self._changes(symbols)
        except Exception:
            vars(self).update(known)
            raise

    def _changes(self, symbols: list[str]) -> list[wire.Report]:
        account = self.account()
        self._terminal.read_clock()
        trade = trade_state_of(self._terminal.info(), account)
        orders = self._changed_orders()
        positions = self._terminal.positions()
        reports = [
            *orders,
            *self._changed_history(),
            *self._changed_positions(positions),
            *self._changed_worth(account, positions),
            *self._changed_symbols(symbols),
        ]
        if trade != self.trade:
            reports.append(wire.Report(trade=trade))
            self.trade = trade
        self.account()
        return reports

    def lost(self) -> list[wire.Report]:
        """The terminal itself does not answer."""
        if self.trade == wire.TradeState():
            return []
        self.trade = wire.TradeState()
        return [wire.Report(trade=self.trade)]

    def _changed_orders(self) -> list[wire.Report]:
        now = {order.ticket: order_of(order, past=False) for order in self._terminal.orders()}
        changed = [wire.Report(order=order) for ticket, order in now.items() if self._orders.get(ticket) != order]
        self._orders = now
        return changed

    def _changed_history(self) -> list[wire.Report]:
        since = self._read_from_s
        counts = self._terminal.history_counts(since)
        started, now_s = time.monotonic(), int(time.time())
        if counts == self._counts and started < self._history_at + WHOLE_HISTORY_EVERY_S:
            return []
        past = {order.ticket: order_of(order, past=True) for order in self._terminal.past_orders(since)}
        deals = {deal.ticket: deal_of(deal) for deal in self._terminal.deals(since)}
        # Deals before the orders that they fill, as terminals mostly tell it.
        changed = [wire.Report(deal=deal) for ticket, deal in deals.items() if self._deals.get(ticket) != deal]
        changed += [wire.Report(order=order) for ticket, order in past.items() if self._past.get(ticket) != order]
        self._past, self._deals = past, deals
        self._counts, self._history_at = counts, started
        # However long nobody could read: the next reading goes on where this one was.
        self._read_from_s = now_s - HISTORY_S
        return changed

    def _changed_positions(self, positions: Any) -> list[wire.Report]:
        now = {position.ticket: position_of(position) for position in positions}
        changed = [
            wire.Report(position=position)
            for ticket, position in now.items()
            if ticket not in self._positions or still(self._positions[ticket]) != still(position)
        ]
        closed = [
            wire.Report(position_closed=position) for ticket, position in self._positions.items() if ticket not in now
        ]
        self._positions = now
        return changed + closed

    def _changed_worth(self, account: Any, positions: Any) -> list[wire.Report]:
        at = time.monotonic()
        if at < self._state_at + STATE_EVERY_S:
            return []
        state = account_state_of(account, positions, 0)
        if state == self._state:
            return []
        self._state, self._state_at = state, at
        told = wire.AccountState()
        told.CopyFrom(state)
        told.time_ms = self._terminal.last_tick_ms
        return [wire.Report(account_state=told)]

    def _changed_symbols(self, names: list[str]) -> list[wire.Report]:
        at = time.monotonic()
        if due := at >= self._symbols_at + SYMBOLS_EVERY_S:
            self._symbols_at = at
        changed: list[wire.Symbol] = []
        self._symbols = dict(self._symbols)
        for name in names:
            before = self._symbols.get(name)
            if (before is None or due) and (symbol := self._terminal.symbol(name)) is not None:
                self._symbols[name] = now = symbol_of(symbol)
                if before is not None and lasting(before) != lasting(now):
                    changed.append(now)
        if due:
            changed.extend(self._newly_shown())
        parts = [changed[start : start + SYMBOLS_A_PART] for start in range(0, len(changed), SYMBOLS_A_PART)]
        return [wire.Report(symbols=wire.Symbols(symbols=part)) for part in parts]

    def _newly_shown(self) -> list[wire.Symbol]:
        """What the market watch did not show when the bridge asked for it."""
        shown = {symbol.name: symbol for symbol in self._terminal.watched()}
        new = [symbol_of(symbol) for name, symbol in shown.items() if name not in self._shown]
        self._shown = set(shown)
        return new


def still(position: wire.Position) -> wire.Position:
    """Without what moves with the market."""
    copy = wire.Position()
    copy.CopyFrom(position)
    for value in VALUES:
        copy.ClearField(value)  # type: ignore[arg-type]
    return copy


def lasting(symbol: wire.Symbol) -> wire.Symbol:
    """Without the value of a tick, which moves with the rate of its currency."""
    copy = wire.Symbol()
    copy.CopyFrom(symbol)
    copy.ClearField("trade_tick_value")
    return copy
