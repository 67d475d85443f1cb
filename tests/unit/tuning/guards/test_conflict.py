"""The second proposal for a parameter before an iteration is suppressed."""

from __future__ import annotations

from tests.unit.tuning.building import INTERVAL, RATIO, Told, case, change

from soak_action.tuning.guards import conflict


def test_a_second_proposal_conflicts_with_the_first() -> None:
    why = conflict.why(case(INTERVAL, [70], "change", 5, earlier=change(-5, source="rule 3")))
    assert why == "rule 3 has already proposed for it before this iteration"


def test_the_first_proposal_conflicts_with_nothing() -> None:
    assert conflict.why(case(INTERVAL, [70], "change", 5)) is None


def test_the_first_stands_and_other_parameters_are_free() -> None:
    told = Told(INTERVAL, RATIO)
    assert told.outcomes(change(5), change(0.01, RATIO), change(5), change(-5)) == [
        ("applied", []),
        ("applied", []),
        ("suppressed", ["conflict"]),
        ("suppressed", ["conflict", "oscillation"]),
    ]
    assert told.memory.state == {"min_interval_ms": 75, "impact.cap_ratio": 0.1}


def test_the_first_stands_even_when_it_was_suppressed_and_when_both_are_one_object() -> None:
    told = Told(INTERVAL)
    proposal = change(0)
    assert told.outcomes(proposal, proposal, change(5)) == [
        ("no_op", ["no_op"]),
        ("suppressed", ["conflict", "no_op"]),
        ("suppressed", ["conflict"]),
    ]
    assert told.memory.state == {"min_interval_ms": 70}


def test_the_first_is_named_to_all_that_follow() -> None:
    told = Told(INTERVAL)
    proposals = (change(5, source=f"rule {number}") for number in (1, 2, 3))
    reasons = [decision.reasons.get("conflict") for decision in told.iterate(*proposals)]
    assert reasons == [None, *["rule 1 has already proposed for it before this iteration"] * 2]


def test_the_next_iteration_is_another_matter() -> None:
    told = Told(INTERVAL)
    told.iterate(change(5))
    assert told.outcomes(change(5)) == [("applied", [])]
