"""All rules of retention, in the order in which their reasons are told."""

from __future__ import annotations

from soak_action.retention.rules import keep_last, keep_periods, keep_within, orphan_age, pinned, protected
from soak_action.retention.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    pinned.RULE,
    protected.RULE,
    orphan_age.RULE,
    keep_last.RULE,
    keep_within.RULE,
    keep_periods.HOURLY,
    keep_periods.DAILY,
    keep_periods.WEEKLY,
    keep_periods.MONTHLY,
)
