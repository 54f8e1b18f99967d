"""Every rule holds for `Bridge` and for `AsyncBridge`: the tests run on both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, closing
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pytest
from scripted import ScriptedBridge

from mt5bridge import AsyncBridge, Bridge, KeysInMemory, KeyStore, Terms
from mt5bridge.v1.orders_pb2 import PlaceOrderRequest, PlaceOrderResponse, StreamOrdersRequest, StreamOrdersResponse
from mt5bridge.v1.ticks_pb2 import Tick

QUICK = Terms(timeout=10, patience=20, shortest_pause=0.001, longest_pause=0.01)


@dataclass
class Client:
    """One of the two, called the same way."""

    kind: str
    address: str
    terms: Terms = QUICK
    token: str | None = None

    def _bridge(self, keys: KeyStore | None = None) -> Bridge:
        return Bridge(self.address, token=self.token, keys=keys or KeysInMemory(), terms=self.terms)

    def _async_bridge(self, keys: KeyStore | None = None) -> AsyncBridge:
        return AsyncBridge(self.address, token=self.token, keys=keys or KeysInMemory(), terms=self.terms)

    def order_events(self, count: int, request: StreamOrdersRequest | None = None) -> list[StreamOrdersResponse]:
        """The first so many."""
        return self.order_events_until(lambda found: len(found) == count, request)

    def order_events_until(
        self, enough: Callable[[list[StreamOrdersResponse]], bool], request: StreamOrdersRequest | None = None
    ) -> list[StreamOrdersResponse]:
        found: list[StreamOrdersResponse] = []
        if self.kind == "sync":
            with self._bridge() as bridge, closing(bridge.order_events(request)) as events:
                for event in events:
                    found.append(event)
                    if enough(found):
                        break
            return found

        async def run() -> None:
            async with self._async_bridge() as bridge, aclosing(bridge.order_events(request)) as events:
                async for event in events:
                    found.append(event)
                    if enough(found):
                        break

        asyncio.run(run())
        return found

    def ticks(self, count: int, *symbols: str) -> list[Tick]:
        if self.kind == "sync":
            with self._bridge() as bridge, closing(bridge.ticks(*symbols)) as ticks:
                return list(islice(ticks, count))

        async def run() -> list[Tick]:
            async with self._async_bridge() as bridge, aclosing(bridge.ticks(*symbols)) as ticks:
                return await first(ticks, count)

        return asyncio.run(run())

    def place(self, request: PlaceOrderRequest, keys: KeyStore | None = None) -> PlaceOrderResponse:
        if self.kind == "sync":
            with self._bridge(keys) as bridge:
                return bridge.place_order(request)

        async def run() -> PlaceOrderResponse:
            async with self._async_bridge(keys) as bridge:
                return await bridge.place_order(request)

        return asyncio.run(run())

    def send_pending(self, keys: KeyStore) -> list[Any]:
        if self.kind == "sync":
            with self._bridge(keys) as bridge:
                return [bridge.send_again(sending) for sending in keys.pending()]

        async def run() -> list[Any]:
            async with self._async_bridge(keys) as bridge:
                return [await bridge.send_again(sending) for sending in keys.pending()]

        return asyncio.run(run())


async def first(items: AsyncIterator[Any], count: int) -> list[Any]:
    found: list[Any] = []
    async for item in items:
        found.append(item)
        if len(found) == count:
            break
    return found


@pytest.fixture
def bridge() -> Iterator[ScriptedBridge]:
    scripted = ScriptedBridge()  # type: ignore[abstract]
    yield scripted
    scripted.stop()


@pytest.fixture(params=["sync", "async"])
def client(request: pytest.FixtureRequest, bridge: ScriptedBridge) -> Client:
    return Client(request.param, bridge.address)
