"""The one thread on which the package is called, and nothing else is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

Answer = TypeVar("Answer")


class Worker:
    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "terminal")

    def begin(self, work: Callable[..., Answer], *arguments: Any) -> Future[Answer]:
        """In turn behind what was begun before. It can be cancelled until its turn comes."""
        return self._thread.submit(work, *arguments)

    async def do(self, work: Callable[..., Answer], *arguments: Any) -> Answer:
        return await asyncio.wrap_future(self.begin(work, *arguments))

    def stop(self) -> None:
        """Waits for what is under way: an order's answer is written down."""
        self._thread.shutdown(wait=True)
