"""Streams go on where they were, whatever happens to the connection."""

from __future__ import annotations

import asyncio
import threading
from itertools import islice

import grpc
import pytest
from conftest import QUICK, Client
from scripted import (
    Failure,
    ScriptedBridge,
    Silence,
    Step,
    Vanish,
    batch,
    changed,
    closing,
    cursor,
    opened,
    refusal,
    reset,
    snapshot,
    snapshot_end,
    ticks_opened,
)

from mt5bridge import AsyncBridge, Bridge, BridgeError, KeysInMemory
from mt5bridge.v1.orders_pb2 import StreamOrdersRequest
from mt5bridge.v1.ticks_pb2 import Bar, StreamBarsRequest, StreamBarsResponse, StreamTicksResponse, Subscription
from mt5bridge.v1.types_pb2 import SnapshotEnd, StreamOpened

GONE = Failure(grpc.StatusCode.UNAVAILABLE)


def versions(events: list[object]) -> list[int]:
    return [event.order.version for event in events if event.HasField("order")]  # type: ignore[attr-defined]


@pytest.mark.parametrize("end", [GONE, closing(12), Failure(grpc.StatusCode.INTERNAL, "RST_STREAM")])
def test_an_interrupted_stream_resumes_behind_the_last_event(bridge: ScriptedBridge, client: Client, end: Step) -> None:
    bridge.scripts = [[opened(10), snapshot_end(10), changed(11), changed(12), end], [opened(12), changed(13)]]
    closings = 0 if isinstance(end, Failure) else 1
    events = client.order_events(6 + closings)
    assert versions(list(events)) == [11, 12, 13]
    first, second = bridge.asked[:2]
    assert not first.HasField("resume_after")
    assert second.resume_after == cursor(12)


def test_a_stream_whose_connection_is_lost_misses_nothing(bridge: ScriptedBridge, client: Client) -> None:
    everything: list[Step] = [opened(10), snapshot_end(10), changed(11), changed(12)]
    bridge.scripts = [[*everything, Vanish()], [*everything, Vanish()], [*everything, changed(13)]]
    events = client.order_events_until(lambda found: found[-1].order.version == 13)
    assert versions(list(events)) == [11, 12, 13]


def test_a_stream_survives_many_interruptions_in_a_row(bridge: ScriptedBridge, client: Client) -> None:
    interruptions: list[list[Step]] = [[GONE] for _ in range(20)]
    bridge.scripts = [[opened(1), snapshot_end(1)], *interruptions, [], [opened(1), changed(2)]]
    assert versions(list(client.order_events(4))) == [2]
    assert [request.resume_after for request in bridge.asked[1:]] == [cursor(1)] * 22


def test_half_a_snapshot_counts_for_nothing(bridge: ScriptedBridge, client: Client) -> None:
    bridge.scripts = [
        [opened(5), snapshot("a", 5), GONE],
        [opened(7), snapshot("a", 7), snapshot("b", 7), snapshot_end(7), changed(8)],
    ]
    client.order_events(7)
    assert not bridge.asked[1].HasField("resume_after")


def test_a_reset_is_handed_on_and_its_snapshot_must_be_whole(bridge: ScriptedBridge, client: Client) -> None:
    bridge.scripts = [
        [opened(50), reset(50), snapshot("a", 50), GONE],
        [opened(51), reset(51), snapshot_end(51), GONE],
        [opened(51), changed(52)],
    ]
    events = client.order_events(8, StreamOrdersRequest(resume_after=cursor(3, "old")))
    assert [event.WhichOneof("event") for event in events].count("reset") == 2
    assert [request.resume_after for request in bridge.asked] == [cursor(3, "old"), cursor(3, "old"), cursor(51)]


def test_a_snapshot_ahead_of_what_was_missed_does_not_move_the_cursor(bridge: ScriptedBridge, client: Client) -> None:
    bridge.scripts = [
        [opened(3), snapshot("a", 9), snapshot_end(9), changed(4), GONE],
        [opened(4), changed(5)],
    ]
    client.order_events(6, StreamOrdersRequest(resume_after=cursor(3), snapshot=True))
    assert bridge.asked[1].resume_after == cursor(4)
    assert not bridge.asked[1].HasField("snapshot")


def test_without_a_snapshot_a_stream_resumes_from_where_it_was_opened(bridge: ScriptedBridge, client: Client) -> None:
    bridge.scripts = [[opened(7), GONE], [opened(7), changed(8)]]
    client.order_events(3, StreamOrdersRequest(snapshot=False))
    assert bridge.asked[1].resume_after == cursor(7)


@pytest.mark.parametrize(
    "failure",
    [
        refusal(grpc.StatusCode.NOT_FOUND, "UNKNOWN_ACCOUNT", order_may_exist="false", retry="never"),
        Failure(grpc.StatusCode.PERMISSION_DENIED),
        Failure(grpc.StatusCode.UNAUTHENTICATED),
    ],
)
def test_what_cannot_pass_by_waiting_is_raised(bridge: ScriptedBridge, client: Client, failure: Failure) -> None:
    bridge.scripts = [[failure]]
    with pytest.raises(BridgeError) as caught:
        client.order_events(1)
    assert caught.value.code is failure.code
    assert len(bridge.asked) == 1


@pytest.mark.parametrize(("reason", "retry"), [("SLOW_CONSUMER", "after_resubscribe"), ("QUOTA_EXCEEDED", "later")])
def test_what_the_bridge_says_may_be_tried_again_is(
    bridge: ScriptedBridge, client: Client, reason: str, retry: str
) -> None:
    bridge.scripts = [[refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, reason, retry=retry)], [opened(1)]]
    assert len(client.order_events(1)) == 1


def test_ticks_go_on_without_a_gap_or_a_repetition(bridge: ScriptedBridge, client: Client) -> None:
    bridge.scripts = [[ticks_opened(), batch(1, 2), GONE], [ticks_opened(), batch(3), batch(4, 5)]]
    bridge.scripts[0].insert(1, StreamTicksResponse(snapshot_end=SnapshotEnd(cursor=cursor(0))))
    assert [tick.sequence for tick in client.ticks(5, "EURUSD")] == [1, 2, 3, 4, 5]
    assert bridge.asked[1].resume_after == cursor(2)


def test_bars_go_on_behind_the_last_closed_one(bridge: ScriptedBridge) -> None:
    opening = [StreamBarsResponse(opened=StreamOpened(cursor=cursor(3))), StreamBarsResponse(snapshot=Bar())]
    whole = StreamBarsResponse(snapshot_end=SnapshotEnd(cursor=cursor(3)))
    closed = StreamBarsResponse(cursor=cursor(4), bar=Bar(final=True))
    bridge.scripts = [[*opening, whole, closed, GONE], [*opening, GONE], [*opening, whole]]
    with Bridge(bridge.address, keys=KeysInMemory(), terms=QUICK) as client:
        list(islice(client.bar_events(StreamBarsRequest(symbols=["EURUSD"])), 8))
    assert [request.resume_after.sequence for request in bridge.asked] == [0, 4, 4]


def test_ticks_of_a_symbol_that_is_not_there_are_an_error(bridge: ScriptedBridge, client: Client) -> None:
    bridge.scripts = [[ticks_opened(accepted=False)]]
    with pytest.raises(BridgeError, match="UNKNOWN_SYMBOL"):
        client.ticks(1, "EURUSD")


def test_a_changed_subscription_is_asked_for_again(bridge: ScriptedBridge) -> None:
    changes = StreamTicksResponse(subscription=Subscription(symbols=["XAUUSD"]))
    bridge.scripts = [[ticks_opened(), changes, GONE], [ticks_opened(), batch(1)]]
    assert [tick.symbol for tick in Client("sync", bridge.address).ticks(1, "EURUSD")] == ["EURUSD"]
    assert list(bridge.asked[1].symbols) == ["XAUUSD"]


def test_the_token_goes_with_every_call(bridge: ScriptedBridge, client: Client) -> None:
    client.token = "secret"
    bridge.scripts = [[opened(1), GONE], [opened(1)]]
    client.order_events(2)
    assert bridge.tokens == ["Bearer secret"] * 2


def test_leaving_the_loop_ends_the_call(bridge: ScriptedBridge) -> None:
    bridge.scripts = [[opened(1), Silence()]]
    with Bridge(bridge.address, keys=KeysInMemory(), terms=QUICK) as client:
        for _ in client.order_events():
            break
        assert bridge.gone[0].wait(20)


def test_leaving_the_async_loop_ends_the_call(bridge: ScriptedBridge) -> None:
    async def run() -> bool:
        async with AsyncBridge(bridge.address, keys=KeysInMemory(), terms=QUICK) as client:
            async for _ in client.order_events():
                break
            return await asyncio.to_thread(bridge.gone[0].wait, 20)

    bridge.scripts = [[opened(1), Silence()]]
    assert asyncio.run(run())


def test_a_closed_bridge_ends_its_streams(bridge: ScriptedBridge) -> None:
    bridge.scripts = [[opened(1)]]
    bridge.scripts[0].append(Vanish())
    client = Bridge(bridge.address, keys=KeysInMemory(), terms=QUICK)
    events = client.order_events()
    next(events)
    rest: list[object] = []
    reader = threading.Thread(target=lambda: rest.extend(events))
    reader.start()
    client.close()
    reader.join(20)
    assert not reader.is_alive()
    assert rest == []


def test_a_closed_async_bridge_ends_its_streams(bridge: ScriptedBridge) -> None:
    async def run() -> list[object]:
        client = AsyncBridge(bridge.address, keys=KeysInMemory(), terms=QUICK)
        events = client.order_events()
        await anext(events)

        async def rest() -> list[object]:
            return [event async for event in events]

        reader = asyncio.create_task(rest())
        await client.close()
        return await asyncio.wait_for(reader, 20)

    bridge.scripts = [[opened(1), Vanish()]]
    assert asyncio.run(run()) == []
