"""The client of mt5-bridge.

`Bridge` is the one to begin with, `AsyncBridge` the same for asyncio. Requests, answers and events are the messages
of the contract, in `mt5bridge.v1`.
"""

from mt5bridge.aio import AsyncBridge
from mt5bridge.bridge import Bridge
from mt5bridge.errors import BridgeError, Violation
from mt5bridge.keys import KeyFile, KeysInMemory, KeyStore, Sending
from mt5bridge.terms import Terms

__all__ = [
    "AsyncBridge",
    "Bridge",
    "BridgeError",
    "KeyFile",
    "KeyStore",
    "KeysInMemory",
    "Sending",
    "Terms",
    "Violation",
]
