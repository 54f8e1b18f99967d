"""What is done when the bridge stays away."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import MetaTrader5
import pytest
from conftest import RunningAgent
from scripted import Connection, ScriptedBridge, buy, buy_limit

Start = Callable[..., RunningAgent]


def until(true: Callable[[], bool]) -> None:
    ends = time.monotonic() + 10
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.01)


def with_an_order_and_two_positions(bridge: ScriptedBridge) -> Connection:
    link = bridge.linked()
    requests = {"trade-1": buy_limit(1.05), "trade-2": buy(0.1), "trade-3": buy(0.2, symbol="GBPUSD")}
    for id, request in requests.items():
        link.command(id, submit=request)
        assert link.result(id).retcode == 10009
    return link


@pytest.mark.parametrize(("policy", "positions"), [("cancel", 2), ("flatten", 0)])
def test_removes_orders_and_closes_positions_as_told(
    bridge: ScriptedBridge, start: Start, book: Any, policy: str, positions: int
) -> None:
    start(TERMINAL_DEAD_MAN=policy, TERMINAL_DEAD_MAN_SECONDS="1", TERMINAL_RETRY_MS="60000")
    with_an_order_and_two_positions(bridge).cut()
    until(lambda: not book.content["orders"] and len(book.content["positions"]) == positions)
    sent = len(book.content["sends"])
    time.sleep(0.5)
    assert len(book.content["sends"]) == sent


def test_does_nothing_while_the_bridge_is_heard(bridge: ScriptedBridge, start: Start, book: Any) -> None:
    start(TERMINAL_DEAD_MAN="flatten", TERMINAL_DEAD_MAN_SECONDS="1.5")
    link = with_an_order_and_two_positions(bridge)
    for id in range(25):
        time.sleep(0.1)
        link.say(ping={"id": id})
    assert len(book.content["sends"]) == 3


def test_does_nothing_to_an_account_that_no_bridge_ever_served(bridge: ScriptedBridge, start: Start, book: Any) -> None:
    MetaTrader5.pending(book.content, {"symbol": "EURUSD", "volume": 0.1, "type": 2, "price": 1.05})
    start(TERMINAL_DEAD_MAN="flatten", TERMINAL_DEAD_MAN_SECONDS="0.1", BRIDGE_ADDRESS="127.0.0.1:1")
    time.sleep(0.8)
    assert book.content["sends"] == []


def test_leaves_another_account_alone(bridge: ScriptedBridge, start: Start, book: Any) -> None:
    start(TERMINAL_DEAD_MAN="flatten", TERMINAL_DEAD_MAN_SECONDS="1", TERMINAL_RETRY_MS="60000")
    link = with_an_order_and_two_positions(bridge)
    link.cut()
    book.content["login"] = 3000003
    time.sleep(1.5)
    assert len(book.content["sends"]) == 3


def test_goes_on_until_nothing_is_left(bridge: ScriptedBridge, start: Start, book: Any) -> None:
    start(TERMINAL_DEAD_MAN="flatten", TERMINAL_DEAD_MAN_SECONDS="1", TERMINAL_RETRY_MS="60000")
    link = with_an_order_and_two_positions(bridge)
    book.content["algo"] = False
    link.cut()
    time.sleep(1.3)
    assert len(book.content["positions"]) == 2
    book.content["algo"] = True
    until(lambda: not book.content["orders"] and not book.content["positions"])
