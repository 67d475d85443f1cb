"""Whether GitHub ends the job before the soak ends."""

from __future__ import annotations

from collections.abc import Mapping

from soak_action.doctor.finding import Finding
from soak_action.github.job_limits import AROUND_SECONDS, HOSTED_SECONDS, SELF_HOSTED_SECONDS
from soak_action.units import format_duration

_LIMITS = {"github-hosted": HOSTED_SECONDS, "self-hosted": SELF_HOSTED_SECONDS}
_ID = "runner-limit"


def judge_job(environ: Mapping[str, str], run_seconds: float | None, segment: float | None) -> Finding:
    """Judge a run of `run_seconds`, paused after `segment` seconds, by the job of `environ`; None is not known."""
    if environ.get("GITHUB_ACTIONS") != "true":
        return Finding(_ID, "ok", "this is no job of GitHub Actions, so none ends the run")
    lengths = [length for length in (run_seconds, segment) if length is not None]
    if not lengths:
        told = "nothing says how long the run takes, and GitHub ends every job after a time"
        return Finding(_ID, "unknown", told, "give --segment, or write schedule.duration or schedule.budget")
    return _judge(min(lengths), _LIMITS.get(environ.get("RUNNER_ENVIRONMENT", "")))


def _judge(length: float, limit: int | None) -> Finding:
    if limit is None:
        if HOSTED_SECONDS - AROUND_SECONDS < length <= SELF_HOSTED_SECONDS:
            told = "RUNNER_ENVIRONMENT does not say whether this runner is GitHub's, where a job ends after 6h"
            return Finding(_ID, "unknown", told, "give a --segment of at most 5h45m to be sure")
        limit = HOSTED_SECONDS if length <= HOSTED_SECONDS else SELF_HOSTED_SECONDS
    largest = format_duration(limit - AROUND_SECONDS)
    soak, ends = format_duration(round(length, 1)), f"the job ends after {format_duration(limit)} at the latest"
    advice = f"give --segment with at most {largest}, and see soak plan"
    if length > limit:
        return Finding(_ID, "problem", f"the run takes about {soak} without a pause, but {ends}", advice)
    if length + AROUND_SECONDS > limit:
        around = format_duration(AROUND_SECONDS)
        told = f"the run takes about {soak}, which leaves less than {around} for all else: {ends}"
        return Finding(_ID, "warning", told, advice)
    return Finding(_ID, "ok", f"the run takes about {soak} without a pause, and {ends}")
