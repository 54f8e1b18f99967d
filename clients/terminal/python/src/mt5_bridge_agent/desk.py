"""One account for as long as it is logged in: what was asked of it, and what is to be told of it.

Connections come and go; a desk stays. Commands are carried out one after the other.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import __version__
from .clocks import BridgeClock, monotonic_us, utc_ms
from .errors import AccountChanged
from .inbox import Inbox
from .limits import Limits
from .mt5bridge.terminal.v1 import link_pb2 as wire
from .questions import answer
from .records import account_of, fingerprint_of, trade_state_of
from .ring import Ring
from .settings import Settings
from .terminal import Terminal, TerminalError
from .ticks import TickCursor, tick_reports
from .trading import ACTIONS, Sent, not_sent, trade
from .watch import Watch
from .worker import Worker

PROTOCOL = 1
MOST_WAITING = 1_000
"""Commands that were taken and have not begun. What comes on top is answered NOT_SENT."""

MOST_SYMBOLS = 1_000
TRADES = frozenset({"submit", "modify", "cancel", "stops", "log_in"})
IDS = re.compile(r"[A-Za-z0-9_-]{1,32}")

log = logging.getLogger("mt5_bridge_agent")


@dataclass(frozen=True)
class Taken:
    command: wire.Command
    received_us: int

    @property
    def action(self) -> str | None:
        return self.command.WhichOneof("action")


def result_of(status: wire.CommandStatus.ValueType, message: str) -> wire.CommandResult:
    return wire.CommandResult(status=status, message=message)


class Desk:
    def __init__(self, settings: Settings, terminal: Terminal, worker: Worker, account: wire.Fingerprint) -> None:
        self.account = account
        self.limits = Limits(settings)
        self.ring = Ring(settings.ring)
        self.watch = Watch(terminal, account)
        self.clock = BridgeClock()
        self.cursors: dict[str, TickCursor] = {}
        self.heard_at = time.monotonic()
        """When the bridge was last heard of."""
        self.told = asyncio.Event()
        """There is something to send."""
        self.stirred = asyncio.Event()
        """There may be something new to read."""
        self._terminal = terminal
        self._worker = worker
        self._patience_s = settings.patience_ms / 1_000
        name = re.sub(r"[^\w.-]", "_", f"{account.server}-{account.login}")
        self.inbox = Inbox(settings.state / f"{name}.inbox")
        self._sent = Sent(settings.patience_ms, self.inbox.interrupted_ms)
        self._waiting: asyncio.Queue[Taken] = asyncio.Queue()
        self._under_way: set[str] = set()
        self._begun_at = 0.0
        """When the command that the worker has now began."""
        for result in self.inbox.untold():
            self.tell(wire.Report(result=result))

    def begin(self) -> None:
        """On the worker."""
        self._terminal.find_clock()
        self.watch.begin()

    def close(self) -> None:
        """What has not begun has not been sent. Only when the worker has nothing of this desk any more."""
        while not self._waiting.empty():
            taken = self._waiting.get_nowait()
            self._written(taken, [not_sent("the terminal's side ended before this began")])
        self.inbox.close()

    def hello(self) -> wire.Hello:
        """Raises AccountChanged and TerminalError. On the worker."""
        account = self.watch.account()
        return wire.Hello(
            protocol_min=PROTOCOL,
            protocol_max=PROTOCOL,
            software=f"mt5-bridge-agent {__version__}",
            terminal_build=self._terminal.build(),
            account=account_of(account),
            reports_epoch=self.inbox.reports_epoch,
            oldest_report=self.ring.oldest,
            bridge_epoch=self.inbox.bridge_epoch,
            last_seen=self.inbox.last_seen,
            clocks=self.clocks(),
            trade=trade_state_of(self._terminal.info(), account),
        )

    def clocks(self) -> wire.Clocks:
        terminal = self._terminal
        times = {"server_ms": terminal.server_ms, "server_last_ms": terminal.last_tick_ms, "utc_ms": utc_ms()}
        return wire.Clocks(monotonic_us=monotonic_us(), **times)

    def serve(self, bridge_epoch: int) -> None:
        """A bridge of that life is here. A new one asks for the ticks that it wants."""
        if self.inbox.serve(bridge_epoch):
            self.cursors = {}

    def tell(self, report: wire.Report) -> None:
        self.ring.add(report)
        self.told.set()

    def acknowledge(self, sequence: int) -> None:
        """The bridge has taken the reports up to there."""
        if settled := self.ring.acknowledge(sequence):
            self.inbox.settle(settled)

    # Commands

    def take(self, taken: Taken) -> None:
        """It is on the disk when this returns, to be carried out at most once."""
        command = taken.command
        known = self.inbox.take(command, taken.action in TRADES)
        if known is not None and known.result is not None:
            self.tell(wire.Report(result=known.result))
        elif command.id in self._under_way:
            log.info("%s came twice, and is under way", command.id)
        elif self._waiting.qsize() >= MOST_WAITING:
            self._finish(taken, self._written(taken, [not_sent(f"{MOST_WAITING} commands wait already")]))
        else:
            self._under_way.add(command.id)
            self._waiting.put_nowait(taken)

    async def carry_out_commands(self) -> None:
        while True:
            taken = await self._waiting.get()
            self._finish(taken, await self._carried_out(taken))
            self._under_way.discard(taken.command.id)
            self.stirred.set()

    def _finish(self, taken: Taken, results: list[wire.CommandResult]) -> None:
        for result in results:
            result.stamps.received_us = taken.received_us
            result.stamps.reported_us = monotonic_us()
            self.tell(wire.Report(result=result))
        last = results[-1]
        if taken.action in TRADES:
            status = wire.CommandStatus.Name(last.status).removeprefix("COMMAND_STATUS_")
            log.info("%s %s: %s %s %s", taken.action, last.id, status, last.retcode or "", last.message or last.comment)

    def _written(self, taken: Taken, results: list[wire.CommandResult]) -> list[wire.CommandResult]:
        """What became of a trade is on the disk before anyone is told, and before this process may end."""
        for result in results:
            result.id = taken.command.id
        if taken.action in TRADES:
            self.inbox.answer(results[-1])
        return results

    async def _carried_out(self, taken: Taken) -> list[wire.CommandResult]:
        """Begins before its deadline or never; and what the terminal keeps for too long is nobody's knowledge."""
        work = self._worker.begin(lambda: self._written(taken, self._perform(taken)))
        results = asyncio.wrap_future(work)
        begin_within = min(max(self.clock.left_ms(taken.command.deadline_ms) / 1_000, 0), self._patience_s)
        await asyncio.wait({results}, timeout=begin_within)
        if not results.done() and work.cancel():
            late = result_of(wire.COMMAND_STATUS_EXPIRED, "the terminal was busy until it was too late")
            return self._written(taken, [late])
        await asyncio.wait({results}, timeout=max(self._begun_at + self._patience_s - time.monotonic(), 0))
        if results.done():
            return results.result()
        if taken.action not in TRADES:
            return self._written(taken, [not_sent("the terminal does not answer")])
        silent = result_of(wire.COMMAND_STATUS_UNANSWERED, f"no answer within {self._patience_s:g} s")
        return self._written(taken, [silent])

    def _perform(self, taken: Taken) -> list[wire.CommandResult]:
        """On the worker."""
        self._begun_at = time.monotonic()
        command, action = taken.command, taken.action
        if action is None or not IDS.fullmatch(command.id):
            return [result_of(wire.COMMAND_STATUS_UNSUPPORTED, "the command has no id or no action that is known here")]
        if self.clock.left_ms(command.deadline_ms) < 0:
            return [result_of(wire.COMMAND_STATUS_EXPIRED, "it came too late")]
        try:
            if action == "log_in":
                return [self._log_in(command.account)]
            self._guard(command)
            results = self._results_of(command, action)
            if action not in TRADES:
                self._guard(command)  # nothing that was read of another account
            return results
        except AccountChanged as changed:
            return [result_of(wire.COMMAND_STATUS_WRONG_ACCOUNT, f"{changed}, and another one is meant")]
        except TerminalError as error:
            return [not_sent(str(error), error.code)]

    def _guard(self, command: wire.Command) -> None:
        """Only what the terminal itself says of who is logged in counts, and now."""
        now = fingerprint_of(self._terminal.account())
        if now != command.account:
            raise AccountChanged(now)

    def _results_of(self, command: wire.Command, action: str) -> list[wire.CommandResult]:
        if action == "subscribe":
            return [self._subscribe(command.subscribe)]
        if action in ACTIONS:
            request: wire.TradeRequest = getattr(command, action)
            if request.action not in ACTIONS[action]:
                message = f"action {request.action} is nothing that the command {action} may ask for"
                return [result_of(wire.COMMAND_STATUS_UNSUPPORTED, message)]
            if action == "submit" and (why := self.limits.refuse(request, monotonic_us())):
                return [result_of(wire.COMMAND_STATUS_OVER_LIMIT, why)]
            if action != "check":
                return [trade(request, self._terminal, self._sent)]
        return answer(command, self._terminal, self._sent, self.ring.last)

    def _log_in(self, account: wire.Fingerprint) -> wire.CommandResult:
        if not self._terminal.has_password_of(account.login, account.server):
            message = f"the agent's settings have no password of {account.login} at {account.server}"
            return result_of(wire.COMMAND_STATUS_UNSUPPORTED, message)
        self._terminal.log_in(account.login, account.server)
        return wire.CommandResult(status=wire.COMMAND_STATUS_ANSWERED)

    def _subscribe(self, wanted: wire.SubscribeSymbols) -> wire.CommandResult:
        after = list(wanted.after_ms) or [0] * len(wanted.symbols)
        if len(after) != len(wanted.symbols) or len(after) > MOST_SYMBOLS:
            message = f"at most {MOST_SYMBOLS} symbols, and as many moments as symbols or none"
            return result_of(wire.COMMAND_STATUS_UNSUPPORTED, message)
        cursors: dict[str, TickCursor] = {}
        refused = wire.RefusedSymbols()
        for symbol, after_ms in zip(wanted.symbols, after, strict=True):
            if self._terminal.symbol(symbol) is None:
                refused.symbols.append(symbol)
                refused.messages.append(f"the broker has no {symbol}, or the market watch has no room for it")
                continue
            if symbol in self.cursors and not after_ms:
                cursors[symbol] = self.cursors[symbol]  # goes on without a gap
                continue
            cursors[symbol] = TickCursor(symbol, after_ms)
            cursors[symbol].begin(self._terminal)
        self.cursors = cursors
        return wire.CommandResult(status=wire.COMMAND_STATUS_ANSWERED, refused=refused)

    # Reading

    async def tell_what_is(self, read: Callable[..., list[wire.Report]], *arguments: Any) -> bool:
        """True when there was news. Not to be left in the middle."""
        reports = await self._worker.do(read, *arguments)
        for report in reports:
            self.tell(report)
        return bool(reports)

    def read_changes(self) -> list[wire.Report]:
        """On the worker. The prices that have set off an execution go before it, as far as they can be read now."""
        changes = self.watch.changes(list(self.cursors))
        if not any(change.HasField("deal") for change in changes):
            return changes
        ticks: list[wire.Report] = []
        for cursor in self.cursors.values():
            try:
                ticks += self.read_ticks(cursor)
            except (AccountChanged, TerminalError):
                break  # whoever looks next finds out
        return ticks + changes

    def read_ticks(self, cursor: TickCursor) -> list[wire.Report]:
        """On the worker."""
        new: Any = cursor.read(self._terminal)
        if new is None:
            return []
        self.watch.account()  # another account's prices are nobody's
        return tick_reports(cursor.symbol, new)
