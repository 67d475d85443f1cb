"""What a look at the surroundings of a soak found: one sentence about one thing, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from soak_action.canonical import storable_text

Status = Literal["ok", "warning", "problem", "unknown"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `unknown` is what could not be read, `advice` is empty when nothing is to do."""

    id: str
    status: Status
    sentence: str
    advice: str = ""

    def to_dict(self) -> dict[str, str]:
        """The finding as it stands in the JSON document."""
        return {
            "id": self.id,
            "status": self.status,
            "sentence": storable_text(self.sentence),
            "advice": storable_text(self.advice),
        }


def count(findings: Sequence[Finding], status: Status) -> int:
    """Return how many of the findings have this status."""
    return sum(finding.status == status for finding in findings)


def document(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the JSON document; it is ok when there is no problem, whatever is unknown."""
    return {
        "ok": not count(findings, "problem"),
        "problems": count(findings, "problem"),
        "warnings": count(findings, "warning"),
        "unknown": count(findings, "unknown"),
        "findings": [finding.to_dict() for finding in findings],
    }
