from __future__ import annotations

import pytest

from soak_action.doctor.interpreter import judge_interpreter


@pytest.mark.parametrize(
    ("version", "bits", "status", "told"),
    [
        ((3, 11, 0), 64, "ok", "Python 3.11.0 with 64 bits"),
        ((3, 14, 2), 64, "ok", "Python 3.14.2 with 64 bits"),
        ((3, 10, 9), 64, "problem", "is too old"),
        ((3, 12, 1), 32, "warning", "4 GB at most"),
    ],
)
def test_an_interpreter_is_new_enough_and_wide_enough(version, bits, status, told):
    finding = judge_interpreter(version, bits)
    assert (finding.id, finding.status) == ("interpreter", status)
    assert told in finding.sentence
    assert bool(finding.advice) == (status != "ok")
