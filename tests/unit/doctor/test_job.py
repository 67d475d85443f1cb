from __future__ import annotations

import pytest

from soak_action.doctor.job import judge_job

HOUR = 3600.0
HOSTED = {"GITHUB_ACTIONS": "true", "RUNNER_ENVIRONMENT": "github-hosted"}
OWN = {"GITHUB_ACTIONS": "true", "RUNNER_ENVIRONMENT": "self-hosted"}
UNTOLD = {"GITHUB_ACTIONS": "true"}


@pytest.mark.parametrize(
    ("environ", "run", "segment", "status", "told"),
    [
        ({}, 100 * HOUR, None, "ok", "this is no job"),
        ({"GITHUB_ACTIONS": "false"}, 100 * HOUR, None, "ok", "this is no job"),
        (HOSTED, 5 * HOUR, None, "ok", "takes about 5h without a pause, and the job ends after 6h"),
        (HOSTED, 7 * HOUR, None, "problem", "takes about 7h without a pause, but the job ends after 6h"),
        (HOSTED, 7 * HOUR, 5 * HOUR, "ok", "about 5h"),
        (HOSTED, 7 * HOUR, 6.5 * HOUR, "problem", "about 6h30m"),
        (HOSTED, 2 * HOUR, 7 * HOUR, "ok", "about 2h"),
        (HOSTED, None, 5 * HOUR, "ok", "about 5h"),
        (HOSTED, None, None, "unknown", "nothing says how long the run takes"),
        (HOSTED, 5.9 * HOUR, None, "warning", "leaves less than 15m"),
        (OWN, 100 * HOUR, None, "ok", "ends after 5d"),
        (OWN, 121 * HOUR, None, "problem", "ends after 5d"),
        (UNTOLD, 5 * HOUR, None, "ok", "ends after 6h"),
        (UNTOLD, 7 * HOUR, None, "unknown", "RUNNER_ENVIRONMENT does not say"),
        (UNTOLD, 5.9 * HOUR, None, "unknown", "RUNNER_ENVIRONMENT does not say"),
        (UNTOLD, 121 * HOUR, None, "problem", "ends after 5d"),
    ],
)
def test_trap_52_a_run_that_is_longer_than_its_job_is_found(environ, run, segment, status, told):
    finding = judge_job(environ, run, segment)
    assert (finding.id, finding.status) == ("runner-limit", status)
    assert told in finding.sentence
    assert bool(finding.advice) == (status != "ok")


def test_the_segment_that_fits_is_told():
    assert judge_job(HOSTED, 7 * HOUR, None).advice == "give --segment with at most 5h45m, and see soak plan"
