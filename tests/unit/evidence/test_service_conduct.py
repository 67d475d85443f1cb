"""How a service went, out of what iterations and segments record of it."""

from __future__ import annotations

from typing import Any

import pytest

from soak_action.evidence.measurements import ServiceConduct
from soak_action.evidence.service_conduct import how_it_ended, service_conduct


def ended(start: int, detail: str = "exited with 1", *, ready: bool = True) -> dict[str, Any]:
    return {"start": start, "detail": detail, "seconds": 1.25, "ready": ready}


def part(*exits: dict[str, Any]) -> dict[str, Any]:
    return {"exits": list(exits)}


def segment(iterations: int, *exits: dict[str, Any], not_ready: str | None = None) -> dict[str, Any]:
    return {"iterations": iterations, "service": {"exits": list(exits), "not_ready": not_ready, "stop": None}}


def test_without_a_service_there_is_no_conduct() -> None:
    assert service_conduct([], []) is None
    assert service_conduct([], [{"iterations": 3}]) is None


def test_a_service_that_stayed_up_has_no_exits() -> None:
    assert service_conduct([(1, part()), (2, part())], [segment(2)]) == ServiceConduct()


def test_exits_count_wherever_they_are_recorded_and_the_first_one_is_described() -> None:
    told = [(1, part()), (3, part(ended(3), ended(2, "was killed by SIGKILL", ready=False)))]
    conduct = service_conduct(told, [segment(1, ended(1, "exited with 0")), segment(3, ended(4))])
    assert conduct == ServiceConduct(exits=4, first_exit=1, how="exited with 0 after 1.2s")
    assert service_conduct(told, []) == ServiceConduct(2, 3, "was killed by SIGKILL after 1.2s, before it was ready")


def test_that_it_was_not_ready_is_told_by_whichever_segment_says_so_first() -> None:
    segments = [segment(1), segment(2, not_ready="one"), segment(3, not_ready="two"), {"iterations": 4}]
    conduct = service_conduct([], segments)
    assert conduct is not None
    assert conduct.not_ready == "one"


FOR_EVER = {"exits": [{**ended(1), "seconds": 1e308}]}


@pytest.mark.parametrize("told", [FOR_EVER, None, {}, {"exits": None}, {"exits": [3]}, {"exits": [{}]}, []])
def test_a_misshapen_record_is_an_error_that_the_reader_expects(told: Any) -> None:
    with pytest.raises((ArithmeticError, AttributeError, KeyError, TypeError, ValueError)):
        service_conduct([(1, told)], [])


def test_an_end_is_told_with_its_time() -> None:
    assert how_it_ended("exited with 3", 59.96, ready=True) == "exited with 3 after 1m"
    assert how_it_ended("exited with 3", 0.04, ready=False) == "exited with 3 after 0s, before it was ready"
