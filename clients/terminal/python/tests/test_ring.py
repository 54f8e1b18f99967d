"""Numbers, acknowledgements and gaps, whatever comes in whatever order."""

from __future__ import annotations

import random

import pytest

from mt5_bridge_agent.errors import ProtocolFault
from mt5_bridge_agent.mt5bridge.terminal.v1 import link_pb2 as wire
from mt5_bridge_agent.ring import Ring

REPORTS = (
    wire.Report(ticks=wire.Ticks()),
    wire.Report(deal=wire.Deal(ticket=1)),
    wire.Report(result=wire.CommandResult(id="a")),
    wire.Report(account_state=wire.AccountState()),
)


def test_whoever_listens_gets_every_report_once_or_is_told_that_it_is_missing() -> None:
    for seed in range(300):
        chance = random.Random(seed)
        ring = Ring(chance.choice([2, 5, 50]), chance.choice([60, 10_000]))
        kinds: list[str] = []
        taken = 0
        for _ in range(chance.randrange(10, 200)):
            match chance.choice(["add", "add", "add", "take", "take", "acknowledge", "cut", "forget"]):
                case "add":
                    report = wire.Report()
                    report.CopyFrom(chance.choice(REPORTS))
                    kinds.append(str(report.WhichOneof("event")))
                    ring.add(report)
                case "take":
                    if (report_or_none := ring.take()) is not None:
                        taken = judged(report_or_none, taken, kinds, seed)
                case "acknowledge":
                    ring.acknowledge(chance.randint(0, taken))
                case "cut":
                    ring.resume(taken)
                    ring.acknowledge(taken)
                case "forget":  # a bridge in a new life
                    if chance.random() < 0.1:
                        taken = 0
                        ring.resume(0)
        while (last := ring.take()) is not None:
            taken = judged(last, taken, kinds, seed)
        assert taken == len(kinds) == ring.last, f"seed {seed}"


def judged(report: wire.Report, taken: int, kinds: list[str], seed: int) -> int:
    if report.HasField("gap"):
        gap = report.gap
        first = getattr(gap, "from")
        assert first <= taken + 1 <= gap.through == report.sequence, f"seed {seed}"
        lost = kinds[first - 1 : gap.through]
        assert gap.ticks or "ticks" not in lost, f"seed {seed}"
        assert gap.trades or "deal" not in lost, f"seed {seed}"
        assert gap.results or "result" not in lost, f"seed {seed}"
    else:
        assert report.sequence == taken + 1, f"seed {seed}"
        assert report.WhichOneof("event") == kinds[taken], f"seed {seed}"
    return report.sequence


def test_knows_which_commands_the_bridge_has_the_results_of() -> None:
    ring = Ring(10)
    ring.add(wire.Report(result=wire.CommandResult(id="a", more=True)))
    ring.add(wire.Report(ticks=wire.Ticks()))
    ring.add(wire.Report(result=wire.CommandResult(id="a")))
    ring.add(wire.Report(result=wire.CommandResult(id="b")))
    assert ring.acknowledge(2) == []
    assert ring.acknowledge(3) == ["a"]
    assert ring.acknowledge(3) == []


def test_does_not_believe_in_reports_that_were_never_made() -> None:
    ring = Ring(10)
    for believe in (ring.acknowledge, ring.resume):
        with pytest.raises(ProtocolFault):
            believe(1)
