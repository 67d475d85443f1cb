"""How the parameters of a run went, out of its records."""

from __future__ import annotations

from typing import Any

import pytest

from soak_action.evidence.measurements import TuningConduct
from soak_action.evidence.tuning_conduct import UNREADABLE, TuningCount


def record(number: int, *decisions: str, read: str | None = "f", edited: bool = False, problem: str | None = "") -> Any:
    """A record whose tuner was not asked (""), answered (None), or had a `problem`."""
    return {
        "iteration": number,
        "parameters": {"a": number},
        "state_hash": f"s{number}",
        "parameters_file": {"digest": "f", "digest_read": read, "edited": edited},
        "decisions": [{"outcome": outcome, "state_hash_before": "s0"} for outcome in decisions],
        "tuner": None if problem == "" else {"problem": problem},
    }


def conduct(*records: Any) -> TuningConduct | None:
    count = TuningCount()
    for one in records:
        count.add(one)
    return count.finish()


def test_without_parameters_there_is_none() -> None:
    assert conduct() is None
    assert conduct({"iteration": 1}) is None


def test_trap_09_each_outcome_is_counted_for_itself() -> None:
    found = conduct(record(1), record(2, "applied", "suppressed"), record(3, "no_op", "suppressed", "applied"))
    assert found == TuningConduct("s3", "s1", 5, 2, 2, 1, iterations=3, confirmed=3)
    assert found.to_dict() == {
        "began_with": "s1",
        "proposals": 5,
        "applied": 2,
        "suppressed": 2,
        "no_op": 1,
        "confirmed_iterations": 3,
    }


def test_a_run_began_with_what_held_before_its_first_decision() -> None:
    found = conduct(record(1, "applied"), record(2, "applied"))
    assert found is not None
    assert (found.began_with, found.state_hash) == ("s0", "s2")


@pytest.mark.parametrize(
    ("read", "confirmed", "misread", "garbled"),
    [
        (["f", "f", "f"], 3, None, False),
        ([None, "f", None], 1, None, False),
        (["f", "g", UNREADABLE], 1, 2, False),
        (["f", UNREADABLE, "g"], 1, 2, True),
    ],
)
def test_the_first_iteration_that_read_something_else_is_told(
    read: list[str | None], confirmed: int, misread: int | None, garbled: bool
) -> None:
    found = conduct(*(record(number, read=one) for number, one in enumerate(read, 1)))
    assert found is not None
    assert (found.confirmed, found.misread, found.is_garbled) == (confirmed, misread, garbled)


def test_the_first_iteration_in_which_the_file_was_edited_is_told() -> None:
    found = conduct(record(1), record(2, edited=True), record(3, edited=True))
    assert found is not None
    assert found.edited == 2


def test_the_first_failure_of_the_tuner_is_told_and_all_are_counted() -> None:
    found = conduct(record(1), record(2, problem=None), record(3, problem="it slept"), record(4, problem="it died"))
    assert found is not None
    assert (found.tuner_failures, found.tuner_failed, found.failure) == (2, 3, "it slept")


@pytest.mark.parametrize("key", ["iteration", "state_hash", "parameters_file", "decisions", "tuner"])
@pytest.mark.parametrize("value", [7, [3], "x"])
def test_a_misshapen_record_is_a_mistake_that_is_expected_or_counts_for_nothing(key: str, value: Any) -> None:
    try:
        found = conduct({**record(1, "applied", problem=None), key: value})
    except (AttributeError, KeyError, TypeError):
        return
    assert found is not None


def test_a_problem_that_is_no_text_is_told_as_one() -> None:
    found = conduct(record(1, problem={"a": 1}))  # type: ignore[arg-type]  # no text
    assert found is not None
    assert found.failure == "{'a': 1}"
