"""What the bridge may count on, whatever becomes of the connection."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from conftest import RunningAgent
from scripted import ACCOUNT, ScriptedBridge, buy

from mt5_bridge_agent import link as link_module
from mt5_bridge_agent.mt5bridge.terminal.v1 import link_pb2 as wire

Start = Callable[..., RunningAgent]


def test_says_who_it_is_and_what_it_knows(bridge: ScriptedBridge, start: Start) -> None:
    start(BRIDGE_TOKEN="mt5b_secret")
    connection = bridge.next()
    hello = connection.hello()
    assert connection.metadata["authorization"] == "Bearer mt5b_secret"
    assert (hello.protocol_min, hello.protocol_max, hello.terminal_build) == (1, 1, 5430)
    assert hello.account.fingerprint == ACCOUNT
    assert (hello.account.currency, hello.account.margin_mode, hello.account.limit_orders) == ("USD", 2, 200)
    assert (hello.oldest_report, hello.bridge_epoch, hello.last_seen) == (1, 0, 0)
    assert hello.trade.connected and hello.trade.algo_allowed and hello.trade.account_allowed
    # The broker's clock is three hours ahead of UTC, and only its prices tell.
    assert 0 <= hello.clocks.utc_ms + 3 * 3600 * 1000 - hello.clocks.server_last_ms < 3_000
    assert abs(hello.clocks.utc_ms + 3 * 3600 * 1000 - hello.clocks.server_ms) < 3_000


def test_does_not_know_the_brokers_clock_while_prices_stand_still(
    bridge: ScriptedBridge, start: Start, book: Any
) -> None:
    friday = 1_700_000_000_000
    book.content["tape"] = {"EURUSD": [[friday, 1.1, 1.2]], "GBPUSD": []}
    start()
    clocks = bridge.next().hello().clocks
    assert (clocks.server_ms, clocks.server_last_ms) == (0, friday)


def test_answers_a_ping_with_its_clocks(bridge: ScriptedBridge, start: Start) -> None:
    start()
    link = bridge.linked()
    for id in (7, 8):
        link.say(ping={"id": id, "bridge_time_us": time.time_ns() // 1_000})
        pong = link.until(lambda frame: frame.HasField("pong")).pong
        assert pong.id == id
        assert 0 < pong.clocks.monotonic_us <= pong.sent_us


def test_acknowledges_commands_once_they_are_taken_and_again_when_they_are_repeated(
    bridge: ScriptedBridge, start: Start
) -> None:
    start()
    link = bridge.linked()
    link.command("a", symbols={})
    link.until(lambda frame: frame.ack.sequence == 1)
    link.command("a", sequence=1, symbols={})
    link.until(lambda frame: frame.ack.sequence == 1)


def test_ends_the_connection_over_a_number_left_out(bridge: ScriptedBridge, start: Start) -> None:
    start()
    link = bridge.linked()
    link.command("a", sequence=2, symbols={})
    link.end()
    assert bridge.next().hello().last_seen == 0


@pytest.mark.parametrize(
    "frame",
    [
        b"\xff\xff\xff",
        wire.ConnectResponse(welcome=wire.Welcome(protocol=1, bridge_epoch=1)).SerializeToString(),
        wire.ConnectResponse(ack=wire.Ack(sequence=1_000_000)).SerializeToString(),
        wire.ConnectResponse(refusal=wire.Refusal(reason=99, message="who knows")).SerializeToString(),  # type: ignore[arg-type]
        b"\x12" + b"\xff\xff\x07" + bytes(0x1FFFF),
    ],
    ids=["unreadable", "second welcome", "never told", "refusal of an unknown kind", "too large"],
)
def test_ends_the_connection_over_what_must_not_be_said_and_dials_again(
    bridge: ScriptedBridge, start: Start, frame: bytes
) -> None:
    start()
    link = bridge.linked()
    link.say_bytes(frame)
    link.end()
    bridge.linked().say(ping={"id": 1})


@pytest.mark.parametrize("frame", [b"", b"\xaa\x06\x02\x08\x01"], ids=["empty", "of a later version"])
def test_drops_frames_that_it_does_not_know(bridge: ScriptedBridge, start: Start, frame: bytes) -> None:
    start()
    link = bridge.linked()
    link.say_bytes(frame)
    link.say(ping={"id": 3})
    assert link.until(lambda heard: heard.HasField("pong")).pong.id == 3


@pytest.mark.parametrize(
    "first",
    [
        {"ping": {"id": 1}},
        {"welcome": {"protocol": 2, "bridge_epoch": 1}},
        {"welcome": {"protocol": 1, "bridge_epoch": 2**63}},
        {"welcome": {"protocol": 1, "bridge_epoch": 1, "last_seen": 1_000_000}},
    ],
    ids=["ping", "another version", "a life beyond all", "reports never told"],
)
def test_does_not_serve_a_bridge_whose_first_frame_is_no_welcome(
    bridge: ScriptedBridge, start: Start, first: dict[str, Any]
) -> None:
    start()
    link = bridge.next()
    link.hello()
    link.say(**first)
    link.end()
    bridge.next().hello()


def test_does_not_serve_a_bridge_of_an_earlier_life(bridge: ScriptedBridge, start: Start) -> None:
    start()
    link = bridge.linked(epoch=5)
    link.say(ping={"id": 1})
    link.until(lambda frame: frame.HasField("pong"))
    link.cut()
    link = bridge.next()
    assert link.hello().bridge_epoch == 5
    link.welcome(epoch=4)
    link.end()


def test_begins_the_numbers_of_commands_anew_with_a_new_life_of_the_bridge(
    bridge: ScriptedBridge, start: Start
) -> None:
    start()
    link = bridge.linked(epoch=5)
    link.command("a", symbols={})
    link.result("a")
    link.cut()
    link = bridge.next()
    assert link.hello().last_seen == 1
    link.welcome(epoch=6)
    link.command("b", symbols={})
    assert link.result("b").status == wire.COMMAND_STATUS_ANSWERED
    link.cut()
    hello = bridge.next().hello()
    assert (hello.bridge_epoch, hello.last_seen) == (6, 1)


def test_waits_after_a_refusal_as_long_as_it_is_asked_to(bridge: ScriptedBridge, start: Start) -> None:
    start()
    link = bridge.next()
    link.hello()
    refused_at = time.monotonic()
    link.say(refusal={"reason": wire.REFUSAL_REASON_TAKEN, "message": "another one", "retry_after_ms": 300})
    bridge.next().hello()
    assert time.monotonic() - refused_at >= 0.3


def test_ends_a_connection_on_which_nothing_is_heard(
    bridge: ScriptedBridge, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "SILENCE_S", 0.2)
    start()
    bridge.linked().end()
    bridge.next().hello()


def test_sends_again_what_was_not_acknowledged_under_the_same_numbers(bridge: ScriptedBridge, start: Start) -> None:
    start()
    link = bridge.linked()
    for id in ("a", "b", "c"):
        link.command(id, symbols={"symbols": ["EURUSD"]})
        link.result(id)
    told = {report.sequence: report.result.id for report in link.reports if report.HasField("result")}
    taken = min(told)
    link.say(ack={"sequence": taken})
    link.cut()
    link = bridge.next()
    hello = link.hello()
    assert hello.oldest_report <= taken + 1
    link.welcome(last_seen=taken)
    link.result("c")
    again = {report.sequence: report.result.id for report in link.reports if report.HasField("result")}
    assert again == {sequence: id for sequence, id in told.items() if sequence > taken}
    numbers = [report.sequence for report in link.reports]
    assert numbers == list(range(taken + 1, taken + 1 + len(numbers)))


def test_declares_a_gap_where_reports_no_longer_fit(bridge: ScriptedBridge, start: Start) -> None:
    start(TERMINAL_RING="10")
    link = bridge.linked()
    for number in range(30):
        link.command(f"q{number}", symbols={"symbols": ["EURUSD"]})
    link.result("q29")
    link.cut()
    link = bridge.next()
    oldest = link.hello().oldest_report
    assert oldest > 1
    link.welcome()
    first = link.hear().report
    assert first.sequence == first.gap.through == oldest - 1
    assert (getattr(first.gap, "from"), first.gap.results) == (1, True)
    link.result("q29")
    assert [report.sequence for report in link.reports] == list(range(oldest - 1, link.reports[-1].sequence + 1))


def test_declares_a_gap_to_a_new_bridge_that_has_not_what_the_last_one_acknowledged(
    bridge: ScriptedBridge, start: Start
) -> None:
    start()
    link = bridge.linked()
    link.command("a", symbols={"symbols": ["EURUSD"]})
    link.result("a")
    link.acknowledge()
    link.command("b", symbols={"symbols": ["EURUSD"]})
    link.result("b")
    seen = link.reports[-1].sequence
    link.cut()
    link = bridge.linked(epoch=2)
    gap = link.report("gap")
    assert getattr(gap, "from") == 1 and gap.through < seen and gap.trades


def test_keeps_the_bridges_clock_per_connection_and_does_not_begin_what_comes_too_late(
    bridge: ScriptedBridge, start: Start, book: Any
) -> None:
    start()
    link = bridge.linked()
    link.command("late", submit=buy(), within_s=-0.5)
    assert link.result("late").status == wire.COMMAND_STATUS_EXPIRED
    # A ping that was long on its way does not make the clock go back.
    link.say(ping={"id": 1, "bridge_time_us": time.time_ns() // 1_000 - 3_600_000_000})
    link.command("later", submit=buy(), within_s=-0.5)
    assert link.result("later").status == wire.COMMAND_STATUS_EXPIRED
    # A bridge whose clock is an hour behind means its own clock, not the terminal's.
    link.cut()
    link = bridge.next()
    link.hello()
    link.welcome(last_seen=0, bridge_time_ms=time.time_ns() // 1_000_000 - 3_600_000)
    link.command("fine", sequence=3, submit=buy(), within_s=-3_000)
    assert link.result("fine").retcode == 10009
    assert len(book.content["sends"]) == 1
