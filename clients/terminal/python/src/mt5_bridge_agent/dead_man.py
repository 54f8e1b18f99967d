"""What is done to the account when the bridge stays away."""

from __future__ import annotations

import logging
from typing import Any

from .mt5bridge.terminal.v1 import link_pb2 as wire
from .records import fingerprint_of
from .terminal import Terminal, TerminalError
from .trading import ACCEPTED, DEAL, REMOVE

FILL_OR_KILL, IMMEDIATE_OR_CANCEL, RETURN = 0, 1, 2
DEVIATION = 100
"""Points: out matters more than where, and most servers do not look at it."""

log = logging.getLogger("mt5_bridge_agent")


def strike(policy: str, terminal: Terminal, account: wire.Fingerprint) -> int:
    """One try at everything; how much is left. All of the account's: by whom it was opened nobody knows for sure."""
    left = 0
    for order in terminal.orders():
        left += not done(terminal, account, {"action": REMOVE, "order": order.ticket})
    if policy == "flatten":
        for position in terminal.positions():
            left += not done(terminal, account, closing(position, terminal))
    return left


def closing(position: Any, terminal: Terminal) -> dict[str, Any]:
    symbol = terminal.symbol(position.symbol)
    tick = terminal.newest_tick(position.symbol)
    selling = position.type == 0
    return {
        "action": DEAL,
        "symbol": position.symbol,
        "position": position.ticket,
        "volume": position.volume,
        "type": 1 if selling else 0,
        "price": tick.bid if selling else tick.ask,
        "deviation": DEVIATION,
        "type_filling": filling(symbol.filling_mode if symbol is not None else 0),
        "magic": position.magic,
        "comment": "bridge away",
    }


def filling(mask: int) -> int:
    """The mask's bits are not the numbers of the policies."""
    return FILL_OR_KILL if mask & 1 else IMMEDIATE_OR_CANCEL if mask & 2 else RETURN


def done(terminal: Terminal, account: wire.Fingerprint, request: dict[str, Any]) -> bool:
    if fingerprint_of(terminal.account()) != account:
        log.error("dead man: another account is logged in, which is left alone")
        return False
    try:
        answer = terminal.send(request)
    except TerminalError as error:
        log.error("dead man: %s", error)
        return False
    log.warning("dead man: %s: %s %s", request, answer.retcode, answer.comment)
    return answer.retcode in ACCEPTED
