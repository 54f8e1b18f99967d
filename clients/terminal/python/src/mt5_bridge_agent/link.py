"""One connection to the bridge, from its hello to its end.

Always true:
  - Commands are taken in order, each once; a number that leaves one out ends the connection.
  - What is told waits in the ring, and is written as fast as the bridge reads, never faster.
  - While half the ring waits for the bridge nothing more is read: the broker's own records are the buffer.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

from google.protobuf.message import DecodeError

from .clocks import monotonic_us
from .desk import PROTOCOL, Desk, Taken
from .errors import AccountChanged, ProtocolFault, Refused
from .mt5bridge.terminal.v1 import link_pb2 as wire
from .terminal import Terminal, TerminalError
from .worker import Worker

SILENCE_S = 10.0
"""Who has said nothing for so long is gone."""

MOST_LIFE = 2**63 - 1
SHORTEST_TICK_S, LONGEST_TICK_S = 0.005, 0.2
"""Between two readings of ticks: the first after news, twice as long after each reading without."""

WATCH_S = 0.2
GOODBYE_S = 5.0
"""For the bridge to take the word of another account."""

Answer = TypeVar("Answer")
log = logging.getLogger("mt5_bridge_agent")


class Frames(Protocol):
    """Both directions of a connection. `read` gives something other than bytes at its end."""

    def read(self) -> Coroutine[Any, Any, Any]: ...
    async def write(self, frame: bytes) -> None: ...


async def within(seconds: float, work: Coroutine[Any, Any, Answer]) -> Answer:
    """Raises TimeoutError. `asyncio.wait_for` may lose a cancellation that meets an answer, before Python 3.12."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if not task.done():
            raise TimeoutError
        return task.result()
    finally:
        task.cancel()


async def first_of(*works: Coroutine[Any, Any, None]) -> None:
    """Until one of them ends, which ends the others; raises what it raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def start_again(worker: Worker, terminal: Terminal, error: TerminalError) -> None:
    """Connects to the terminal anew, if that error says that the connection is lost."""
    if not error.lost:
        return
    try:
        await worker.do(terminal.start)
    except TerminalError as still:
        log.warning("%s", still)


class Link:
    def __init__(self, desk: Desk, terminal: Terminal, worker: Worker, frames: Frames) -> None:
        self._desk = desk
        self._terminal = terminal
        self._worker = worker
        self._frames = frames
        self._acknowledge = False
        self._pong: wire.Pong | None = None

    async def greet(self, hello: wire.Hello) -> wire.Welcome:
        await self._frames.write(wire.ConnectRequest(hello=hello).SerializeToString())
        frame, read_us = await self._read()
        if frame.HasField("refusal"):
            raise Refused(frame.refusal)
        welcome = frame.welcome
        if not frame.HasField("welcome") or welcome.protocol != PROTOCOL or welcome.bridge_epoch > MOST_LIFE:
            raise ProtocolFault("the bridge's first frame is no welcome to this version of the link")
        desk = self._desk
        desk.ring.resume(welcome.last_seen)
        desk.serve(welcome.bridge_epoch)
        desk.acknowledge(welcome.last_seen)
        desk.limits.hear(welcome.limits)
        desk.clock.forget()
        desk.clock.hear(welcome.bridge_time_ms * 1_000, read_us)
        return welcome

    async def hold(self) -> None:
        """Until the connection ends: raises why."""
        self._desk.told.set()
        await first_of(self._listen(), self._write(), self._watch(), self._read_ticks())

    async def _read(self) -> tuple[wire.ConnectResponse, int]:
        try:
            frame = await within(SILENCE_S, self._frames.read())
        except TimeoutError:
            raise ProtocolFault(f"nothing was heard for {SILENCE_S:g} s") from None
        if not isinstance(frame, bytes):
            raise ProtocolFault("the bridge has ended the connection")
        read_us = monotonic_us()
        self._desk.heard_at = time.monotonic()
        try:
            return wire.ConnectResponse.FromString(frame), read_us
        except DecodeError:
            raise ProtocolFault("a frame that cannot be read") from None

    async def _listen(self) -> None:
        desk = self._desk
        while True:
            frame, read_us = await self._read()
            match frame.WhichOneof("frame"):
                case "command":
                    self._take(frame.command, read_us)
                case "ack":
                    desk.acknowledge(frame.ack.sequence)
                case "ping":
                    desk.clock.hear(frame.ping.bridge_time_us, read_us)
                    self._pong = wire.Pong(id=frame.ping.id, clocks=desk.clocks())
                case "refusal":
                    raise Refused(frame.refusal)
                case "welcome":
                    raise ProtocolFault("a second welcome")
                case _:
                    continue  # of a later version
            desk.told.set()

    def _take(self, command: wire.Command, read_us: int) -> None:
        expected = self._desk.inbox.last_seen + 1
        if command.sequence > expected:
            raise ProtocolFault(f"command {command.sequence} came where {expected} was due")
        if command.sequence == expected:
            self._desk.take(Taken(command, read_us))
        self._acknowledge = True

    async def _write(self) -> None:
        told = self._desk.told
        while True:
            await told.wait()
            told.clear()
            while frame := self._next_frame():
                await self._frames.write(frame.SerializeToString())

    def _next_frame(self) -> wire.ConnectRequest | None:
        """Answers before news: silence would end the connection, and commands wait for room."""
        if self._pong is not None:
            pong, self._pong = self._pong, None
            pong.sent_us = monotonic_us()
            return wire.ConnectRequest(pong=pong)
        if self._acknowledge:
            self._acknowledge = False
            return wire.ConnectRequest(ack=wire.Ack(sequence=self._desk.inbox.last_seen))
        if (report := self._desk.ring.take()) is not None:
            return wire.ConnectRequest(report=report)
        return None

    async def _watch(self) -> None:
        desk = self._desk
        while True:
            desk.stirred.clear()
            if not desk.ring.half_full:
                await self._from_terminal(desk.read_changes)
            try:
                await within(WATCH_S, desk.stirred.wait())
            except TimeoutError:
                continue

    async def _read_ticks(self) -> None:
        desk = self._desk
        pause = SHORTEST_TICK_S
        while True:
            news = False
            for cursor in list(desk.cursors.values()):
                if desk.ring.half_full:
                    break
                news |= await self._from_terminal(desk.read_ticks, cursor)
            pause = SHORTEST_TICK_S if news else min(pause * 2, LONGEST_TICK_S)
            await asyncio.sleep(pause)

    async def _from_terminal(self, read: Callable[..., list[wire.Report]], *arguments: Any) -> bool:
        """True when there was news. When the terminal has another account, that is the last that is told.

        What is read is told, though this connection end meanwhile: it is not read again.
        """
        try:
            return await asyncio.shield(self._desk.tell_what_is(read, *arguments))
        except AccountChanged as changed:
            self._desk.tell(wire.Report(account_changed=changed.fingerprint))
            await self._until_taken()
            raise
        except TerminalError as error:
            log.warning("the terminal does not answer: %s", error)
            for report in self._desk.watch.lost() if error.lost else []:
                self._desk.tell(report)
            await asyncio.sleep(1)
            await start_again(self._worker, self._terminal, error)
            return False

    async def _until_taken(self) -> None:
        last = self._desk.ring.last
        until = time.monotonic() + GOODBYE_S
        while self._desk.ring.oldest <= last and time.monotonic() < until:
            await asyncio.sleep(0.02)
