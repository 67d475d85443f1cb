"""How the gates of a pull request differ from those of its base branch, as Markdown."""

from __future__ import annotations

from typing import Any

from soak_action import canonical
from soak_action.base_branch import Comparison
from soak_action.report.markdown import code, inert, table

_MOST_ROWS = 50
_CHANGES = {"loosened": "\u26a0\ufe0f", "changed": "\u2753", "tightened": "\u2705"}


def gates_markdown(comparison: Comparison | None) -> str:
    """Return which gates differ from the base branch, the looser ones first; nothing when nobody asked."""
    if comparison is None:
        return ""
    if comparison.note is not None:
        return f"<sub>Gates were not compared with the base branch: {inert(comparison.note)}.</sub>"
    if not comparison.changes:
        return "No gate, limit or lock differs from the base branch."
    rows = [
        (
            f"{_CHANGES[change.direction]} {change.direction}",
            code(change.key, 120),
            "" if change.before is None else code(_told(change.before), 120),
            "" if change.after is None else code(_told(change.after), 120),
        )
        for change in comparison.changes[:_MOST_ROWS]
    ]
    left = len(comparison.changes) - _MOST_ROWS
    more = f"\n\nand {left} more" if left > 0 else ""
    head = ("gate", "key", "base branch", "here")
    return f"## Gates against the base branch\n\n{table(head, rows)}{more}"


def _told(value: Any) -> str:
    return value if isinstance(value, str) else canonical.compact(value)
