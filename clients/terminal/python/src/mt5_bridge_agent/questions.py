"""Commands that only ask. Each has one result or several, the last of them without `more`."""

from __future__ import annotations

import time
from typing import Any

from .mt5bridge.terminal.v1 import link_pb2 as wire
from .records import account_state_of, bars_of, deal_of, order_of, position_of, symbol_of, ticks_of, trade_state_of
from .terminal import Terminal
from .ticks import ticks_between
from .trading import Sent, request_of
from .watch import HISTORY_S

IN_PART = 1_000
"""Records of a snapshot in one report, which keeps it far below a frame's 1 MiB."""

READINGS = 3
"""Of a history that is another each time it is read."""


def answer(command: wire.Command, terminal: Terminal, sent: Sent, through: int) -> list[wire.CommandResult]:
    """`through`: the last report that was made before. Raises TerminalError."""
    match command.WhichOneof("action"):
        case "check":
            results = [check(command.check, terminal)]
        case "snapshot":
            results = snapshot(command.snapshot, terminal, sent, through)
        case "ticks":
            results = ticks(command.ticks, terminal)
        case "bars":
            results = bars(command.bars, terminal)
        case "symbols":
            results = symbols(command.symbols, terminal)
        case other:
            raise AssertionError(f"{other} is no question")
    for result in results:
        result.status = wire.COMMAND_STATUS_ANSWERED
    return results


def check(request: wire.TradeRequest, terminal: Terminal) -> wire.CommandResult:
    asked = request_of(request, terminal)
    would = terminal.check(asked)
    needed = 0.0
    if request.volume and request.symbol and request.action in (1, 5):
        needed = terminal.margin(request.type % 2, request.symbol, request.volume, asked.get("price", 0.0))
    told = wire.CheckAnswer(
        retcode=would.retcode,
        balance=would.balance,
        equity=would.equity,
        profit=would.profit,
        margin=would.margin,
        margin_free=would.margin_free,
        margin_level=would.margin_level,
        comment=would.comment,
        margin_needed=needed,
    )
    return wire.CommandResult(retcode=would.retcode, comment=would.comment, check=told)


def snapshot(request: wire.SnapshotRequest, terminal: Terminal, sent: Sent, through: int) -> list[wire.CommandResult]:
    connected = trade_state_of(terminal.info(), terminal.account()).connected
    since_s = request.since_ms // 1_000
    now = records(terminal, since_s)
    same = False
    for _ in range(READINGS):
        before, now = now, records(terminal, since_s)
        if same := unmoved(before) == unmoved(now):
            break
    orders, positions, past, deals = now
    account = account_state_of(terminal.account(), positions, terminal.last_tick_ms)
    shown = sent.all_shown_in(tickets_of(orders, past))
    if not shown and since_s:  # what was sent may be older than what was asked for
        shown = sent.all_shown_in(tickets_of(orders, terminal.past_orders(int(time.time()) - HISTORY_S)))
    parts = [wire.Snapshot(account=account, orders=[order_of(order, past=False) for order in orders])]
    parts += [wire.Snapshot(positions=[position_of(at) for at in some]) for some in cut(positions)]
    parts += [wire.Snapshot(past_orders=[order_of(order, past=True) for order in some]) for some in cut(past)]
    parts += [wire.Snapshot(deals=[deal_of(deal) for deal in some]) for some in cut(deals)]
    for part in parts:
        part.includes_reports_through = through
    parts[-1].complete = connected and same and shown
    return in_parts([wire.CommandResult(snapshot=part) for part in parts])


def tickets_of(*records: Any) -> frozenset[int]:
    return frozenset(record.ticket for some in records for record in some)


Records = tuple[Any, Any, Any, Any]


def records(terminal: Terminal, since_s: int) -> Records:
    """What is open first: what fills meanwhile is in the history then, and at worst in both."""
    return terminal.orders(), terminal.positions(), terminal.past_orders(since_s), terminal.deals(since_s)


def unmoved(found: Records) -> list[set[tuple[Any, ...]]]:
    """What tells two readings apart, without what moves with the market."""
    orders, positions, past, deals = found
    return [
        {(order.ticket, order.state, order.volume_current, order.price_open, order.sl, order.tp) for order in orders},
        {(position.ticket, position.volume, position.sl, position.tp) for position in positions},
        {(order.ticket, order.state, order.volume_current) for order in past},
        {(deal.ticket, deal.type, deal.volume, deal.profit) for deal in deals},
    ]


def cut(found: Any) -> list[Any]:
    return [found[start : start + IN_PART] for start in range(0, len(found), IN_PART)]


def ticks(request: wire.TickHistoryRequest, terminal: Terminal) -> list[wire.CommandResult]:
    found = ticks_between(terminal, request.symbol, request.from_ms, request.to_ms, request.max_count)
    parts = [ticks_of(request.symbol, some) for some in found] or [wire.Ticks(symbols=[request.symbol])]
    return in_parts([wire.CommandResult(ticks=part) for part in parts])


def bars(request: wire.BarHistoryRequest, terminal: Terminal) -> list[wire.CommandResult]:
    """The package takes whole seconds, and bars open on them."""
    from_s, to_s = -(-request.from_ms // 1_000), request.to_ms // 1_000
    found = terminal.bars(request.symbol, request.timeframe, from_s, to_s)[: request.max_count]
    empty = wire.Bars(symbol=request.symbol, timeframe=request.timeframe)
    parts = [bars_of(request.symbol, request.timeframe, some) for some in cut(found)] or [empty]
    return in_parts([wire.CommandResult(bars=part) for part in parts])


def symbols(request: wire.SymbolsRequest, terminal: Terminal) -> list[wire.CommandResult]:
    if request.symbols:
        found = {name: terminal.symbol(name) for name in request.symbols}
    else:
        found = {symbol.name: symbol for symbol in terminal.watched()}
    known = [symbol_of(symbol) for symbol in found.values() if symbol is not None]
    parts = [wire.Symbols(symbols=some) for some in cut(known)] or [wire.Symbols()]
    parts[-1].unknown.extend(name for name, symbol in found.items() if symbol is None)
    return in_parts([wire.CommandResult(symbols=part) for part in parts])


def in_parts(results: list[wire.CommandResult]) -> list[wire.CommandResult]:
    for result in results[:-1]:
        result.more = True
    return results
