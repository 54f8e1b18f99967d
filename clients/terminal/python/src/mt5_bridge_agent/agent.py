"""The agent: one terminal, whichever account it has, and the bridge, whenever it is there."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
from grpc import aio

from .dead_man import strike
from .desk import Desk
from .errors import AccountChanged, InboxTaken, ProtocolFault, Refused
from .link import Link, first_of, start_again
from .mt5bridge.terminal.v1 import link_pb2 as wire
from .records import fingerprint_of
from .settings import Settings
from .terminal import Terminal, TerminalError
from .worker import Worker

METHOD = "/mt5bridge.terminal.v1.TerminalLinkService/Connect"
MOST_FRAME = 64 * 1024
LONGEST_PAUSE_S = 30.0
HOPELESS_S = 60.0
"""After a refusal that no retry mends."""

HOPELESS = frozenset(
    {
        wire.REFUSAL_REASON_VERSION,
        wire.REFUSAL_REASON_UNAUTHENTICATED,
        wire.REFUSAL_REASON_ACCOUNT,
        wire.REFUSAL_REASON_SUPERSEDED,
    }
)

log = logging.getLogger("mt5_bridge_agent")


def growing(first_s: float) -> Iterator[float]:
    """Pauses, each twice as long as the one before, and a little off, lest all terminals come at once."""
    pause = first_s
    while True:
        yield pause * random.uniform(1, 1.2)
        pause = min(pause * 2, LONGEST_PAUSE_S)


class Agent:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._terminal = Terminal(settings)
        self._worker = Worker()

    async def run(self) -> None:
        """Until it is cancelled, or raises InboxTaken."""
        try:
            while True:
                try:
                    await self._serve_account()
                except (InboxTaken, ImportError):
                    raise
                except Exception:
                    # What was under way is INTERRUPTED then, as after the end of the process.
                    log.exception("something is wrong with the agent itself; it begins anew")
                    await asyncio.sleep(1)
        finally:
            self._worker.begin(self._terminal.stop)
            self._worker.stop()

    async def _serve_account(self) -> None:
        """Until another one is logged in."""
        account = await self._logged_in()
        desk = Desk(self._settings, self._terminal, self._worker, account)
        try:
            await self._worker.do(desk.begin)
            await first_of(desk.carry_out_commands(), self._dead_man(desk), self._keep_linked(desk))
        except AccountChanged as changed:
            log.warning("%s: %s is served no longer", changed, account.login)
        except TerminalError as error:
            log.warning("%s", error)
            await asyncio.sleep(1)
        finally:
            # Behind whatever the terminal still does for this desk.
            closed = self._worker.begin(desk.close)
            await asyncio.shield(asyncio.wrap_future(closed))

    async def _logged_in(self) -> wire.Fingerprint:
        for pause in growing(self._settings.retry_ms / 1_000):
            try:
                await self._worker.do(self._terminal.start)
                account = fingerprint_of(await self._worker.do(self._terminal.account))
                if account.login:
                    return account
                log.warning("nobody is logged in to the terminal; again in %.1f s", pause)
            except TerminalError as error:
                log.warning("%s; again in %.1f s", error, pause)
            await asyncio.sleep(pause)
        raise AssertionError

    async def _keep_linked(self, desk: Desk) -> None:
        first_s = self._settings.retry_ms / 1_000
        pauses = growing(first_s)
        while True:
            least_s = 0.0
            linked = False
            channel = self._channel()
            try:
                hello = await self._worker.do(desk.hello)
                link = Link(desk, self._terminal, self._worker, self._dial(channel))
                welcome = await link.greet(hello)
                linked = True
                log.info(
                    "linked: %s at %s serves account %s", welcome.software, self._settings.bridge, desk.account.login
                )
                await link.hold()
            except Refused as refused:
                why = str(refused)
                hopeless = refused.refusal.reason in HOPELESS
                least_s = max(refused.refusal.retry_after_ms / 1_000, HOPELESS_S if hopeless else 0)
            except aio.AioRpcError as error:
                why = f"{error.code().name}: {error.details()}"
                least_s = (
                    HOPELESS_S
                    if error.code() in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)
                    else 0
                )
            except (ProtocolFault, asyncio.InvalidStateError) as error:
                why = str(error) or "the connection has ended"
            except TerminalError as error:
                why = str(error)
                await start_again(self._worker, self._terminal, error)
            finally:
                await channel.close()
            if linked:
                pauses = growing(first_s)
            pause = max(next(pauses), least_s)
            log.warning("no link to %s: %s; again in %.1f s", self._settings.bridge, why, pause)
            await asyncio.sleep(pause)

    def _channel(self) -> aio.Channel:
        options = [("grpc.max_receive_message_length", MOST_FRAME), ("grpc.enable_retries", 0)]
        tls = self._settings.tls
        if not tls:
            return aio.insecure_channel(self._settings.bridge, options)
        roots = None if tls == "true" else Path(tls).read_bytes()
        return aio.secure_channel(self._settings.bridge, grpc.ssl_channel_credentials(roots), options)

    def _dial(self, channel: aio.Channel) -> Any:
        """Frames go as bytes: what cannot be read is for the link to judge."""
        token = self._settings.token
        metadata = (("authorization", f"Bearer {token}"),) if token else ()
        return channel.stream_stream(METHOD)(metadata=metadata)

    async def _dead_man(self, desk: Desk) -> None:
        """Only a bridge that was here can be missed; each absence is struck at until nothing is left."""
        policy, after_s = self._settings.dead_man, self._settings.dead_man_seconds
        if policy == "none":
            await asyncio.Event().wait()
        struck_for = 0.0
        pauses = growing(1.0)
        while True:
            away_s = time.monotonic() - desk.heard_at
            if away_s < after_s or not desk.inbox.bridge_epoch or struck_for == desk.heard_at:
                pauses = growing(1.0)
                await asyncio.sleep(min(max(after_s - away_s, 0.05), 0.5))
                continue
            log.error("dead man: no bridge for %.0f s: %s", away_s, policy)
            try:
                left = await self._worker.do(strike, policy, self._terminal, desk.account)
            except TerminalError as error:
                log.error("dead man: %s", error)
                left = 1
            if not left:
                struck_for = desk.heard_at
            else:
                await asyncio.sleep(next(pauses))
