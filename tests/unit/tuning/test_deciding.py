"""Decisions: one after the other, each with the state before and after it, and nothing else changed by them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
from tests.unit.tuning.building import FREE, INTERVAL, RATIO, Told, change, known, target

from soak_action import canonical
from soak_action.config.model import Cooldown, Guards
from soak_action.tuning.candidate import OutOfBoundsError
from soak_action.tuning.deciding import decide
from soak_action.tuning.decision import Decision
from soak_action.tuning.proposal import Proposal

SLOW = replace(INTERVAL, max_change_per_hour=20.0)


def state_hash(interval: float, ratio: float) -> str:
    return canonical.digest({"min_interval_ms": interval, "impact.cap_ratio": ratio})


def test_an_applied_one_changes_the_state_for_the_next() -> None:
    memory = Told(INTERVAL, RATIO).memory
    before = known(memory)
    proposals = [change(5), change(0, RATIO), change(0.01, RATIO)]
    decisions = decide(proposals, memory, 2, 60.0)
    assert [(one.state_hash_before, one.state_hash_after) for one in decisions] == [
        (state_hash(70, 0.09), state_hash(75, 0.09)),
        (state_hash(75, 0.09), state_hash(75, 0.09)),
        (state_hash(75, 0.09), state_hash(75, 0.09)),
    ]
    assert decisions[0] == Decision(
        *(2, 60.0, change(5), 70, 75, "applied", {}, state_hash(70, 0.09), state_hash(75, 0.09))
    )
    assert [one.outcome for one in decisions] == ["applied", "no_op", "suppressed"]
    assert known(memory) == before
    assert decide(proposals, memory, 2, 60.0) == decisions


def test_no_proposal_is_no_decision() -> None:
    assert decide([], Told(INTERVAL).memory, 2, 60.0) == []


def test_a_value_out_of_bounds_is_an_error() -> None:
    memory = Told(replace(INTERVAL, initial=90), RATIO).memory
    with pytest.raises(OutOfBoundsError, match="min_interval_ms is 90 ms, outside its bounds 40 to 80 ms"):
        decide([change(-5)], memory, 2, 60.0)
    assert decide([change(0.01, RATIO)], memory, 2, 60.0)[0].outcome == "applied"


def test_trap_40_the_same_change_again_is_a_second_step() -> None:
    told = Told(INTERVAL)
    assert told.outcomes(change(5)) == [("applied", [])]
    assert told.outcomes(change(5)) == [("applied", [])]
    assert told.memory.state == {"min_interval_ms": 80}
    first, second = (record["decisions"][0] for record in told.records)
    assert first["state_hash_before"] != second["state_hash_before"]
    assert first["iteration"] != second["iteration"]


def test_trap_29_a_change_is_recorded_as_a_change_with_both_its_ends() -> None:
    told = Told(FREE)
    told.iterate(change(5, FREE))
    told.iterate(target(9, FREE))
    relative, absolute = (record["decisions"][0] for record in told.records)
    assert (relative["kind"], relative["requested"], relative["from"], relative["to"]) == ("change", 5, 1, 6)
    assert (absolute["kind"], absolute["requested"], absolute["from"], absolute["to"]) == ("target", 9, 6, 9)


def test_trap_35_time_between_iterations_does_not_count_as_iterations() -> None:
    for seconds in (0.001, 86400):
        told = Told(INTERVAL, guards=Guards(warmup=2))
        assert [told.outcomes(change(5), seconds=seconds)[0][0] for _ in range(3)] == [
            *("suppressed", "suppressed", "applied")
        ]


def walk(chance: Random, _: int) -> Proposal:
    return change(chance.choice([-15, -5, 5, 15]), SLOW)


def saw(_: Random, number: int) -> Proposal:
    return target(75 if number % 2 else 80, SLOW)


def runaway(_: Random, number: int) -> Proposal:
    return change(5 * number, SLOW)


def plunge(_: Random, number: int) -> Proposal:
    return target(40 - number % 3, SLOW)


@pytest.mark.parametrize("tuner", [walk, saw, runaway, plunge])
def test_a_bad_tuner_is_contained_for_500_iterations(tuner: Callable[[Random, int], Proposal]) -> None:
    told, chance = Told(SLOW, guards=Guards(warmup=2, cooldown=Cooldown(0.1, 2))), Random(6)
    changes = [(0.0, 70.0)]
    suppressed = 0
    for number in range(1, 501):
        (decision,) = told.iterate(tuner(chance, number), seconds=900)
        value = told.memory.state["min_interval_ms"]
        assert 40 <= value <= 80
        assert value % 5 == 0
        if decision.outcome == "applied":
            since, before = changes[-1]
            assert abs(value - before) <= 20 * (told.now - since) / 3600
            changes.append((told.now, value))
        else:
            suppressed += 1
            assert all(decision.reasons.values())
            assert decision.reasons
            assert value == changes[-1][1]
    assert suppressed > 200
    assert len(changes) > 1
    assert known(told.replayed()) == known(told.memory)
