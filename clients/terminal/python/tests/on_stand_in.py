"""The agent as a process of its own, on the stand-in of the package instead of a terminal.

The book of the stand-in's broker lies in TERMINAL_STATE, beside the inbox: so it outlives the process. Whoever wants
to see the agent work without MetaTrader runs this with the agent's settings. A line `price SYMBOL BID ASK` on its
standard input moves the market.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

here = Path(__file__).parent
sys.path[:0] = [str(here), str(here.parent / "src")]
state = Path(os.environ.setdefault("TERMINAL_STATE", "mt5-bridge-agent"))
state.mkdir(parents=True, exist_ok=True)
os.environ.setdefault("STAND_IN_BOOK", str(state / "book.json"))
os.environ.setdefault("STAND_IN_LAG_MS", "0")

import MetaTrader5  # noqa: E402

from mt5_bridge_agent.__main__ import main  # noqa: E402


def listen() -> None:
    for line in sys.stdin:
        _, symbol, bid, ask = line.split()
        MetaTrader5.move(symbol, float(bid), float(ask))


threading.Thread(target=listen, daemon=True).start()
main()
