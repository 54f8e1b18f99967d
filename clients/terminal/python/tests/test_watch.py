"""What happens in the account without the bridge is told, and so is what happens to the terminal."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import MetaTrader5
import pytest
from conftest import RunningAgent
from scripted import Connection, ScriptedBridge, buy, buy_limit

from mt5_bridge_agent import watch as watch_module
from mt5_bridge_agent.mt5bridge.terminal.v1 import link_pb2 as wire

Start = Callable[..., RunningAgent]


@pytest.fixture
def link(bridge: ScriptedBridge, start: Start) -> Connection:
    start()
    return bridge.linked()


def fill(book: MetaTrader5.Book, ticket: int, price: float) -> None:
    """The broker executes a pending order by itself."""
    content = book.content
    order = next(row for row in content["orders"] if row["ticket"] == ticket)
    request = {"symbol": order["symbol"], "volume": order["volume_initial"], "type": 0, "price": price}
    MetaTrader5.at_market(content, {**request, "magic": order["magic"]})
    content["orders"].remove(order)
    MetaTrader5.into_history(content, {**order, "volume_current": 0.0}, 4)


def test_tells_a_pending_orders_fill_that_nobody_asked_for(link: Connection, book: Any) -> None:
    link.command("trade-1", submit=buy_limit(1.05))
    ticket = link.result("trade-1").order
    link.report("order")
    fill(book, ticket, 1.05)
    seen: set[str] = set()
    while not {"deal", "position", "past"} <= seen:
        report = link.hear().report
        seen.add("past" if report.order.past and report.order.ticket == ticket else str(report.WhichOneof("event")))


def test_tells_each_deal_once_and_again_when_the_broker_corrects_it(link: Connection, book: Any) -> None:
    link.command("trade-1", submit=buy())
    link.result("trade-1")
    deal = link.report("deal")
    book.content["deals"][0].update(type=13, profit=0.0)
    link.command("trade-2", submit=buy(0.2))
    corrected = link.report("deal", lambda told: told.ticket == deal.ticket)
    assert corrected.type == 13
    link.report("deal", lambda told: told.volume == 0.2)
    assert sum(report.deal.ticket == deal.ticket for report in link.reports) == 2


def test_tells_what_the_account_is_worth_as_prices_move(link: Connection, book: Any) -> None:
    link.command("trade-1", submit=buy())
    link.result("trade-1")
    book.content["prices"]["EURUSD"] = [1.10110, 1.10120]
    state = link.report("account_state", lambda state: state.profit == 10.0)
    assert (state.equity, state.positions[0].price_current, state.positions[0].profit) == (10_010.0, 1.1011, 10.0)
    # A position that only moves with the market is no other position.
    assert sum(report.HasField("position") for report in link.reports) == 1


def test_tells_what_happened_while_the_link_was_down(bridge: ScriptedBridge, start: Start, book: Any) -> None:
    start(TERMINAL_RETRY_MS="300")
    link = bridge.linked()
    link.command("trade-1", submit=buy_limit(1.05))
    ticket = link.result("trade-1").order
    link.report("order")
    last = link.reports[-1].sequence
    link.cut()
    fill(book, ticket, 1.05)
    link = bridge.linked(last_seen=last)
    assert link.report("deal").price == 1.1001
    assert link.report("order", lambda order: order.ticket == ticket).past


def test_tells_whether_the_terminal_can_trade_and_finds_it_again(
    link: Connection, book: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.content["algo"] = False
    link.report("trade", lambda trade: trade.connected and not trade.algo_allowed)
    book.content["terminal_runs"] = False
    link.report("trade", lambda trade: trade == wire.TradeState())
    book.content.update(terminal_runs=True, algo=True)
    link.report("trade", lambda trade: trade.connected and trade.algo_allowed)


def test_waits_for_a_terminal_that_does_not_run_and_for_a_bridge_that_is_not_there(
    bridge: ScriptedBridge, start: Start, book: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.content["terminal_runs"] = False
    initialize, asked = MetaTrader5.initialize, threading.Event()

    def noted(*arguments: Any, **named: Any) -> bool:
        answer = initialize(*arguments, **named)
        asked.set()
        return answer

    monkeypatch.setattr(MetaTrader5, "initialize", noted)
    start()
    assert asked.wait(10)
    book.content["terminal_runs"] = True
    bridge.next().hello()


def test_tells_another_account_and_nothing_more_until_the_link_is_made_anew(
    bridge: ScriptedBridge, start: Start, book: Any
) -> None:
    start()
    link = bridge.linked()
    link.command("s", subscribe={"symbols": ["EURUSD"]})
    link.report("ticks")
    book.content.update(login=2000002, server="Other-Demo")
    changed = link.report("account_changed")
    assert (changed.login, changed.server) == (2000002, "Other-Demo")
    link.acknowledge()
    link.end()
    assert link.reports[-1].HasField("account_changed")
    link = bridge.next()
    hello = link.hello()
    assert hello.account.fingerprint == changed
    # Numbers of another account are its own.
    assert (hello.bridge_epoch, hello.last_seen, hello.oldest_report) == (0, 0, 1)
    book.content.update(login=1000001, server="Broker-Demo")
    link.welcome()
    link.report("account_changed")
    link.cut()
    hello = bridge.next().hello()
    assert (hello.account.fingerprint.login, hello.bridge_epoch, hello.last_seen) == (1000001, 1, 1)


def test_tells_what_it_was_reading_when_the_link_was_cut(
    bridge: ScriptedBridge, start: Start, book: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    start()
    link = bridge.linked()
    link.command("trade-1", submit=buy_limit(1.05))
    ticket = link.result("trade-1").order
    link.report("order")
    last = link.reports[-1].sequence
    read, slow = MetaTrader5.positions_get, threading.Event()

    def slowly() -> Any:
        slow.set()
        time.sleep(0.3)
        return read()

    book.content["orders"][0]["price_open"] = 1.04
    monkeypatch.setattr(MetaTrader5, "positions_get", slowly)
    slow.wait(5)
    link.cut()
    link = bridge.linked(last_seen=last)
    assert link.report("order", lambda order: order.price_open == 1.04).ticket == ticket


def test_tells_what_it_had_read_before_another_reading_failed(
    link: Connection, book: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    link.command("trade-1", submit=buy_limit(1.05))
    link.result("trade-1")
    link.report("order")
    failed = threading.Event()

    def failing() -> Any:
        failed.set()
        return MetaTrader5.fail(-1, "Terminal: Call failed")

    with monkeypatch.context() as patch:
        patch.setattr(MetaTrader5, "positions_get", failing)
        book.content["orders"][0]["price_open"] = 1.04
        failed.wait(5)
        failed.clear()
        failed.wait(5)
    link.report("order", lambda order: order.price_open == 1.04)


@pytest.mark.parametrize("reading", ["positions_get", "copy_ticks_from"])
def test_tells_nothing_that_was_read_while_the_account_changed(
    link: Connection, book: Any, monkeypatch: pytest.MonkeyPatch, reading: str
) -> None:
    link.command("s", subscribe={"symbols": ["EURUSD"]})
    link.command("trade-1", submit=buy())
    link.result("trade-1")
    read = getattr(MetaTrader5, reading)

    def of_another_account(*arguments: Any) -> Any:
        if book.content["login"] != 2000002:
            book.content.update(login=2000002, server="Other-Demo", balance=1.0, prices={"EURUSD": [7.0, 8.0]})
            book.content["positions"][0]["ticket"] = 77
        return read(*arguments)

    link.report("position")
    monkeypatch.setattr(MetaTrader5, reading, of_another_account)
    link.report("account_changed")
    for report in link.reports:
        assert 7.0 not in report.ticks.bid and report.position.ticket != 77 and report.account_state.balance != 1.0


def test_trades_nothing_in_the_moment_of_another_account(link: Connection, book: Any) -> None:
    book.content.update(trade_mode=2)
    link.command("trade-1", submit=buy())
    assert link.result("trade-1").status == wire.COMMAND_STATUS_WRONG_ACCOUNT
    assert book.content["sends"] == []


def test_logs_in_to_the_account_whose_password_it_has(bridge: ScriptedBridge, start: Start, book: Any) -> None:
    start(TERMINAL_LOGIN="2000002", TERMINAL_SERVER="Other-Demo", TERMINAL_PASSWORD="secret")
    link = bridge.linked()
    other = wire.Fingerprint(login=2000002, server="Other-Demo")
    link.command("trade-1", account=other, log_in={})
    assert link.result("trade-1").status == wire.COMMAND_STATUS_ANSWERED
    assert link.report("account_changed") == other
    link.acknowledge()
    assert bridge.next().hello().account.fingerprint == other


def test_tells_specifications_that_have_changed(link: Connection, book: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module, "SYMBOLS_EVERY_S", 0.1)
    link.command("s", subscribe={"symbols": ["EURUSD"]})
    link.result("s")
    time.sleep(0.4)
    known = MetaTrader5.symbol_of
    monkeypatch.setattr(MetaTrader5, "symbol_of", lambda *args: known(*args)._replace(trade_stops_level=10))
    changed = link.report("symbols").symbols
    assert [(symbol.name, symbol.trade_stops_level) for symbol in changed] == [("EURUSD", 10)]


def test_goes_on_after_an_error_of_its_own(
    bridge: ScriptedBridge, start: Start, book: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    start()
    link = bridge.linked()
    link.command("q", symbols={})
    link.result("q")

    def broken() -> Any:
        raise ValueError("what nobody thought of")

    monkeypatch.setattr(MetaTrader5, "positions_get", broken)
    link.end()
    monkeypatch.undo()
    assert bridge.next().hello().last_seen == 1


def test_tells_symbols_that_the_market_watch_has_begun_to_show(
    link: Connection, book: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_module, "SYMBOLS_EVERY_S", 0.1)
    book.content["watched"].append("USDJPY")
    book.save()
    assert [symbol.name for symbol in link.report("symbols").symbols] == ["USDJPY"]
