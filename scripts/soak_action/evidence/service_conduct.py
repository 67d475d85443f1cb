"""How the service of a run went, out of what the records say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from soak_action.evidence.measurements import ServiceConduct
from soak_action.units import format_duration

Record = Mapping[str, Any]


def service_conduct(told: Sequence[tuple[int, Record]], segments: Sequence[Record]) -> ServiceConduct | None:
    """Return how the service went; None when no record tells of one.

    `told` is what the iterations say of it, each with its number. Raises ArithmeticError,
    AttributeError, KeyError, TypeError or ValueError for a misshapen record.
    """
    ends = [(segment["iterations"], segment["service"]) for segment in segments if "service" in segment]
    if not told and not ends:
        return None
    exits = sorted(
        ((number, ended) for number, part in (*told, *ends) for ended in part["exits"]),
        key=lambda told: (told[0], told[1]["start"]),
    )
    return ServiceConduct(
        exits=len(exits),
        first_exit=exits[0][0] if exits else None,
        how=how_it_ended(**{key: exits[0][1][key] for key in ("detail", "seconds", "ready")}) if exits else "",
        not_ready=next((part["not_ready"] for _, part in ends if part["not_ready"] is not None), None),
    )


def how_it_ended(detail: str, seconds: float, *, ready: bool) -> str:
    """Return in words how a start of the service came to its end after so many seconds."""
    after = format_duration(round(seconds, 1))
    return f"{detail} after {after}" + ("" if ready else ", before it was ready")
