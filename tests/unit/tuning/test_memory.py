"""What is known of a run: the same from the run itself as from its records, and no more after a year."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.tuning.building import FREE, INTERVAL, KPIS, RATIO, Told, change, known, kpi, recorded, target

from soak_action import canonical
from soak_action.config.model import Cooldown, Freeze, Guards, Oscillation, Parameters, Tolerance
from soak_action.tuning.decision import decision_of
from soak_action.tuning.freeze import Freezing
from soak_action.tuning.memory import Memory, RecordError

FREEZE = Freeze(after=2, hold=4, when="risk_ratio <= 0.35 and net_bps >= 2.7", parameters=("impact.cap_ratio",))
CALM = {"risk_ratio": 0.3, "net_bps": 3.0}
BREACH = {"risk_ratio": 0.95, "net_bps": 3.0}


def test_it_begins_with_the_start_in_the_types_of_the_parameters() -> None:
    memory = Memory(Parameters("f", (INTERVAL, FREE)), Guards(), KPIS, {"min_interval_ms": 70.0, "free": 2})
    assert str(memory.state) == "{'min_interval_ms': 70, 'free': 2.0}"
    assert memory.state_hash == canonical.digest({"free": 2, "min_interval_ms": 70})
    assert memory.freezing == Freezing()
    assert memory.frozen(1) is None


def test_state_and_pasts_are_copies() -> None:
    memory = Told(INTERVAL).memory
    memory.state["min_interval_ms"] = 0
    memory.pasts.clear()
    assert memory.state == {"min_interval_ms": 70}


def test_trap_38_no_change_invents_a_parameter() -> None:
    told = Told(INTERVAL)
    with pytest.raises(KeyError):
        told.iterate(change(5, RATIO))
    with pytest.raises(KeyError):
        Memory(Parameters("f", (INTERVAL, RATIO)), Guards(), KPIS, {"min_interval_ms": 70})
    assert told.memory.state == {"min_interval_ms": 70}


@pytest.mark.parametrize(
    ("lie", "says"),
    [
        ({"parameter": "other"}, "iteration 1: 75 was applied to the parameter 'other'"),
        ({"to": None}, "iteration 1: None was applied to the parameter 'min_interval_ms'"),
    ],
)
def test_trap_38_a_record_of_an_impossible_change_is_refused(lie: dict[str, Any], says: str) -> None:
    told = Told(INTERVAL)
    told.iterate(change(5))
    told.records[0]["decisions"][0] |= lie
    with pytest.raises(RecordError) as caught:
        told.replayed()
    assert str(caught.value) == says


def test_decisions_count_once_whether_they_are_taken_or_observed() -> None:
    told = Told(FREE, guards=Guards(oscillation=Oscillation(9, Tolerance(0))))
    decisions = told.iterate(change(1, FREE))
    told.memory.take(decisions)
    assert told.memory.pasts["free"].held == (1.0, 2.0)
    assert told.iterate(change(1, FREE))[0].outcome == "applied"
    assert told.memory.state == {"free": 3.0}
    assert known(told.replayed()) == known(told.memory)


def test_what_was_decided_before_a_crash_is_taken_from_the_ledger() -> None:
    told = Told(FREE)
    told.iterate(change(1, FREE))
    ledger = [recorded(decision.to_dict()) for decision in told.iterate(change(1, FREE))]
    resumed = Memory(*told.setup)
    resumed.observe(told.records[0])
    resumed.take(map(decision_of, ledger))
    assert resumed.state == {"free": 3.0}
    resumed.observe(told.records[1])
    assert known(resumed) == known(told.memory)


def test_suppressed_and_no_op_decisions_change_nothing() -> None:
    told = Told(INTERVAL, guards=Guards(warmup=1))
    before = known(told.memory)
    told.iterate(change(5))
    told.iterate(change(0), change(1))
    told.iterate(target(90))
    assert known(told.memory) == before
    assert known(told.replayed()) == before


def test_a_freeze_is_told_and_holds_only_for_its_parameters() -> None:
    told = Told(INTERVAL, RATIO, guards=Guards(freeze=FREEZE))
    signature = told.memory.state_hash
    for _ in range(2):
        told.iterate(kpis=CALM)
    assert told.memory.frozen(2) is None
    assert told.memory.frozen(3) == {
        "parameters": ["impact.cap_ratio"],
        "since": 3,
        "until": 6,
        "signature": signature,
    }
    both = (change(0.01, RATIO), change(-5))
    assert told.outcomes(*both) == [("suppressed", ["freeze"]), ("applied", [])]
    assert [told.outcomes(*both)[0] for _ in range(3)] == [("suppressed", ["freeze"])] * 3
    assert told.outcomes(*both)[0] == ("applied", [])
    assert [record["frozen"] is not None for record in told.records] == [False] * 2 + [True] * 4 + [False]


def test_a_breach_of_any_hard_limit_thaws() -> None:
    told = Told(RATIO, guards=Guards(freeze=FREEZE), kpis=(*KPIS, kpi("other", hard=5)))
    for kpis in (CALM, CALM, CALM | {"other": 5}):
        told.iterate(kpis=kpis)
    assert told.memory.frozen(4) is not None
    told.iterate(kpis=CALM | {"other": 5.1})
    assert told.memory.frozen(5) is None
    assert told.outcomes(change(0.01, RATIO), kpis=BREACH) == [("applied", [])]
    assert known(told.replayed()) == known(told.memory)


@pytest.mark.parametrize("kpis", [{}, {"risk_ratio": 0.3}, {"risk_ratio": 0.4, "net_bps": 3.0}, BREACH])
def test_an_iteration_that_does_not_meet_the_condition_is_not_stable(kpis: dict[str, float]) -> None:
    told = Told(RATIO, guards=Guards(freeze=FREEZE))
    for seen in (CALM, kpis, CALM):
        told.iterate(kpis=seen)
    assert told.memory.frozen(4) is None
    told.iterate(kpis=CALM)
    assert told.memory.frozen(5) is not None


def test_a_new_state_begins_to_count_at_one() -> None:
    told = Told(INTERVAL, RATIO, guards=Guards(freeze=FREEZE))
    told.iterate(kpis=CALM)
    told.iterate(change(5), kpis=CALM)
    assert told.memory.frozen(3) is None
    told.iterate(kpis=CALM)
    assert told.memory.frozen(4) is not None


def test_no_parameters_means_all_of_them() -> None:
    told = Told(INTERVAL, RATIO, guards=Guards(freeze=replace(FREEZE, parameters=())))
    for _ in range(2):
        told.iterate(kpis=CALM)
    frozen = told.memory.frozen(3)
    assert frozen is not None
    # By their names: whoever verifies it reads config.json, in which they have no other order.
    assert frozen["parameters"] == ["impact.cap_ratio", "min_interval_ms"]
    assert told.outcomes(change(-5), change(0.01, RATIO)) == [("suppressed", ["freeze"])] * 2


def test_a_freeze_survives_being_resumed() -> None:
    told = Told(RATIO, guards=Guards(freeze=FREEZE))
    for _ in range(3):
        told.iterate(change(0.0001, RATIO), kpis=CALM)
        assert known(told.replayed()) == known(told.memory)
        assert told.replayed().frozen(len(told.records) + 1) == told.memory.frozen(len(told.records) + 1)


def test_records_are_read_as_they_were_written() -> None:
    told = Told(INTERVAL, FREE, guards=Guards(cooldown=Cooldown(0.1, 2)))
    told.iterate(change(5), change(1, FREE))
    told.iterate(change(0.5, FREE), change(-10))
    assert str(known(told.replayed())[0]) == str(told.memory.state) == "{'min_interval_ms': 75, 'free': 2.5}"
    assert [recorded(record) for record in told.records] == told.records


def test_it_is_no_larger_after_thousands_of_iterations() -> None:
    told = Told(FREE, RATIO, guards=Guards(freeze=FREEZE, cooldown=Cooldown(0.1, 1)))
    sizes = {}
    for number in range(1, 3001):
        told.iterate(target(float(number * 7 % 100), FREE), kpis=CALM if number % 3 else BREACH)
        if number % 1500 > 1400:
            sizes[number] = len(pickle.dumps(known(told.memory)))
    early, late = ({size for number, size in sizes.items() if (number > 1500) is late} for late in (False, True))
    assert max(late) - max(early) < 16  # larger numbers need a few bytes more
