"""What ends a connection, or the agent."""

from __future__ import annotations

from .mt5bridge.terminal.v1 import link_pb2 as wire


class ProtocolFault(Exception):
    """The bridge has said what must not be said: the connection ends, and the next one may do better."""


class LowerLife(ProtocolFault):
    """A bridge of a life before one that was served already no longer owns the account."""


class Refused(Exception):
    """The bridge does not, or no longer, serve this terminal."""

    def __init__(self, refusal: wire.Refusal) -> None:
        reason = refusal.reason
        name = wire.RefusalReason.Name(reason) if reason in wire.RefusalReason.values() else str(reason)
        super().__init__(f"{name.removeprefix('REFUSAL_REASON_')}: {refusal.message}")
        self.refusal = refusal


class AccountChanged(Exception):
    """Another account is logged in."""

    def __init__(self, fingerprint: wire.Fingerprint) -> None:
        super().__init__(f"account {fingerprint.login} at {fingerprint.server} is logged in now")
        self.fingerprint = fingerprint


class InboxTaken(Exception):
    """Another process has this inbox."""
