"""Numbers and counts as they stand in the sentences of a verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from soak_action import canonical

_LONGEST_VALUE = 100


def number(value: float) -> str:
    """Return a number with at most six significant digits, without an exponent where people do not expect one."""
    text = f"{value:.6g}"
    return f"{value:.0f}" if "e+" in text and abs(value) < 1e15 else text


def quantity(value: float, unit: str | None) -> str:
    """Return a number with its unit, if it has one."""
    return number(value) if unit is None else f"{number(value)} {unit}"


def against(value: float, limit: float, unit: str | None) -> str:
    """Return ``412.3 ms, limit 400 ms (+3.1 %)``; digits are added where rounding would hide the difference."""
    if value == limit:
        return f"{quantity(value, unit)}, limit {quantity(limit, unit)} (equal)"
    suffix = "" if unit is None else f" {unit}"
    shown, bound = number(value), number(limit)
    if shown == bound:
        shown, bound = repr(value), repr(limit)
    return f"{shown}{suffix}, limit {bound}{suffix} ({_difference(value, limit, suffix)})"


def _difference(value: float, limit: float, suffix: str) -> str:
    if limit == 0:
        return f"{value:+.6g}{suffix}"
    # Divided before it is subtracted, so that two huge numbers of opposite sign do not overflow.
    percent = 100 * (value / abs(limit) - limit / abs(limit))
    return f"{percent:+.1f} %" if 0.05 <= abs(percent) < 1e6 else f"{percent:+.2g} %"


def plural(count: int, noun: str) -> str:
    """Return ``1 iteration`` or ``3 iterations``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def duration(seconds: float) -> str:
    """Return seconds as ``24h``, ``1h30m`` or ``59.5s``, rounded down so that a missed promise does not look kept."""
    thousandths = int(round(seconds * 1000, 3))
    hours, rest = divmod(thousandths, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    parts = [f"{hours}h" if hours else "", f"{minutes}m" if minutes else "", f"{rest / 1000:g}s" if rest else ""]
    return "".join(parts) or "0s"


def change_in_words(change: Mapping[str, Any]) -> str:
    """Return ``workload.run was ["a"], and ["b"] in iterations 4 to 9``."""
    first, last = change["first_iteration"], change["last_iteration"]
    where = f"iteration {first}" if first == last else f"iterations {first} to {last}"
    return f"{change['key']} was {_side(change['before'])}, and {_side(change['now'])} in {where}"


def _side(side: Mapping[str, Any] | None) -> str:
    if side is None:
        return "not given"
    text = canonical.compact(side["value"])
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."


def counted_gaps(reasons: Iterable[str]) -> str:
    """Return why values are missing: ``3 iterations: file_missing, 1 iteration: stale``."""
    return ", ".join(f"{plural(count, 'iteration')}: {reason}" for reason, count in Counter(reasons).most_common())


def counted(kinds: Iterable[str]) -> str:
    """Return how often each kind occurs: ``2 failed, 1 timeout``."""
    return ", ".join(f"{count} {kind}" for kind, count in Counter(kinds).most_common())
