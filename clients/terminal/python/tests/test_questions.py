"""What a terminal is asked, and what it must not claim."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import MetaTrader5
import pytest
from conftest import RunningAgent
from scripted import Connection, ScriptedBridge, buy, buy_limit

from mt5_bridge_agent.mt5bridge.terminal.v1 import link_pb2 as wire

Start = Callable[..., RunningAgent]


@pytest.fixture
def link(bridge: ScriptedBridge, start: Start) -> Connection:
    start()
    return bridge.linked()


def snapshot(link: Connection, id: str, since_ms: int = 0) -> wire.Snapshot:
    """Its parts, put together."""
    link.command(id, snapshot={"since_ms": since_ms})
    whole = wire.Snapshot()
    for result in link.results(id):
        assert not (result.more and result.snapshot.complete)
        whole.MergeFrom(result.snapshot)
    return whole


def test_shows_what_is_open_and_what_was(link: Connection) -> None:
    for id, request in {"trade-1": buy(0.1), "trade-2": buy_limit(1.05)}.items():
        link.command(id, submit=request)
        link.result(id)
    link.report("deal")
    told = link.reports[-1].sequence
    shown = snapshot(link, "q")
    assert [len(shown.orders), len(shown.positions), len(shown.past_orders), len(shown.deals)] == [1, 1, 1, 1]
    assert shown.account.balance == 10_000 and shown.account.positions[0].profit == -1.0
    assert shown.complete and shown.includes_reports_through >= told - 1


def test_reads_the_history_to_the_brokers_now_which_is_not_ours(link: Connection, book: Any) -> None:
    link.command("trade-1", submit=buy())
    link.result("trade-1")
    link.report("deal")
    ahead = MetaTrader5.BROKER_AHEAD_MS
    assert len(snapshot(link, "q1", time.time_ns() // 1_000_000 + ahead - 60_000).deals) == 1
    assert len(snapshot(link, "q2", time.time_ns() // 1_000_000 + ahead + 60_000).deals) == 0


def test_is_in_parts_and_whole(link: Connection, book: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MetaTrader5, "HISTORY_LAG_MS", 0)
    content = book.content
    request = {"action": 5, "symbol": "EURUSD", "volume": 0.1, "type": 2, "price": 1.0}
    for _ in range(2_500):
        MetaTrader5.into_history(content, MetaTrader5.order_fields(content, request), 2)
    shown = snapshot(link, "q")
    assert len({order.ticket for order in shown.past_orders}) == 2_500 and shown.complete


def test_is_not_complete_without_a_connection_to_the_broker(link: Connection, book: Any) -> None:
    book.content["connected"] = False
    assert not snapshot(link, "q1").complete
    book.content["connected"] = True
    assert snapshot(link, "q2").complete


def test_is_not_complete_while_an_unanswered_order_may_still_arrive(link: Connection) -> None:
    link.command("trade-1", submit=buy(comment="#silent"))
    assert link.result("trade-1").status == wire.COMMAND_STATUS_UNANSWERED
    assert not snapshot(link, "q1").complete
    ends = time.monotonic() + 5
    number = 2
    while not snapshot(link, f"q{number}").complete:
        assert time.monotonic() < ends
        number += 1


def test_is_not_complete_while_the_history_lags_behind_an_answer(
    link: Connection, book: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MetaTrader5, "HISTORY_LAG_MS", 300)
    link.command("trade-1", submit=buy())
    ticket = link.result("trade-1").order
    early = snapshot(link, "q1")
    assert not early.complete and not early.past_orders
    link.report("order", lambda order: order.past)
    late = snapshot(link, "q2")
    assert late.complete and [order.ticket for order in late.past_orders] == [ticket]


def test_is_complete_though_what_was_sent_is_older_than_what_is_asked_for(link: Connection) -> None:
    link.command("trade-1", submit=buy())
    link.result("trade-1")
    link.report("order", lambda order: order.past)
    shown = snapshot(link, "q", MetaTrader5.server_ms() + 60_000)
    assert shown.complete and not shown.past_orders


def test_is_not_complete_when_the_history_changes_with_each_reading(
    link: Connection, book: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first reading of a history begins its download, and gives less than there is."""
    whole = MetaTrader5.history_deals_get
    read: list[int] = []

    def more_each_time(date_from: int, date_to: int) -> Any:
        read.append(0)
        return whole(date_from, date_to)[: len(read)]

    monkeypatch.setattr(MetaTrader5, "HISTORY_LAG_MS", 0)
    content = book.content
    for _ in range(50):
        order = MetaTrader5.order_fields(content, {"symbol": "EURUSD", "volume": 0.1})
        MetaTrader5.deal(content, order, {"type": 0, "identifier": 1, "symbol": "EURUSD", "price_open": 1.1}, 0, 1.1)
    monkeypatch.setattr(MetaTrader5, "history_deals_get", more_each_time)
    assert not snapshot(link, "q1").complete


def test_is_an_error_where_the_history_cannot_be_read_and_never_empty(
    link: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MetaTrader5, "history_deals_get", lambda *_: MetaTrader5.fail(-1, "Terminal: Call failed"))
    link.command("q", snapshot={})
    result = link.result("q")
    assert (result.status, result.last_error) == (wire.COMMAND_STATUS_NOT_SENT, -1)
    assert not result.HasField("snapshot")


def test_trusts_the_account_where_the_terminal_says_nothing_of_itself(link: Connection, book: Any) -> None:
    book.content["terminal_info"] = False
    assert snapshot(link, "q1").complete
    book.content["connected"] = False
    assert not snapshot(link, "q2").complete


def test_checks_an_order_without_sending_it(link: Connection, book: Any) -> None:
    link.command("q", check=buy(0.2))
    result = link.result("q")
    assert (result.status, result.check.retcode) == (wire.COMMAND_STATUS_ANSWERED, 0)
    assert result.check.margin_needed == pytest.approx(0.2 * 1_000 * 1.1001)
    link.command("q2", check=buy(1_000))
    assert link.result("q2").retcode == 10014
    assert book.content["sends"] == []


def test_tells_symbols_known_and_unknown(link: Connection) -> None:
    link.command("q", symbols={"symbols": ["GBPUSD", "NOSUCH", "USDJPY"]})
    told = link.result("q").symbols
    assert [symbol.name for symbol in told.symbols] == ["GBPUSD", "USDJPY"]
    assert list(told.unknown) == ["NOSUCH"]
    symbol = told.symbols[0]
    assert (symbol.digits, symbol.volume_step, symbol.filling_mode, symbol.trade_execution) == (5, 0.01, 3, 2)
    assert list(symbol.swap_rates) == [0, 1, 1, 3, 1, 1, 0]


def test_tells_the_symbols_of_the_market_watch(link: Connection) -> None:
    link.command("q", symbols={})
    assert [symbol.name for symbol in link.result("q").symbols.symbols] == ["EURUSD", "GBPUSD"]


def test_tells_ticks_of_the_past_both_ends_included(link: Connection, book: Any) -> None:
    at = 1_700_000_000_000
    book.content["tape"] = {"EURUSD": [[at + n // 3, 1.1 + n / 1e5, 1.2] for n in range(12_000)]}
    link.command("q", ticks={"symbol": "EURUSD", "from_ms": at + 10, "to_ms": at + 3_500, "max_count": 100_000})
    times = [time for result in link.results("q") for time in times_of(result.ticks)]
    assert times == [at + n // 3 for n in range(12_000) if 10 <= n // 3 <= 3_500]
    link.command("q2", ticks={"symbol": "EURUSD", "from_ms": at + 10, "to_ms": at + 3_500, "max_count": 4})
    assert times_of(link.result("q2").ticks) == [at + 10, at + 10, at + 10, at + 11]
    link.command("q3", ticks={"symbol": "EURUSD", "from_ms": 0, "to_ms": at - 1, "max_count": 4})
    assert link.result("q3").ticks == wire.Ticks(symbols=["EURUSD"])


def times_of(ticks: wire.Ticks) -> list[int]:
    at, found = 0, []
    for step in ticks.time_ms:
        at += step
        found.append(at)
    return found


def test_tells_bars_of_the_past_both_ends_included(link: Connection) -> None:
    hour = 3_600_000
    first = (MetaTrader5.server_ms() // hour - 10) * hour
    asked = {"symbol": "EURUSD", "timeframe": 16385, "from_ms": first, "to_ms": first + 3 * hour}
    link.command("q", bars={**asked, "max_count": 100})
    told = link.result("q").bars
    assert list(told.time_ms) == [first, first + hour, first + 2 * hour, first + 3 * hour]
    assert (told.symbol, told.timeframe, told.tick_volume[0], told.spread[0]) == ("EURUSD", 16385, 600, 10)
    link.command("q2", bars={**asked, "max_count": 2})
    assert list(link.result("q2").bars.time_ms) == [first, first + hour]
    link.command("q3", bars={**asked, "symbol": "NOSUCH", "max_count": 3})
    assert link.result("q3").status == wire.COMMAND_STATUS_NOT_SENT
