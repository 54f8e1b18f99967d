"""Ticks: none is missing and none is told twice."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import MetaTrader5
import pytest
from conftest import RunningAgent
from scripted import Connection, ScriptedBridge
from test_questions import times_of

from mt5_bridge_agent.mt5bridge.terminal.v1 import link_pb2 as wire
from mt5_bridge_agent.settings import settings_from
from mt5_bridge_agent.terminal import Terminal
from mt5_bridge_agent.ticks import BATCH, TickCursor

Start = Callable[..., RunningAgent]
AT = 1_700_000_000_000


@pytest.fixture
def terminal(book: Any) -> Terminal:
    made = Terminal(settings_from([], {}))
    made.start()
    return made


def told(cursor: TickCursor, terminal: Terminal) -> list[tuple[int, float]]:
    """All that is new."""
    found: list[tuple[int, float]] = []
    while (new := cursor.read(terminal)) is not None:
        found += zip(new["time_msc"].tolist(), new["bid"].tolist(), strict=True)
    return found


def test_tells_each_tick_once_whenever_it_is_read(terminal: Terminal, book: Any) -> None:
    """Several have one millisecond, and readings fall between them."""
    for seed in range(200):
        chance = random.Random(seed)
        tape: list[list[Any]] = []
        book.content["tape"] = {"EURUSD": tape}
        cursor = TickCursor("EURUSD", AT)
        found: list[tuple[int, float]] = []
        at, price = AT, 0
        for _ in range(chance.randrange(1, 60)):
            for _ in range(chance.choice([0, 1, 1, 2, 5, 40])):
                at += chance.choice([0, 0, 0, 1, 7, 400, 5_000])
                price += 1
                tape.append([at, float(price), 0.0])
            if chance.random() < 0.6:
                found += told(cursor, terminal)
        found += told(cursor, terminal)
        assert found == [(row[0], row[1]) for row in tape if row[0] > AT], f"seed {seed}"


def test_gets_through_a_second_with_more_ticks_than_a_batch(terminal: Terminal, book: Any) -> None:
    tape = [[AT + n // 20, float(n), 0.0] for n in range(5 * BATCH)]
    book.content["tape"] = {"EURUSD": tape}
    cursor = TickCursor("EURUSD", AT - 1)
    assert [price for _, price in told(cursor, terminal)] == [row[1] for row in tape]


def test_begins_now_where_nothing_else_is_asked_for(terminal: Terminal, book: Any) -> None:
    tape: list[list[Any]] = [[AT + n // 3, float(n), 0.0] for n in range(7_000)]
    book.content["tape"] = {"EURUSD": tape}
    cursor = TickCursor("EURUSD", 0)
    cursor.begin(terminal)
    assert told(cursor, terminal) == []
    tape.append([tape[-1][0], -1.0, 0.0])  # of the same moment as the last that was there
    assert [price for _, price in told(cursor, terminal)] == [-1.0]


def test_tells_the_first_tick_of_a_symbol_that_had_none(terminal: Terminal, book: Any) -> None:
    book.content["tape"] = {}
    cursor = TickCursor("EURUSD", 0)
    cursor.begin(terminal)
    assert told(cursor, terminal) == []
    book.content["tape"] = {"EURUSD": [[AT, 1.0, 0.0], [AT, 2.0, 0.0]]}
    assert [price for _, price in told(cursor, terminal)] == [1.0, 2.0]


def streamed(link: Connection, count: int) -> list[tuple[int, float]]:
    found: list[tuple[int, float]] = []
    while len(found) < count:
        ticks = link.report("ticks")
        assert list(ticks.symbols) == ["EURUSD"]
        found += zip(times_of(ticks), ticks.bid, strict=True)
    return found


def test_streams_the_symbols_that_are_asked_for_and_says_which_it_cannot(
    bridge: ScriptedBridge, start: Start, book: Any
) -> None:
    tape = [[AT + n, float(n + 1), 0.0] for n in range(100)]
    book.content["tape"] = {"EURUSD": tape}
    start()
    link = bridge.linked()
    link.command("s", subscribe={"symbols": ["NOSUCH", "EURUSD"], "after_ms": [AT, AT + 49]})
    assert streamed(link, 50) == [(row[0], row[1]) for row in tape[50:]]
    refused = next(report.result.refused for report in link.reports if report.HasField("result"))
    assert list(refused.symbols) == ["NOSUCH"] and len(refused.messages) == 1


def test_goes_on_behind_the_last_tick_after_a_cut_however_long(bridge: ScriptedBridge, start: Start, book: Any) -> None:
    tape = [[AT + n, float(n + 1), 0.0] for n in range(10)]
    book.content["tape"] = {"EURUSD": tape}
    start(TERMINAL_RING="10")
    link = bridge.linked()
    link.command("s", subscribe={"symbols": ["EURUSD"], "after_ms": [AT - 1]})
    assert len(streamed(link, 10)) == 10
    for number in range(5):
        link.command(f"q{number}", symbols={"symbols": ["EURUSD"]})
        link.result(f"q{number}")
    # Its acknowledgements never arrived: the welcome says what it has.
    last = link.reports[-1].sequence
    link.cut()
    tape += [[AT + 1_000 + n // 2, float(n), 0.0] for n in range(20_000)]
    link = bridge.next()
    link.hello()
    link.welcome(last_seen=last)
    # The bridge takes its time: what it has not acknowledged fills half the ring, and the rest waits at the broker.
    found: list[tuple[int, float]] = []
    while len(found) < 20_000:
        ticks = link.report("ticks")
        found += zip(times_of(ticks), ticks.bid, strict=True)
        link.acknowledge()
    assert found == [(row[0], row[1]) for row in tape[10:]]
    assert not any(report.HasField("gap") for report in link.reports)


def test_keeps_its_place_when_the_same_symbol_is_asked_for_again(
    bridge: ScriptedBridge, start: Start, book: Any
) -> None:
    tape = [[AT + n, float(n + 1), 0.0] for n in range(10)]
    book.content["tape"] = {"EURUSD": tape, "GBPUSD": []}
    start()
    link = bridge.linked()
    link.command("s1", subscribe={"symbols": ["EURUSD"], "after_ms": [AT - 1]})
    streamed(link, 10)
    tape.append([AT + 20, 11.0, 0.0])
    link.command("s2", subscribe={"symbols": ["EURUSD", "GBPUSD"]})
    assert streamed(link, 1) == [(AT + 20, 11.0)]


def test_streams_nothing_to_a_new_life_of_the_bridge_that_has_not_asked(
    bridge: ScriptedBridge, start: Start, book: Any
) -> None:
    start()
    link = bridge.linked(epoch=1)
    link.command("s", subscribe={"symbols": ["EURUSD"]})
    link.report("ticks")
    last = link.reports[-1].sequence
    link.cut()
    link = bridge.linked(epoch=2, last_seen=last)
    # What was read before and not acknowledged comes again, and then nothing more.
    link.command("q1", symbols={})
    link.result("q1")
    before = len(link.reports)
    time.sleep(0.5)
    link.command("q2", symbols={})
    link.result("q2")
    assert not any(report.HasField("ticks") for report in link.reports[before:])


def test_leaves_out_columns_of_zeros(bridge: ScriptedBridge, start: Start) -> None:
    start()
    link = bridge.linked()
    link.command("s", subscribe={"symbols": ["EURUSD"]})
    ticks: wire.Ticks = link.report("ticks")
    assert (list(ticks.last), list(ticks.volume)) == ([], [])
    assert list(ticks.symbol) == [0] * len(ticks.time_ms)
    assert ticks.flags[0] == 134 and ticks.ask[0] == 1.1001
    assert 0 <= MetaTrader5.server_ms() - times_of(ticks)[0] < 5_000
