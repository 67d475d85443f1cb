"""Words about parameters that the parts of a summary share; all of them are Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from soak_action.report.markdown import code, inert
from soak_action.tuning.candidate import written

_MOST_TOLD = 8


def named(parameter: str) -> str:
    """Return the name of a parameter."""
    return code(parameter, 80)


def held(value: float, unit: str | None) -> str:
    """Return a value with all its digits and its unit."""
    return f"{written(value)} {inert(unit, 40)}" if unit else written(value)


def moved(before: float, after: float, unit: str | None) -> str:
    """Return a change from one value to another, as in ``70 → 75 ms``."""
    return f"{written(before)} → {held(after, unit)}"


def iterations(first: int, last: int) -> str:
    """Return which iterations, as in ``5-17``."""
    return str(first) if first == last else f"{first}-{last}"


def listed(texts: Sequence[str]) -> str:
    """Return the first ones of some texts, and how many there are beyond them."""
    more = [f"and {len(texts) - _MOST_TOLD} more"] if len(texts) > _MOST_TOLD else []
    return ", ".join([*texts[:_MOST_TOLD], *more])
