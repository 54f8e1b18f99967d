"""A command that trades, carried out at most once.

Always true:
  - Nothing is sent for another account than the command's, and what cannot be told is not taken for a yes.
  - Silence of the terminal is no refusal: only what the package says before it sends proves that nothing was sent.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from .clocks import monotonic_us
from .mt5bridge.terminal.v1 import link_pb2 as wire
from .terminal import NEVER_SENT, Terminal, TerminalError

DEAL, PENDING, STOPS, MODIFY, REMOVE, CLOSE_BY = 1, 5, 6, 7, 8, 10

ACTIONS: Mapping[str, frozenset[int]] = {
    "submit": frozenset({DEAL, PENDING, CLOSE_BY}),
    "modify": frozenset({MODIFY}),
    "cancel": frozenset({REMOVE}),
    "stops": frozenset({STOPS}),
    "check": frozenset({DEAL, PENDING, STOPS, MODIFY, REMOVE, CLOSE_BY}),
}
"""What each command may ask of the broker: nothing gets past the limits under another name."""

ACCEPTED = frozenset({10008, 10009, 10010})

COMMENT = 28
"""Characters: more are refused by some builds of the package, though terminals take 31. Nobody relies on comments."""

PROMISE_S = 60.0
"""For so long a snapshot without an accepted order is not complete: the terminal's history lags behind its answers."""


class Sent:
    """What was sent from here and may not show in the terminal's records yet."""

    def __init__(self, patience_ms: int, interrupted_ms: int) -> None:
        """`interrupted_ms`: when an earlier process took a command that it may have sent, by UTC."""
        self._patience_s = patience_ms / 1_000
        age_s = time.time() - interrupted_ms / 1_000
        self._doubt_until = time.monotonic() + self._patience_s - age_s if interrupted_ms else float("-inf")
        self._promised: dict[int, float] = {}

    def unanswered(self, begun_us: int) -> None:
        """It may still arrive, until the broker drops what is so old."""
        self._doubt_until = max(self._doubt_until, begun_us / 1e6 + self._patience_s)

    def accepted(self, ticket: int) -> None:
        now = time.monotonic()
        self._promised = {known: until for known, until in self._promised.items() if until > now}
        self._promised[ticket] = now + PROMISE_S

    def all_shown_in(self, tickets: frozenset[int]) -> bool:
        now = time.monotonic()
        missing = [ticket for ticket, until in self._promised.items() if until > now and ticket not in tickets]
        return now >= self._doubt_until and not missing


def request_of(request: wire.TradeRequest, terminal: Terminal) -> dict[str, Any]:
    """As the package wants it: what is not set is left out. Its own types matter to it."""
    told: dict[str, Any] = {
        "action": request.action,
        "magic": request.magic,
        "order": request.order,
        "symbol": request.symbol,
        "volume": request.volume,
        "price": request.price,
        "stoplimit": request.stop_limit,
        "sl": request.stop_loss,
        "tp": request.take_profit,
        "deviation": request.deviation,
        "expiration": request.expiration,
        "comment": request.comment[:COMMENT],
        "position": request.position,
        "position_by": request.position_by,
    }
    asked = {name: value for name, value in told.items() if value}
    asked |= {"type": request.type, "type_filling": request.type_filling, "type_time": request.type_time}
    if request.action == DEAL and not request.price:
        tick = terminal.newest_tick(request.symbol)
        asked["price"] = tick.bid if request.type % 2 else tick.ask
    return asked


def trade(request: wire.TradeRequest, terminal: Terminal, sent: Sent) -> wire.CommandResult:
    """Sends it. The caller has made sure that it may be."""
    try:
        if request.symbol and request.action in (DEAL, PENDING) and terminal.symbol(request.symbol) is None:
            return not_sent(f"{request.symbol}: the broker has no such symbol")
        asked = request_of(request, terminal)
    except TerminalError as error:
        return not_sent(str(error), error.code)
    stamps = wire.Stamps(before_send_us=monotonic_us())
    try:
        answer = terminal.send(asked)
    except TerminalError as error:
        result = refused_or_unanswered(error)
        if result.status == wire.COMMAND_STATUS_UNANSWERED:
            sent.unanswered(stamps.before_send_us)
    else:
        result = answered(answer)
        if result.retcode in ACCEPTED and result.order:
            sent.accepted(result.order)
    # The package returns with the broker's answer: there is no moment between the two.
    stamps.after_send_us = stamps.answered_us = monotonic_us()
    result.stamps.CopyFrom(stamps)
    return result


def answered(answer: Any) -> wire.CommandResult:
    return wire.CommandResult(
        status=wire.COMMAND_STATUS_ANSWERED,
        retcode=answer.retcode,
        deal=answer.deal,
        order=answer.order,
        volume=answer.volume,
        price=answer.price,
        bid=answer.bid,
        ask=answer.ask,
        comment=answer.comment,
        request_id=answer.request_id,
        retcode_external=getattr(answer, "retcode_external", 0),
    )


def refused_or_unanswered(error: TerminalError) -> wire.CommandResult:
    if error.code in NEVER_SENT:
        return not_sent(str(error), error.code)
    message = f"{error}: it may have been sent or not"
    return wire.CommandResult(status=wire.COMMAND_STATUS_UNANSWERED, last_error=error.code, message=message)


def not_sent(message: str, code: int = 0) -> wire.CommandResult:
    return wire.CommandResult(status=wire.COMMAND_STATUS_NOT_SENT, last_error=code, message=message)
