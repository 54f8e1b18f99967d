"""kill -9 at each step of an order leaves one execution at most, and the truth about it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from scripted import ScriptedBridge, buy

from mt5_bridge_agent.mt5bridge.terminal.v1 import link_pb2 as wire

Launch = Callable[..., "subprocess.Popen[bytes]"]
PROGRAM = Path(__file__).parent / "on_stand_in.py"


@pytest.fixture
def launch(bridge: ScriptedBridge, tmp_path: Path) -> Iterator[Launch]:
    processes: list[subprocess.Popen[bytes]] = []

    def begin(**environment: str) -> subprocess.Popen[bytes]:
        usual = {
            "BRIDGE_ADDRESS": bridge.address,
            "TERMINAL_STATE": str(tmp_path),
            "TERMINAL_RETRY_MS": "50",
            "TERMINAL_PATIENCE_MS": "500",
        }
        log = (tmp_path / "log").open("ab")
        everything = {**os.environ, **usual, **environment}
        processes.append(subprocess.Popen([sys.executable, str(PROGRAM)], env=everything, stderr=log))
        return processes[-1]

    yield begin
    for process in processes:
        process.kill()
        process.wait()


def book_in(folder: Path) -> Any:
    return json.loads((folder / "book.json").read_text())


@pytest.mark.parametrize(("point", "executions"), [("guard", 0), ("before", 0), ("after", 1), ("answered", 1)])
def test_one_execution_wherever_it_dies(
    bridge: ScriptedBridge, launch: Launch, tmp_path: Path, point: str, executions: int
) -> None:
    """`guard`: the inbox has it. `before` and `after`: around its execution. `answered`: the inbox has its result."""
    first = launch(STAND_IN_DIE=point)
    link = bridge.linked()
    link.command("trade-1", submit=buy(0.1))
    assert first.wait(15) == -signal.SIGKILL
    launch()
    link = bridge.next()
    hello = link.hello()
    assert (hello.bridge_epoch, hello.last_seen, hello.oldest_report) == (1, 1, 1)
    link.welcome()
    result = link.result("trade-1")
    if point == "answered":
        assert (result.status, result.retcode) == (wire.COMMAND_STATUS_ANSWERED, 10009)
    else:
        assert result.status == wire.COMMAND_STATUS_INTERRUPTED
    # The bridge sends again what it does not know to be taken; under the old number, or in its next life.
    link.command("trade-1", sequence=1, submit=buy(0.1))
    link.command("trade-1", sequence=2, submit=buy(0.1))
    assert link.report("result").status == result.status
    assert len(book_in(tmp_path)["sends"]) == len(book_in(tmp_path)["deals"]) == executions
    # And the snapshot tells which it was, once it can no longer arrive.
    for number in range(100):
        link.command(f"q{number}", snapshot={})
        parts = link.results(f"q{number}")
        if parts[-1].snapshot.complete:
            break
    assert sum(len(part.snapshot.deals) for part in parts) == executions and parts[-1].snapshot.complete


def test_killed_at_any_moment_it_executes_no_key_twice_and_loses_no_result(
    bridge: ScriptedBridge, launch: Launch, tmp_path: Path
) -> None:
    """Under a stream of orders; what is known to be executed is told as executed, or as not known."""
    wanted = 30
    told: dict[str, int] = {}
    next_number = 1
    for _ in range(4):
        process = launch()
        link = bridge.next()
        next_number = link.hello().last_seen + 1
        link.welcome()
        for number in range(next_number, wanted + 1):
            link.command(f"trade-{number}", sequence=number, submit=buy(0.01, comment=f"k{number}"))
        heard = 0
        try:
            while heard < 8:
                frame = link.hear()
                if frame.report.HasField("result"):
                    heard += 1
                    told[frame.report.result.id] = frame.report.result.status
        except ConnectionError:
            pass
        process.kill()
        process.wait()
    launch()
    link = bridge.next()
    next_number = link.hello().last_seen + 1
    link.welcome()
    for number in range(next_number, wanted + 1):
        link.command(f"trade-{number}", sequence=number, submit=buy(0.01, comment=f"k{number}"))
    while len(told) < wanted:
        result = link.report("result")
        told[result.id] = result.status
    executed = [request["comment"] for request in book_in(tmp_path)["sends"]]
    assert len(executed) == len(set(executed))
    known = {f"trade-{comment[1:]}" for comment in executed}
    possible = {wire.COMMAND_STATUS_ANSWERED, wire.COMMAND_STATUS_INTERRUPTED}
    assert set(told.values()) <= possible
    assert {id for id, status in told.items() if status == wire.COMMAND_STATUS_ANSWERED} <= known


def test_ends_cleanly_when_it_is_asked_to(bridge: ScriptedBridge, launch: Launch, tmp_path: Path) -> None:
    for number, asked in enumerate((signal.SIGINT, signal.SIGTERM)):
        process = launch()
        link = bridge.next()
        link.hello()
        link.welcome()
        link.command(f"trade-{number}", sequence=number + 1, submit=buy(comment="#slow=300"))
        link.until(lambda frame: frame.HasField("ack"))
        process.send_signal(asked)
        assert process.wait(10) == 0
        link.end()
    # What was under way has been waited for.
    assert len(book_in(tmp_path)["deals"]) == 2
    launch()
    link = bridge.next()
    link.hello()
    link.welcome()
    assert [link.report("result").retcode for _ in range(2)] == [10009, 10009]
    assert b"Traceback" not in (tmp_path / "log").read_bytes()
