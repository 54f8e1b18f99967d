"""The feeder's ticks, for peers in Python: see `bench/record.ts`."""

import asyncio
import struct
from collections.abc import AsyncIterator

SYMBOLS = ["EURUSD", "GBPUSD", "USDJPY", "AUDUSD", "XAUUSD", "US500", "NAS100", "BTCUSD"]
EPOCH = "b7a1c0de-0000-4000-8000-000000000000"
RECORD = struct.Struct("<IIdddd")


async def ticks(port: int) -> AsyncIterator[tuple[int, dict]]:
    """Each tick with its place among all."""
    reader, _ = await asyncio.open_connection("127.0.0.1", port)
    rest, place = b"", 0
    while chunk := await reader.read(65536):
        rest += chunk
        whole = len(rest) - len(rest) % RECORD.size
        for symbol, flags, bid, ask, time, sequence in RECORD.iter_unpack(rest[:whole]):
            place += 1
            tick = {
                "symbol": SYMBOLS[symbol],
                "bid": bid,
                "ask": ask,
                "time_ms": int(time),
                "broker_time_ms": int(time) + 7_200_000,
                "flags": flags,
                "sequence": int(sequence),
            }
            yield place, tick
        rest = rest[whole:]
