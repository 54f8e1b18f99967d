"""Ticks that came in columns are those that would have come in rows."""

from __future__ import annotations

from conftest import Client
from scripted import ScriptedBridge, cursor, ticks_opened

from mt5bridge.columns import ticks_in
from mt5bridge.v1.ticks_pb2 import StreamTicksResponse, Tick, TickBatch, TickColumns, TickForm

EUROS = TickColumns(
    symbol="EURUSD",
    digits=5,
    count=3,
    time_ms=[1_700_000_000_000, 40, 3],
    broker_offset_ms=[7_200_000],
    bid=[108_000, -2],
    spread=[9, 0, -1],
    flags=[6],
    sequence=[5, 0, 2],
    skipped=[0, 0, 2],
    place=[11, 1, 2],
)
GOLD = TickColumns(symbol="XAUUSD", digits=2, count=1, last=[-5], volume=[10_000_000], place=[13])
TICKS = [
    Tick(symbol="EURUSD", bid=1.08, ask=1.08009, sequence=5, flags=6),
    Tick(symbol="EURUSD", bid=1.07998, ask=1.08007, sequence=6, flags=6),
    Tick(symbol="XAUUSD", last=-0.05, volume=0.1),
    Tick(symbol="EURUSD", bid=1.07998, ask=1.08006, sequence=9, flags=6, skipped=2),
]
for tick, time in zip(TICKS, [1_700_000_000_000, 1_700_000_000_040, 0, 1_700_000_000_043], strict=True):
    tick.time_ms = time
    tick.broker_time_ms = time and time + 7_200_000


def test_columns_are_ticks_in_the_order_in_which_they_happened() -> None:
    assert list(ticks_in(TickBatch(columns=[EUROS, GOLD]))) == TICKS


def test_rows_are_taken_as_they_are() -> None:
    assert list(ticks_in(TickBatch(ticks=TICKS))) == TICKS


def test_ticks_are_asked_for_in_columns_and_arrive_as_ticks(bridge: ScriptedBridge, client: Client) -> None:
    batch = TickBatch(columns=[EUROS, GOLD], cursor=cursor(14))
    bridge.scripts = [[ticks_opened(), StreamTicksResponse(batch=batch)]]
    assert client.ticks(4, "EURUSD", "XAUUSD") == TICKS
    assert bridge.asked[0].form == TickForm.TICK_FORM_COLUMNS
