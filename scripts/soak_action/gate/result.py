"""What one rule found, and the order of the results."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from soak_action.config.model import Severity

Kind = Literal["limit", "sustained", "abort", "sanity"]
Result = Literal["pass", "warn", "fail", "inconclusive", "invalid", "not_applicable"]

_WORSENING: tuple[Result, ...] = ("not_applicable", "pass", "warn", "inconclusive", "invalid", "fail")


def badness(result: Result) -> int:
    """Return the rank of a result: the worse, the higher; `not_applicable` is the lowest because it has no effect."""
    return _WORSENING.index(result)


def breach_of(severity: Severity) -> Result:
    """Return the result of a breached rule of this severity."""
    return "fail" if severity == "hard" else "warn"


@dataclass(frozen=True, kw_only=True)
class RuleResult:
    """One rule, what it found and where that can be checked.

    `value` and `limit` are in the KPI's unit for kind `limit`, and numbers of iterations for `sustained` and `abort`.
    `reason` is a sentence without the id. Unless a rule says otherwise it is `invalid`: better results are earned.
    """

    id: str
    kpi: str | None = None
    kind: Kind = "sanity"
    severity: Severity = "hard"
    result: Result = "invalid"
    value: float | None = None
    limit: float | None = None
    window: str | None = None
    n: int | None = None
    statistic: str | None = None
    interval: tuple[float, float] | None = None
    baseline: tuple[str, ...] = ()
    first_breach: int | None = None
    origin: str | None = None
    reason: str = "not judged"
    reproduce: str = ""

    @property
    def is_good(self) -> bool:
        """Whether there is nothing to tell: it passed, or it does not apply."""
        return self.result in ("pass", "not_applicable")

    @property
    def asks_hard(self) -> bool:
        """Whether this is an applicable hard rule on a KPI, the least that a good verdict needs."""
        return self.kind != "sanity" and self.severity == "hard" and self.result != "not_applicable"

    def to_dict(self) -> dict[str, object]:
        """Return the rule as plain JSON data."""
        data: dict[str, object] = {field.name: getattr(self, field.name) for field in fields(self)}
        data["interval"] = None if self.interval is None else list(self.interval)
        data["baseline"] = list(self.baseline)
        return data
