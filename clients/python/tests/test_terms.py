"""How long to wait: rules over numbers, with a clock and a chance of the test's own."""

from __future__ import annotations

import grpc
import pytest

from mt5bridge import BridgeError, Terms
from mt5bridge.terms import Delivery, Pauses

TERMS = Terms(timeout=4, patience=10, shortest_pause=1, longest_pause=5)


def unavailable(retry_after: float = 0, *, order_may_exist: bool = False) -> BridgeError:
    return BridgeError(grpc.StatusCode.UNAVAILABLE, "no", retry_after=retry_after, order_may_exist=order_may_exist)


def test_pauses_double_up_to_a_limit_and_start_over() -> None:
    pauses = Pauses(TERMS, chance=lambda: 1.0)
    assert [pauses.next() for _ in range(5)] == [1, 2, 4, 5, 5]
    pauses.start_over()
    assert pauses.next() == 1


def test_a_pause_is_random_but_never_shorter_than_the_bridge_asks() -> None:
    assert Pauses(TERMS, chance=lambda: 0.25).next() == 0.25
    assert Pauses(TERMS, chance=lambda: 0.0).next(at_least=7) == 7
    assert Pauses(TERMS, chance=lambda: 0.5).next(at_least=7) == 7.5


def test_the_last_try_has_what_patience_leaves() -> None:
    now = 100.0
    delivery = Delivery(TERMS, clock=lambda: now)
    assert delivery.timeout() == 4
    now = 108.0
    assert delivery.timeout() == 2


def test_a_pause_beyond_the_end_of_patience_is_not_made() -> None:
    delivery = Delivery(TERMS, clock=lambda: 0)
    assert delivery.failed(unavailable(retry_after=3)) >= 3
    with pytest.raises(BridgeError):
        delivery.failed(unavailable(retry_after=10))


@pytest.mark.parametrize(
    ("retry", "passing"),
    [
        ("later", True),
        ("after_reconnect", True),
        ("after_reconcile", True),
        ("after_resubscribe", True),
        ("never", False),
        ("with_new_credential", False),
        ("with_new_key", False),
    ],
)
def test_the_bridge_says_what_may_pass(retry: str, passing: bool) -> None:
    fault = BridgeError(grpc.StatusCode.FAILED_PRECONDITION, "no", reason="ANY", metadata={"retry": retry})
    assert fault.passing is passing


def test_a_doubt_once_raised_remains() -> None:
    delivery = Delivery(TERMS, clock=lambda: 0)
    delivery.failed(unavailable(order_may_exist=True))
    last = unavailable()
    delivery.failed(last)
    assert last.order_may_exist
