"""How long to wait, how often to try, and when to give up. Neither sleeps nor sends: that is the caller's."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from mt5bridge.errors import BridgeError


@dataclass(frozen=True)
class Terms:
    """In seconds."""

    timeout: float = 15.0
    """What one try of a call may take: more than a bridge waits for its terminal, unless it is told to."""
    patience: float = 60.0
    """How long a call that carries a key is tried again, all in all."""
    shortest_pause: float = 0.1
    """The first pause between two tries is up to this long; each further one up to twice as long as the one before."""
    longest_pause: float = 5.0
    """The limit of that."""


class Pauses:
    """Pauses that grow from failure to failure, each of random length, so that many clients do not return as one."""

    def __init__(self, terms: Terms, chance: Callable[[], float] = random.random) -> None:
        self._terms = terms
        self._chance = chance
        self._failures = 0

    def next(self, at_least: float = 0.0) -> float:
        """`at_least` is what the bridge asks for; the random part comes on top of it."""
        pause = min(self._terms.longest_pause, self._terms.shortest_pause * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return at_least + pause * self._chance()

    def start_over(self) -> None:
        """Things went well again."""
        self._failures = 0


class Delivery:
    """One request under one key, tried until it is answered, refused, or patience is at its end."""

    def __init__(self, terms: Terms, clock: Callable[[], float] = time.monotonic) -> None:
        self._terms = terms
        self._clock = clock
        self._end = clock() + terms.patience
        self._pauses = Pauses(terms)
        self._order_may_exist = False

    def timeout(self) -> float:
        """What the next try may take."""
        return max(0.001, min(self._terms.timeout, self._end - self._clock()))

    def failed(self, fault: BridgeError) -> float:
        """The pause before the next try; raises the fault when there is to be none.

        An order may exist if it may after any of the tries, whatever the last one says of itself.
        """
        self._order_may_exist = fault.order_may_exist = fault.order_may_exist or self._order_may_exist
        pause = self._pauses.next(fault.retry_after)
        if not fault.passing or self._clock() + pause >= self._end:
            raise fault
        return pause
