"""Windows over the judged iterations and the statistics of their values: pure arithmetic on plain sequences."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import copysign, fsum, inf, isinf, ldexp, nextafter
from operator import itemgetter

from soak_action.config.model import Window

STATS = ("mean", "median", "min", "max", "last", "count", "sum", "rate")

_PERCENTILE = re.compile(r"p((?:0|[1-9][0-9]?)(?:\.[0-9]+)?)")
_LARGEST = nextafter(inf, 0.0)
_SCALE = 64  # powers of two by which a sum is reduced that would leave the range of a float


def is_stat(text: str) -> bool:
    """Whether `text` names a statistic: one of `STATS`, or a percentile between 0 and 100, as ``p95`` or ``p99.9``."""
    return text in STATS or _percentile_share(text) is not None


def needs_seconds(stat: str) -> bool:
    """Whether a statistic can only be taken when the durations of the iterations are known."""
    return stat == "rate"


def statistic(values: Sequence[float], stat: str) -> float:
    """Return one statistic of finite values; a sum beyond the largest float saturates there.

    Percentiles (and `median`, which is ``p50``) interpolate linearly between order statistics: type 7 of R. J. Hyndman
    and Y. Fan, "Sample Quantiles in Statistical Packages", The American Statistician 50 (1996).
    Raises ValueError for `rate`, for an unknown name, and for no values (whose count alone is known: 0).
    """
    if stat == "count":
        return float(len(values))
    share = _percentile_share(stat)
    if share is None and stat not in _SIMPLE:
        raise ValueError(f"{stat!r} is no statistic of values alone")
    if len(values) == 0:
        raise ValueError(f"{stat} of no values")
    return _SIMPLE[stat](values) if share is None else _quantile(sorted(values), share)


def rate(values: Sequence[float], seconds: Sequence[float]) -> float:
    """Return the sum of the values per second of the iterations they belong to.

    Raises ValueError when these iterations took no time, because a rate needs some.
    """
    elapsed = fsum(seconds)
    if elapsed <= 0:
        raise ValueError("rate over no time")
    return _clamped(_sum(values) / elapsed)


def window_positions(window: Window, count: int, ends: Sequence[float] = ()) -> range:
    """Return the positions, among `count` judged iterations, that a window looks at.

    `ends` are the seconds at which the iterations ended and are needed for a window in time only: it holds the
    iterations that ended at most that long before the last one did. Raises ValueError when they are needed but missing.
    """
    if window.iterations is not None:
        return range(max(0, count - window.iterations), count)
    if window.seconds is None or count == 0:
        return range(count)
    if len(ends) != count:
        raise ValueError("a window in time needs the end of every iteration")
    oldest = ends[-1] - window.seconds
    first = count - 1
    while first > 0 and ends[first - 1] >= oldest:
        first -= 1
    return range(first, count)


def _percentile_share(stat: str) -> float | None:
    match = _PERCENTILE.fullmatch(stat)
    if match is None:
        return None
    percent = float(match.group(1))
    return percent / 100 if 0 < percent < 100 else None


def _quantile(ordered: Sequence[float], share: float) -> float:
    position = (len(ordered) - 1) * share
    below = int(position)
    fraction = position - below
    low, high = ordered[below], ordered[min(below + 1, len(ordered) - 1)]
    span = high - low
    if isinf(span):
        return low * (1 - fraction) + high * fraction
    # Counting from the nearer neighbour keeps the result between the two and repeats numpy's rounding.
    return high - span * (1 - fraction) if fraction >= 0.5 else low + span * fraction


def _sum(values: Sequence[float]) -> float:
    try:
        return fsum(values)
    except OverflowError:
        return _unscaled(_scaled_sum(values))


def _mean(values: Sequence[float]) -> float:
    try:
        return fsum(values) / len(values)
    except OverflowError:
        return _unscaled(_scaled_sum(values) / len(values))


def _median(values: Sequence[float]) -> float:
    return _quantile(sorted(values), 0.5)


def _scaled_sum(values: Sequence[float]) -> float:
    return fsum(ldexp(value, -_SCALE) for value in values)


def _unscaled(scaled: float) -> float:
    try:
        return ldexp(scaled, _SCALE)
    except OverflowError:
        return copysign(_LARGEST, scaled)


def _clamped(value: float) -> float:
    return copysign(_LARGEST, value) if isinf(value) else value


_SIMPLE: dict[str, Callable[[Sequence[float]], float]] = {
    "mean": _mean,
    "median": _median,
    "min": min,
    "max": max,
    "last": itemgetter(-1),
    "sum": _sum,
}
