"""Keep the newest item of each of the last hours, days, weeks and months (UTC) that have one, for each group.

Periods without an item do not count. Weeks begin on Monday.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

from soak_action.config.model import Retention
from soak_action.retention.item import Item
from soak_action.retention.rules.rule import Rule

_HOUR = 3600
_DAY = 24 * _HOUR
# 1 January 1970 was a Thursday.
_DAYS_SINCE_MONDAY = 3
_MONTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_ENDS = tuple(accumulate(_MONTHS))


def month_of(day: int) -> tuple[int, int]:
    """Return year and month (from 1) of a day counted from 1 January 1970."""
    year = 1970 + int(day / 365.2425)
    while day < _first_day(year):
        year -= 1
    while day >= _first_day(year + 1):
        year += 1
    rest = day - _first_day(year)
    leap_day = _first_day(year + 1) - _first_day(year) - 365
    ends = (end + (leap_day if number > 1 else 0) for number, end in enumerate(_ENDS, 1))
    return year, next(number for number, end in enumerate(ends, 1) if rest < end)


def _first_day(year: int) -> int:
    return 365 * (year - 1970) + _leap_days(year - 1) - _leap_days(1969)


def _leap_days(year: int) -> int:
    return year // 4 - year // 100 + year // 400


def _rule(name: str, count_of: Callable[[Retention], int], period: Callable[[int], object], noun: str) -> Rule:
    def keep(items: Sequence[Item], policy: Retention, _: float) -> Iterator[tuple[int, str]]:
        count = count_of(policy)
        last: object = None
        found = 0
        for place, item in enumerate(items):
            if found == count:
                return
            current = period(int(item.started // 1))
            if current != last:
                found += 1
                last = current
                yield place, f"{name} {found} of {count}: newest of its {noun}"

    return Rule(name, keep)


HOURLY = _rule("keep_hourly", lambda policy: policy.keep_hourly, lambda second: second // _HOUR, "hour")
DAILY = _rule("keep_daily", lambda policy: policy.keep_daily, lambda second: second // _DAY, "day")
WEEKLY = _rule(
    "keep_weekly",
    lambda policy: policy.keep_weekly,
    lambda second: (second // _DAY + _DAYS_SINCE_MONDAY) // 7,
    "week",
)
MONTHLY = _rule("keep_monthly", lambda policy: policy.keep_monthly, lambda second: month_of(second // _DAY), "month")
