"""The configuration's mistakes and warnings, as findings."""

from __future__ import annotations

from collections.abc import Iterator

from soak_action.config.report import Report
from soak_action.doctor.finding import Finding

_ID = "configuration"
_ADVICE = "correct it there; soak config check looks again"


def judge_configuration(report: Report) -> Iterator[Finding]:
    """Yield a finding for each mistake and each warning, or one that says that there is none."""
    for mistake in report.mistakes:
        yield Finding(_ID, "problem", str(mistake), _ADVICE)
    for warning in report.warnings:
        yield Finding(_ID, "warning", str(warning), _ADVICE)
    if not report.mistakes and not report.warnings:
        yield Finding(_ID, "ok", f"nothing is wrong with {report.subject}")
