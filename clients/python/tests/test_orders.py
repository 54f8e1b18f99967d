"""Orders are sent until they are answered, under the key that was written down before."""

from __future__ import annotations

import json
from pathlib import Path

import grpc
import pytest
from conftest import Client
from scripted import Failure, ScriptedBridge, Vanish, filled, refusal

from mt5bridge import BridgeError, KeyFile, KeysInMemory, Sending, Violation
from mt5bridge.v1.orders_pb2 import ORDER_STAGE_IN_DOUBT, Order, PlaceOrderRequest, PlaceOrderResponse
from mt5bridge.v1.types_pb2 import ORDER_SIDE_BUY, ORDER_TYPE_MARKET

BUY = PlaceOrderRequest(symbol="EURUSD", side=ORDER_SIDE_BUY, type=ORDER_TYPE_MARKET, volume=0.1)
DRAINING = refusal(grpc.StatusCode.UNAVAILABLE, "DRAINING", order_may_exist="false", retry="after_reconnect")


@pytest.mark.parametrize(
    "trouble",
    [Failure(grpc.StatusCode.UNAVAILABLE), Failure(grpc.StatusCode.DEADLINE_EXCEEDED), DRAINING, Vanish()],
)
def test_an_order_is_sent_again_under_the_same_key(
    bridge: ScriptedBridge, client: Client, trouble: Failure | Vanish
) -> None:
    bridge.scripts = [[trouble], [trouble], [filled(replayed=True)]]
    keys = KeysInMemory()
    assert client.place(BUY, keys).replayed
    assert len({request.client_order_id for request in bridge.asked}) == 1
    assert len(bridge.asked[0].client_order_id) == 36
    assert bridge.asked[0] == bridge.asked[1] == bridge.asked[2]
    assert keys.pending() == []


def test_a_key_of_the_callers_own_is_kept_and_the_request_left_as_it_was(
    bridge: ScriptedBridge, client: Client
) -> None:
    bridge.scripts = [[filled()], [filled()]]
    client.place(PlaceOrderRequest(client_order_id="mine", symbol="EURUSD"))
    client.place(BUY)
    assert bridge.asked[0].client_order_id == "mine"
    assert BUY.client_order_id == ""


def test_nothing_is_sent_whose_key_could_not_be_kept(bridge: ScriptedBridge, client: Client, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        client.place(BUY, KeyFile(tmp_path / "no such folder" / "keys"))
    assert bridge.asked == []


def test_the_key_is_on_the_disk_before_the_order_leaves(bridge: ScriptedBridge, client: Client, tmp_path: Path) -> None:
    path = tmp_path / "keys.jsonl"
    bridge.scripts = [[Failure(grpc.StatusCode.UNAUTHENTICATED)]]
    with pytest.raises(BridgeError):
        client.place(BUY, KeyFile(path))
    (line,) = path.read_text().splitlines()
    sent = json.loads(line)["sent"]
    assert sent["key"] == bridge.asked[0].client_order_id
    assert (sent["method"], sent["request"]["symbol"]) == ("PlaceOrder", "EURUSD")


def test_after_a_crash_what_was_pending_is_sent_as_it_was(
    bridge: ScriptedBridge, client: Client, tmp_path: Path
) -> None:
    path = tmp_path / "keys.jsonl"
    bridge.scripts = [[Failure(grpc.StatusCode.UNAUTHENTICATED)], [filled()]]
    with pytest.raises(BridgeError) as caught:
        client.place(BUY, KeyFile(path))
    assert caught.value.order_may_exist
    reopened = KeyFile(path)
    assert len(client.send_pending(reopened)) == 1
    assert bridge.asked[0] == bridge.asked[1]
    assert KeyFile(path).pending() == []


def test_an_order_that_is_in_doubt_keeps_its_key(bridge: ScriptedBridge, client: Client) -> None:
    keys = KeysInMemory()
    bridge.scripts = [[PlaceOrderResponse(order=Order(stage=ORDER_STAGE_IN_DOUBT))]]
    client.place(BUY, keys)
    assert len(keys.pending()) == 1


def test_a_key_means_what_it_meant_first() -> None:
    keys = KeysInMemory()
    keys.sent(Sending("a", "PlaceOrder", {"symbol": "EURUSD"}))
    keys.sent(Sending("a", "PlaceOrder", {"symbol": "XAUUSD"}))
    assert keys.pending() == [Sending("a", "PlaceOrder", {"symbol": "EURUSD"})]


def test_a_refusal_says_all_it_knows(bridge: ScriptedBridge, client: Client) -> None:
    keys = KeysInMemory()
    bridge.scripts = [
        [
            refusal(
                grpc.StatusCode.INVALID_ARGUMENT,
                "INVALID_ARGUMENT",
                field="volume",
                order_may_exist="false",
                retry="never",
                why="x" * 300,
            )
        ]
    ]
    with pytest.raises(BridgeError) as caught:
        client.place(BUY, keys)
    fault = caught.value
    assert (fault.code, fault.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT")
    assert str(fault) == "INVALID_ARGUMENT: A sentence."
    assert isinstance(fault.__cause__, grpc.RpcError)
    assert fault.violations == (Violation("volume", "is wrong"),)
    assert fault.metadata["why"] == "x" * 300
    assert not fault.order_may_exist
    assert keys.pending() == []


def test_an_order_may_exist_if_any_of_the_tries_may_have_made_it(bridge: ScriptedBridge, client: Client) -> None:
    keys = KeysInMemory()
    denied = refusal(grpc.StatusCode.PERMISSION_DENIED, "DENIED", order_may_exist="false", retry="never")
    bridge.scripts = [[Vanish()], [denied]]
    with pytest.raises(BridgeError) as caught:
        client.place(BUY, keys)
    assert caught.value.order_may_exist
    assert len(keys.pending()) == 1


def test_patience_ends(bridge: ScriptedBridge) -> None:
    for kind in ("sync", "async"):
        bridge.scripts = [[refusal(grpc.StatusCode.UNAVAILABLE, "DRAINING", retry_after=3600, order_may_exist="false")]]
        with pytest.raises(BridgeError) as caught:
            Client(kind, bridge.address).place(BUY)
        assert (caught.value.retry_after, caught.value.order_may_exist) == (3600, False)


def test_a_file_cut_off_in_the_middle_of_a_line_is_read_and_written_on(tmp_path: Path) -> None:
    path = tmp_path / "keys.jsonl"
    first, second = Sending("a", "PlaceOrder", {"symbol": "é"}), Sending("b", "CancelOrder", {})
    KeyFile(path).sent(first)
    with path.open("ab") as file:
        file.write(b'{"sent":{"key":"half')
    file_again = KeyFile(path)
    assert file_again.pending() == [first]
    file_again.sent(second)
    file_again.answered("a")
    assert KeyFile(path).pending() == [second]
