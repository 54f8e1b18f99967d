"""What becomes of a command that trades."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import RunningAgent
from scripted import ACCOUNT, Connection, ScriptedBridge, buy, buy_limit

from mt5_bridge_agent.mt5bridge.terminal.v1 import link_pb2 as wire

Start = Callable[..., RunningAgent]


@pytest.fixture
def link(bridge: ScriptedBridge, start: Start) -> Connection:
    start()
    return bridge.linked()


def place(link: Connection, id: str, request: wire.TradeRequest) -> wire.CommandResult:
    link.command(id, submit=request)
    return link.result(id)


def test_sends_a_market_order_and_tells_its_deal_its_order_and_its_position(link: Connection, book: Any) -> None:
    result = place(link, "trade-1", buy(0.1, stop_loss=1.09, comment="mine"))
    assert (result.status, result.retcode, result.volume) == (wire.COMMAND_STATUS_ANSWERED, 10009, 0.1)
    stamps = result.stamps
    assert 0 < stamps.received_us <= stamps.before_send_us <= stamps.after_send_us <= stamps.answered_us
    assert stamps.answered_us <= stamps.reported_us
    # A market order without a price takes the terminal's; what is not set is not sent.
    assert book.content["sends"][0] == {
        "action": 1,
        "magic": (7 << 32) + 42,
        "symbol": "EURUSD",
        "volume": 0.1,
        "price": 1.1001,
        "sl": 1.09,
        "type": 0,
        "type_filling": 0,
        "type_time": 0,
        "comment": "mine",
    }
    told: dict[str, wire.Report] = {}
    while not {"deal", "order", "position"} <= told.keys():
        report = link.hear().report
        told[str(report.WhichOneof("event"))] = report
    assert (told["deal"].deal.ticket, told["deal"].deal.magic) == (result.deal, (7 << 32) + 42)
    assert told["position"].position.identifier == result.order
    assert told["order"].order.state == 4


def test_places_changes_and_removes_a_pending_order(link: Connection) -> None:
    ticket = place(link, "trade-1", buy_limit(1.05)).order
    assert link.report("order").ticket == ticket
    link.command("trade-2", modify=wire.TradeRequest(action=7, order=ticket, price=1.04, take_profit=1.2))
    assert link.result("trade-2").retcode == 10009
    changed = link.report("order")
    assert (changed.price_open, changed.take_profit, changed.past) == (1.04, 1.2, False)
    link.command("trade-3", cancel=wire.TradeRequest(action=8, order=ticket))
    assert link.result("trade-3").retcode == 10009
    assert link.report("order", lambda order: order.past).state == 2


def test_changes_stops_closes_and_closes_by(link: Connection) -> None:
    first = place(link, "trade-1", buy()).order
    second = place(link, "trade-2", wire.TradeRequest(action=1, symbol="EURUSD", volume=0.3, type=1)).order
    link.command("trade-3", stops=wire.TradeRequest(action=6, symbol="EURUSD", position=first, stop_loss=1.05))
    assert link.result("trade-3").retcode == 10009
    link.report("position", lambda position: position.ticket == first and position.stop_loss == 1.05)
    by = wire.TradeRequest(action=10, symbol="EURUSD", position=first, position_by=second, type=8)
    assert place(link, "trade-4", by).retcode == 10009
    assert link.report("position_closed").ticket == first
    close = wire.TradeRequest(action=1, symbol="EURUSD", volume=0.2, type=0, position=second)
    assert place(link, "trade-5", close).retcode == 10009
    assert link.report("position_closed").ticket == second


def test_passes_on_a_refusal_with_its_number_known_or_not(link: Connection) -> None:
    for number, id in ((10019, "trade-1"), (12345, "trade-2")):
        result = place(link, id, buy(comment=f"#retcode={number}"))
        assert (result.status, result.retcode) == (wire.COMMAND_STATUS_ANSWERED, number)
    # A policy that the symbol has not: its mask is no policy.
    assert place(link, "trade-3", buy(type_filling=2)).retcode == 10030


@pytest.mark.parametrize("code", [-2, -7, -8])
def test_takes_for_not_sent_only_what_the_package_refuses_by_itself(link: Connection, book: Any, code: int) -> None:
    result = place(link, "trade-1", buy(comment=f"#none={code}"))
    assert (result.status, result.last_error, result.retcode) == (wire.COMMAND_STATUS_NOT_SENT, code, 0)
    assert book.content["sends"] == []


@pytest.mark.parametrize("code", [1, -1, -3, -4, -6, -10000, -10001, -10002, -10003, -10004, -10005, -77])
def test_takes_no_other_silence_for_a_refusal(link: Connection, code: int) -> None:
    """Here the order was executed although the package said None."""
    result = place(link, "trade-1", buy(comment=f"#lost={code}"))
    assert (result.status, result.last_error) == (wire.COMMAND_STATUS_UNANSWERED, code)
    assert link.report("deal").volume == 0.1


def test_gives_up_waiting_for_an_answer_and_has_the_order_told_by_the_history(link: Connection, book: Any) -> None:
    result = place(link, "trade-1", buy(comment="#slow=900"))
    assert result.status == wire.COMMAND_STATUS_UNANSWERED
    link.report("deal")
    assert [report.result.status for report in link.reports if report.HasField("result")] == [result.status]


def test_does_not_begin_what_waits_behind_a_silent_broker_for_too_long(link: Connection, book: Any) -> None:
    link.command("trade-1", submit=buy(comment="#slow=300"))
    link.command("trade-2", submit=buy(comment="second"), within_s=0.1)
    assert link.result("trade-2").status == wire.COMMAND_STATUS_EXPIRED
    place(link, "trade-3", buy(comment="third"))
    assert [request["comment"] for request in book.content["sends"]] == ["#slow=300", "third"]


def test_cuts_a_comment_that_the_package_would_refuse(link: Connection, book: Any) -> None:
    assert place(link, "trade-1", buy(comment="x" * 31)).retcode == 10009
    assert book.content["sends"][0]["comment"] == "x" * 28
    # What else the package does not like is a refusal of its own.
    assert place(link, "trade-2", buy(comment="Größe")).status == wire.COMMAND_STATUS_NOT_SENT


def test_puts_a_symbol_into_the_market_watch_before_it_is_traded(link: Connection, book: Any) -> None:
    assert "USDJPY" not in book.content["watched"]
    assert place(link, "trade-1", buy(symbol="USDJPY")).retcode == 10009
    assert place(link, "trade-2", buy(symbol="NOSUCH")).status == wire.COMMAND_STATUS_NOT_SENT


def test_answers_an_id_that_it_knows_from_the_inbox(link: Connection, book: Any) -> None:
    first = place(link, "trade-1", buy())
    link.command("trade-1", submit=buy())
    again = link.report("result")
    assert (again.id, again.order) == ("trade-1", first.order)
    assert len(book.content["sends"]) == 1


@pytest.mark.parametrize(
    "action",
    [
        {},
        {"submit": wire.TradeRequest(action=8, order=1)},
        {"cancel": buy()},
        {"modify": buy()},
        {"stops": buy()},
        {"check": wire.TradeRequest(action=3)},
        {"subscribe": {"symbols": ["EURUSD"], "after_ms": [1, 2]}},
        {"log_in": {}},
    ],
    ids=["nothing", "a removal as an order", "cancel", "modify", "stops", "check", "subscribe", "log in"],
)
def test_carries_out_nothing_under_another_name(link: Connection, book: Any, action: dict[str, Any]) -> None:
    link.command("trade-1", **action)
    assert link.result("trade-1").status == wire.COMMAND_STATUS_UNSUPPORTED
    assert book.content["sends"] == []


def test_carries_out_nothing_without_an_id(link: Connection, book: Any) -> None:
    for id in ("with space", "x" * 33, "ä"):
        link.command(id, submit=buy())
        assert link.result(id).status == wire.COMMAND_STATUS_UNSUPPORTED
    assert book.content["sends"] == []


@pytest.mark.parametrize(
    "other",
    [
        wire.Fingerprint(login=1000002, server="Broker-Demo"),
        wire.Fingerprint(login=1000001, server="Broker-Real"),
        wire.Fingerprint(login=1000001, server="Broker-Demo", trade_mode=2),
        wire.Fingerprint(),
    ],
    ids=["login", "server", "trade mode", "none"],
)
def test_carries_out_nothing_for_another_account(link: Connection, book: Any, other: wire.Fingerprint) -> None:
    actions: dict[str, dict[str, Any]] = {"trade-1": {"submit": buy()}, "q": {"snapshot": {}}}
    for id, action in actions.items():
        link.command(id, account=other, **action)
        assert link.result(id).status == wire.COMMAND_STATUS_WRONG_ACCOUNT
    assert book.content["sends"] == []


def test_does_not_send_when_nobody_can_tell_who_is_logged_in(link: Connection, book: Any) -> None:
    book.content["terminal_runs"] = False
    result = place(link, "trade-1", buy())
    assert (result.status, result.last_error) == (wire.COMMAND_STATUS_NOT_SENT, -10004)
    book.content["terminal_runs"] = True
    assert place(link, "trade-2", buy()).retcode == 10009


def test_keeps_its_own_limits(bridge: ScriptedBridge, start: Start, book: Any) -> None:
    start(TERMINAL_MAX_VOLUME="0.5", TERMINAL_ALLOWED_SYMBOLS="EURUSD,USDJPY", TERMINAL_MAX_ORDERS_PER_MINUTE="3")
    link = bridge.linked(
        limits={"max_volume": 0.2, "allowed_symbols": ["EURUSD", "GBPUSD"], "max_orders_per_minute": 9}
    )
    over = {"trade-1": buy(0.3), "trade-2": buy(symbol="GBPUSD"), "trade-3": buy(symbol="USDJPY")}
    for id, request in over.items():
        assert place(link, id, request).status == wire.COMMAND_STATUS_OVER_LIMIT
    for number in range(3):
        assert place(link, f"fine-{number}", buy(0.2)).retcode == 10009
    assert place(link, "trade-4", buy(0.2)).status == wire.COMMAND_STATUS_OVER_LIMIT
    # What takes risk away is never too much.
    link.command("cancel", cancel=wire.TradeRequest(action=8, order=1))
    assert link.result("cancel").status == wire.COMMAND_STATUS_ANSWERED
    assert len(book.content["sends"]) == 4


def test_carries_out_a_command_whose_connection_was_cut_and_tells_it_to_the_next(
    bridge: ScriptedBridge, start: Start, book: Any
) -> None:
    start()
    link = bridge.linked()
    link.command("trade-1", submit=buy(comment="#slow=200"))
    link.until(lambda frame: frame.HasField("ack"))
    link.cut()
    link = bridge.next()
    assert link.hello().last_seen == 1
    link.welcome()
    assert link.result("trade-1").retcode == 10009
    link.command("trade-1", sequence=1, submit=buy(comment="#slow=200"))
    link.command("trade-2", submit=buy())
    link.result("trade-2")
    assert len(book.content["sends"]) == 2


def test_tells_results_that_were_perhaps_not_taken_once_more_after_a_restart(
    bridge: ScriptedBridge, start: Start, tmp_path: Path, book: Any
) -> None:
    agent = start()
    link = bridge.linked()
    taken = place(link, "trade-1", buy())
    link.acknowledge()
    link.say(ping={"id": 1})
    link.until(lambda frame: frame.HasField("pong"))
    kept = place(link, "trade-2", buy())
    agent.stop()
    start()
    link = bridge.next()
    hello = link.hello()
    assert (hello.bridge_epoch, hello.last_seen) == (1, 2)
    link.welcome()
    again = link.report("result")
    assert (again.id, again.order) == ("trade-2", kept.order) and again.order != taken.order
    assert len(book.content["sends"]) == 2


def test_refuses_to_run_twice_for_one_account(bridge: ScriptedBridge, start: Start) -> None:
    start()
    bridge.linked()
    second = start()
    second._thread.join(10)
    assert "another agent" in str(second.failure)
    assert ACCOUNT.server in str(second.failure)
