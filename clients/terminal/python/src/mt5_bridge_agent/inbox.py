"""The commands that were taken for one account, on disk, so that none is carried out twice whatever dies.

Always true:
  - A command is synced to the disk before it is acknowledged, and so before anything of it reaches the terminal.
  - A command of an earlier process without a result has the result INTERRUPTED: it may have been sent or not.
  - Results stay until the bridge has acknowledged them, and are told again by the next process.
  - One process at a time: the file is locked.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .clocks import utc_ms
from .errors import InboxTaken, LowerLife
from .mt5bridge.terminal.v1 import link_pb2 as wire

MOST_SETTLED = 10_000
"""Of commands whose results the bridge has: older ones are forgotten. Their numbers have passed long ago."""

SCHEMA = """
create table if not exists life (reports_epoch integer, bridge_epoch integer, last_seen integer);
create table if not exists command (
  id text primary key, taken_ms integer, trades integer, result blob, settled integer not null default 0
);
insert into life select 0, 0, 0 where not exists (select * from life);
"""


@dataclass(frozen=True)
class Known:
    """What a command's id says when it comes again."""

    result: wire.CommandResult | None


class Inbox:
    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, timeout=0, check_same_thread=False)
        try:
            for line in ("locking_mode=exclusive", "journal_mode=wal", "synchronous=full"):
                self._database.execute(f"pragma {line}")
            self._database.executescript(SCHEMA)
        except sqlite3.OperationalError as error:
            self._database.close()
            if "locked" in str(error):
                raise InboxTaken(f"{path} is in use: another agent runs for this account") from None
            raise
        (reports, self.bridge_epoch, self.last_seen) = self._database.execute("select * from life").fetchone()
        # It grows even where the folder was lost.
        self.reports_epoch = max(reports + 1, utc_ms() // 1_000)
        with self._database:
            self._database.execute("update life set reports_epoch = ?", [self.reports_epoch])
        self.interrupted_ms = self._interrupt()

    def _interrupt(self) -> int:
        """When the last trade that may or may not have been sent was taken; 0: there is none."""
        with self._database:
            rows = self._database.execute(
                "select id, taken_ms, trades from command where result is null and not settled"
            )
            lost = rows.fetchall()
            for id, _, _ in lost:
                result = wire.CommandResult(
                    id=id,
                    status=wire.COMMAND_STATUS_INTERRUPTED,
                    message="the agent ended while this was under way: it may have been sent or not",
                )
                self._database.execute("update command set result = ? where id = ?", [result.SerializeToString(), id])
        return max((taken for _, taken, trades in lost if trades), default=0)

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def serve(self, bridge_epoch: int) -> bool:
        """A bridge of this life is served from now on. True when it is a new one: its commands begin at 1."""
        if bridge_epoch < self.bridge_epoch:
            raise LowerLife(
                f"the bridge is of life {bridge_epoch}, and one of life {self.bridge_epoch} was served here"
            )
        if bridge_epoch == self.bridge_epoch:
            return False
        self.bridge_epoch, self.last_seen = bridge_epoch, 0
        with self._lock, self._database:
            self._database.execute("update life set bridge_epoch = ?, last_seen = 0", [bridge_epoch])
        return True

    def take(self, command: wire.Command, trades: bool) -> Known | None:
        """Synced when it returns. None: it is new."""
        with self._lock, self._database:
            row = self._database.execute("select result from command where id = ?", [command.id]).fetchone()
            if row is None:
                values = [command.id, utc_ms(), trades]
                self._database.execute("insert into command (id, taken_ms, trades) values (?, ?, ?)", values)
            self._database.execute("update life set last_seen = ?", [command.sequence])
        self.last_seen = command.sequence
        if row is None:
            return None
        return Known(wire.CommandResult.FromString(row[0]) if row[0] is not None else None)

    def answer(self, result: wire.CommandResult) -> None:
        """What became of a trade."""
        with self._lock, self._database:
            values = [result.SerializeToString(), result.id]
            self._database.execute("update command set result = ? where id = ?", values)

    def settle(self, ids: Sequence[str]) -> None:
        """The bridge has these commands' results."""
        with self._lock, self._database:
            self._database.executemany("update command set settled = 1 where id = ?", [[id] for id in ids])
            self._database.execute(
                "delete from command where settled and rowid <= (select max(rowid) from command) - ?", [MOST_SETTLED]
            )

    def untold(self) -> list[wire.CommandResult]:
        """Results that the bridge may not have, the oldest first."""
        rows = self._database.execute(
            "select result from command where result is not null and not settled order by rowid"
        )
        return [wire.CommandResult.FromString(row[0]) for row in rows]
