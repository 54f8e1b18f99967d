"""An agent in a thread beside the tests, on the stand-in of the package, dialling a scripted bridge."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import MetaTrader5
import pytest
from scripted import ScriptedBridge

from mt5_bridge_agent import terminal
from mt5_bridge_agent.agent import Agent
from mt5_bridge_agent.settings import settings_from


class RunningAgent:
    def __init__(self, environment: dict[str, str]) -> None:
        self._agent = Agent(settings_from([], environment))
        self._loop = asyncio.new_event_loop()
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(self._agent.run())
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        except BaseException as error:
            self.failure = error

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(lambda: self._task.cancel())
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.fixture
def bridge() -> Iterator[ScriptedBridge]:
    scripted = ScriptedBridge()
    yield scripted
    scripted.stop()


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MetaTrader5.Book:
    monkeypatch.setenv("STAND_IN_IPC_MS", "50")
    monkeypatch.setattr(terminal, "CLOCK_S", 0.3)
    return MetaTrader5.reset()


@pytest.fixture
def start(bridge: ScriptedBridge, book: MetaTrader5.Book, tmp_path: Path) -> Iterator[Callable[..., RunningAgent]]:
    """Starts an agent; variables of its settings as keywords."""
    agents: list[RunningAgent] = []

    def begin(**environment: str) -> RunningAgent:
        usual = {
            "BRIDGE_ADDRESS": bridge.address,
            "TERMINAL_STATE": str(tmp_path),
            "TERMINAL_RETRY_MS": "20",
            "TERMINAL_PATIENCE_MS": "600",
        }
        agents.append(RunningAgent({**usual, **environment}))
        return agents[-1]

    yield begin
    for agent in agents:
        agent.stop()
