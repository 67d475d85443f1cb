from __future__ import annotations

import pytest

from soak_action.config.model import Schedule
from soak_action.doctor.pace import judge_schedule


@pytest.mark.parametrize(
    ("iterations", "duration", "every", "budget", "iteration", "status", "told"),
    [
        (3, None, None, None, 10.0, "ok", "the run takes about 30s"),
        (3, None, None, None, None, "unknown", "only known after a dry iteration"),
        (None, 60.0, None, None, None, "ok", "the run takes about 1m"),
        (3, None, None, 20.0, 10.0, "problem", "takes about 30s, but the budget ends after 20s"),
        (3, None, None, 30.0, 10.0, "ok", "takes about 30s"),
        (3, None, None, 20.0, None, "unknown", "only known after"),
        (3, None, 5.0, None, 10.0, "warning", "one iteration took 10s, longer than the pace of 5s"),
        (3, None, 5.0, None, 5.0, "ok", "takes about 15s"),
    ],
)
def test_the_schedule_is_judged_by_what_an_iteration_takes(
    iterations, duration, every, budget, iteration, status, told
):
    finding = judge_schedule(Schedule(iterations, duration, every, None, 0, 0, budget, None), iteration)
    assert (finding.id, finding.status) == ("schedule", status)
    assert told in finding.sentence
    assert bool(finding.advice) == (status != "ok")
