from __future__ import annotations

import pytest

from soak_action.doctor.finding import Finding, Status, document


def of(*statuses: Status) -> list[Finding]:
    return [Finding("disk", status, "It is so.", "Do this.") for status in statuses]


@pytest.mark.parametrize(
    ("statuses", "ok", "counts"),
    [
        ((), True, (0, 0, 0)),
        (("ok", "warning", "unknown"), True, (0, 1, 1)),
        (("problem", "ok", "problem", "unknown", "unknown"), False, (2, 0, 2)),
    ],
)
def test_only_a_problem_makes_it_not_ok(statuses, ok, counts):
    told = document(of(*statuses))
    assert (told["ok"], (told["problems"], told["warnings"], told["unknown"])) == (ok, counts)
    assert [finding["status"] for finding in told["findings"]] == list(statuses)


def test_text_that_no_json_document_can_hold_is_escaped():
    assert Finding("kpi.a", "ok", "a\udcffb").to_dict()["sentence"].isprintable()
