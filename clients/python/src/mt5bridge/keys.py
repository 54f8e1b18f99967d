"""Where the keys of orders are kept, so that a strategy that dies can find out what became of them.

A key is written down before its request leaves, and again once the bridge has answered. What is left between the two
is `pending`: the order may exist, or may never have arrived.
"""

from __future__ import annotations

import json
import os
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class Sending:
    """A request on its way to the bridge."""

    key: str
    """Its `client_order_id`."""
    method: str
    """The RPC, for example PlaceOrder."""
    request: dict[str, Any]
    """The request as protobuf's JSON."""


class KeyStore(Protocol):
    """What the client needs; threads may call it at the same time."""

    def sent(self, sending: Sending) -> None:
        """Keeps it, and returns when it would survive a crash. The request leaves only then."""

    def answered(self, key: str) -> None:
        """The bridge has said what became of it; losing this is harmless."""

    def pending(self) -> list[Sending]:
        """What was sent and has not been answered, or is in doubt at the bridge itself; oldest first."""


class KeysInMemory:
    """For tests, and for strategies that keep their keys elsewhere."""

    def __init__(self) -> None:
        self._pending: dict[str, Sending] = {}

    def sent(self, sending: Sending) -> None:
        self._pending.setdefault(sending.key, sending)  # a key means what it meant first

    def answered(self, key: str) -> None:
        self._pending.pop(key, None)

    def pending(self) -> list[Sending]:
        return list(self._pending.values())


class KeyFile:
    """A file of JSON lines, which is only ever added to. Made with the first key."""

    def __init__(self, path: str | os.PathLike[str] = "mt5bridge-keys.jsonl") -> None:
        self._path = Path(path)
        self._lock = threading.Lock()
        self._known = KeysInMemory()
        self._torn = False
        if self._path.exists():
            self._read(self._path.read_bytes())

    def sent(self, sending: Sending) -> None:
        with self._lock:
            self._append({"sent": asdict(sending)}, sync=True)
            self._known.sent(sending)

    def answered(self, key: str) -> None:
        with self._lock:
            self._append({"answered": key}, sync=False)
            self._known.answered(key)

    def pending(self) -> list[Sending]:
        with self._lock:
            return self._known.pending()

    def _append(self, line: dict[str, Any], *, sync: bool) -> None:
        text = ("\n" if self._torn else "") + json.dumps(line, separators=(",", ":")) + "\n"
        self._torn = True
        with self._path.open("ab", buffering=0) as file:
            file.write(text.encode())
            if sync:
                os.fsync(file.fileno())
        self._torn = False

    def _read(self, data: bytes) -> None:
        """A crash may have left half a line: nothing was sent for it."""
        self._torn = data != b"" and not data.endswith(b"\n")
        for line in data.split(b"\n"):
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if "sent" in entry:
                self._known.sent(Sending(**entry["sent"]))
            elif "answered" in entry:
                self._known.answered(entry["answered"])
