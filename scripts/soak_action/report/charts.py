"""Series of measurements as pictures made of text: sparklines, and mermaid charts with the same numbers as a table."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median_low
from typing import Self

from soak_action.report.markdown import details, inert, one_line, table
from soak_action.units import format_number

_BLOCKS = "▁▂▃▄▅▆▇█"
_GAP = "·"
_MOST_IN_SPARKLINE = 20
_MOST_POINTS = 50
_MOST_CATEGORIES = 12
_FEWEST_ON_AN_AXIS = 9  # with fewer, mermaid writes half iterations
_MOST_ROWS = 20
# Told apart on a light and on a dark page, also by people who see no red.
_HIGHEST, _LOWEST, _HARD, _SOFT = "#3b82f6", "#7fb8e6", "#d55e00", "#e69f00"
_INIT = (
    '%%{{init: {{"xyChart": {{"width": 900, "height": 440}}, "themeVariables": '
    '{{"xyChart": {{"backgroundColor": "transparent", "plotColorPalette": "{colours}"}}}}}}}}%%'
)
_SAFE_IN_CHART = frozenset(" .,:+-/()_=*%'!?^")
_SCALED_BELOW, _SCALED_FROM = 0.1, 1e5
_LEAST_SHARE = 0.01  # of the largest number, from the bottom to the top: labels of more digits run into the axis' name


@dataclass(frozen=True)
class Bucket:
    """Consecutive iterations as one point: their numbers, the values that are there, how many are missing."""

    first: int
    last: int
    values: tuple[float, ...]
    missing: int

    @property
    def label(self) -> str:
        """The iterations, as text."""
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


def buckets(numbers: Sequence[int], values: Sequence[float], most: int) -> list[Bucket]:
    """Return the iterations in at most `most` buckets of the same length, the last one possibly shorter.

    A value that is not a number counts as missing.
    """
    size = max(1, math.ceil(len(numbers) / most))
    found = []
    for start in range(0, len(numbers), size):
        there = tuple(value for value in values[start : start + size] if math.isfinite(value))
        here = numbers[start : start + size]
        found.append(Bucket(here[0], here[-1], there, len(here) - len(there)))
    return found


def sparkline(values: Sequence[float], *, higher_is_worse: bool) -> str:
    """Return one block per iteration, or the worst of several; a dot for a gap."""
    worst = max if higher_is_worse else min
    found = buckets(range(1, len(values) + 1), values, _MOST_IN_SPARKLINE)
    points = [worst(bucket.values) if bucket.values else None for bucket in found]
    known = [point for point in points if point is not None]
    if not known:
        return ""
    low, high = min(known), max(known)
    return "".join(_GAP if point is None else _BLOCKS[_height(point, low, high)] for point in points)


def _height(point: float, low: float, high: float) -> int:
    if low == high:
        return len(_BLOCKS) // 2 - 1
    scale = _Scale.of(max(abs(low), abs(high)))
    bottom = scale.apply(low)
    share = (scale.apply(point) - bottom) / (scale.apply(high) - bottom)
    return min(len(_BLOCKS) - 1, int(share * len(_BLOCKS)))


@dataclass(frozen=True)
class Series:
    """One KPI over the iterations: `values` holds NaN where one is missing, limits are None where there is none."""

    title: str
    unit: str | None
    numbers: Sequence[int]
    values: Sequence[float]
    hard: float | None
    soft: float | None

    @property
    def is_drawable(self) -> bool:
        """Whether there are two points, the least that shows a course."""
        return sum(map(math.isfinite, self.values)) >= 2


def chart(series: Series) -> str:
    """Return a mermaid chart of a drawable series, what its colours mean, and the same numbers as a table."""
    points = buckets(series.numbers, series.values, _MOST_POINTS)
    gaps = any(not bucket.values for bucket in points)
    labelled = gaps or len(points) < _FEWEST_ON_AN_AXIS
    if gaps:
        # A line cannot be interrupted: the points that are there are labelled, the others are told below.
        points = [one for one in buckets(series.numbers, series.values, _MOST_CATEGORIES) if one.values]
    parts = [_mermaid(series, points, labelled=labelled), _legend(series, points, gaps=gaps), _numbers(series)]
    return "\n\n".join(parts)


def _mermaid(series: Series, points: Sequence[Bucket], *, labelled: bool) -> str:
    highest = [max(bucket.values) for bucket in points]
    lowest = [min(bucket.values) for bucket in points]
    lines = [(_HIGHEST, highest)]
    if lowest != highest:
        lines.append((_LOWEST, lowest))
    bottom, top = min(lowest), max(highest)
    for colour, limit in ((_HARD, series.hard), (_SOFT, series.soft)):
        if limit is not None and _is_near(limit, bottom, top):
            lines.append((colour, [limit] * len(points)))
    scale = _Scale.of(max(abs(number) for _, line in lines for number in line))
    scaled = [[scale.apply(number) for number in line] for _, line in lines]
    bottom, top = min(map(min, scaled)), max(map(max, scaled))
    largest = max(abs(bottom), abs(top))
    least = largest * _LEAST_SHARE - (top - bottom)
    margin = max((top - bottom) * 0.05, least / 2) if top > bottom else largest * 0.1 or 1.0
    unit = f"{_safe(series.unit or '', 20)} {scale.label}".strip()
    numbers = ", ".join(f'"{bucket.first}"' for bucket in points)
    x_axis = f"[{numbers}]" if labelled else f"{points[0].first} --> {points[-1].first}"
    colours = ", ".join(colour for colour, _ in lines)
    return "\n".join(
        (
            "```mermaid",
            _INIT.format(colours=colours),
            "xychart-beta",
            f'    title "{_safe(series.title, 40) or "KPI"}"',
            f'    x-axis "iteration" {x_axis}',
            f'    y-axis "{unit or "value"}" {_decimal(bottom - margin)} --> {_decimal(top + margin)}',
            *(f"    line [{', '.join(map(_decimal, line))}]" for line in scaled),
            "```",
        )
    )


def _legend(series: Series, points: Sequence[Bucket], *, gaps: bool) -> str:
    """Return what the lines of the chart are, in the order in which they are drawn."""
    many = any(min(bucket.values) < max(bucket.values) for bucket in points)
    low, high = min(min(bucket.values) for bucket in points), max(max(bucket.values) for bucket in points)
    told = ["dark blue: the highest of each point, light blue: the lowest"] if many else ["blue: the value"]
    for colour, name, limit in (("red", "hard", series.hard), ("orange", "soft", series.soft)):
        if limit is not None:
            shown = f"{name} limit {_quantity(limit, series.unit)}"
            told.append(f"{colour}: {shown}" if _is_near(limit, low, high) else f"the {shown} is far outside the chart")
    if gaps:
        told.append("points without any value are left out")
    return f"<sub>{inert('; '.join(told))}</sub>"


def _numbers(series: Series) -> str:
    rows = [
        (bucket.label, *_spread(bucket.values), str(bucket.missing or ""))
        for bucket in buckets(series.numbers, series.values, _MOST_ROWS)
    ]
    unit = f" ({inert(series.unit, 40)})" if series.unit else ""
    head = ("iterations", f"lowest{unit}", f"median{unit}", f"highest{unit}", "missing")
    return details("the numbers", table(head, rows, right=(1, 2, 3, 4)))


def _spread(values: Sequence[float]) -> tuple[str, str, str]:
    if not values:
        return "", "", ""
    # The low median is a value that was measured, and never the sum of two huge ones.
    low, middle, high = map(format_number, (min(values), median_low(values), max(values)))
    return low, middle, high


def _is_near(limit: float, bottom: float, top: float) -> bool:
    """Whether a chart that shows the limit, too, still shows the course of the values."""
    reach = max(top / 2 - bottom / 2, abs(top) / 8, abs(bottom) / 8)
    return bottom / 2 - 2 * reach <= limit / 2 <= top / 2 + 2 * reach


@dataclass(frozen=True)
class _Scale:
    """The power of ten that the numbers of a chart are divided by: mermaid reads no exponents."""

    exponent: int

    @classmethod
    def of(cls, largest: float) -> Self:
        """Return the scale for numbers of which `largest` is the largest without its sign."""
        if largest == 0 or _SCALED_BELOW <= largest < _SCALED_FROM:
            return cls(0)
        return cls(math.floor(math.log10(largest) / 3) * 3)

    @property
    def label(self) -> str:
        """What the numbers are to be multiplied by, as text; empty when that is 1."""
        return f"x 10^{self.exponent}" if self.exponent else ""

    def apply(self, value: float) -> float:
        """Return the number as it is drawn; whole powers of ten keep it exact enough at both ends of the range."""
        return float(Decimal(value).scaleb(-self.exponent)) if self.exponent else value


def _decimal(value: float) -> str:
    """Return a number with at most six decimals and without an exponent."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _safe(text: str, most: int) -> str:
    """Return text of others for a place between double quotes of a chart, without what has a meaning there."""
    kept = "".join(mark if mark.isalnum() or mark in _SAFE_IN_CHART else " " for mark in text)
    return one_line(re.sub("%+", "%", kept), most)


def _quantity(value: float, unit: str | None) -> str:
    return f"{format_number(value)} {unit}" if unit else format_number(value)
