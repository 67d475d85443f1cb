"""What retention kept, compressed and deleted, and why, as Markdown for the page of a job."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from soak_action.report.markdown import code, details, fitting, in_html, inert, table
from soak_action.retention.github_artifacts import ArtifactOutcome
from soak_action.retention.local import Outcome
from soak_action.retention.policy import Decision, Operation, Plan
from soak_action.units import counted, format_size

_MOST_ROWS = 300
_MOST_REASONS = 40
_MOST_TOLD = 100
_COUNTING = re.compile(r"(keep_[a-z]+) .*")
_OPERATIONS: tuple[Operation, ...] = ("delete", "compress", "keep")
_WORDS = {"delete": "deleted", "compress": "compressed", "keep": "kept"}


@dataclass(frozen=True)
class Pruned:
    """A plan about one place and what came of it; there is no `outcome` when nothing was done.

    `notes` are sentences about what was left alone.
    """

    place: str
    plan: Plan
    outcome: Outcome | None = None
    notes: Sequence[str] = ()

    @property
    def is_dry_run(self) -> bool:
        """Whether nothing was done."""
        return self.outcome is None

    @property
    def shown(self) -> tuple[int, int, int]:
        """How many items are compressed and deleted, and the bytes that this frees: as planned, or as it came."""
        if self.outcome is not None:
            return self.outcome.compressed, self.outcome.deleted, self.outcome.freed_bytes
        plan = self.plan
        return len(plan.of("compress")), len(plan.of("delete")), plan.bytes_before - plan.bytes_after

    def told(self, *, failures: bool) -> list[str]:
        """Return what could not be done, or else what was left alone, in sentences that begin with the place."""
        skipped = () if self.outcome is None else self.outcome.skipped
        found = [f"{each.id}: {each.reason}" for each in skipped if each.is_failure is failures]
        found += () if failures else self.notes
        if isinstance(self.outcome, ArtifactOutcome):
            left, gone = self.outcome.left_out, self.outcome.already_gone
            found += [f"{counted(left, 'item')} left out, for the next time"] if failures and left else []
            found += [f"{counted(gone, 'artifact')} gone already"] if gone and not failures else []
        return [f"{self.place}: {sentence}" for sentence in found]

    @property
    def kept(self) -> int:
        """How many items are there afterwards, the compressed ones among them."""
        return len(self.plan.decisions) - self.shown[1]

    @property
    def protected(self) -> list[Decision]:
        """What no limit may delete."""
        return [decision for decision in self.plan.decisions if decision.is_protected]

    @property
    def over_limit(self) -> list[str]:
        """What to say when the limit does not hold; nothing when it does."""
        if not self.plan.over_budget:
            return []
        size = sum(decision.bytes_after for decision in self.protected)
        over = f"{format_size(self.plan.over_budget)} over retention.max_total"
        return [f"{self.place}: {over}, for what is protected takes {format_size(size)} and is never deleted"]


def retention_markdown(parts: Sequence[Pruned]) -> str:
    """Return what became of each place in a table, what went wrong, the reasons counted, and every item."""
    problems = [problem for part in parts for problem in part.told(failures=True)]
    page = {
        "headline": _headline(parts, len(problems)),
        "what is wrong": _listed("\u274c", problems)
        + _listed("\u26a0\ufe0f", [each for part in parts for each in part.over_limit]),
        "table": _table(parts),
        "notes": _listed("\u2139\ufe0f", [note for part in parts for note in part.told(failures=False)]),
        "why": _reasons(parts),
    }
    for part in parts:
        page[part.place] = details(in_html(f"Every item: {part.place}", 120), _items(part))
    return fitting({name: text for name, text in page.items() if text})


def _headline(parts: Sequence[Pruned], problems: int) -> str:
    deleted = sum(part.shown[1] for part in parts)
    freed = format_size(sum(part.shown[2] for part in parts))
    if problems:
        return f"# \u274c Retention: {counted(problems, 'problem')}, {counted(deleted, 'item')} deleted, {freed} freed"
    if any(part.plan.over_budget for part in parts):
        return f"# \u274c Retention: over the limit, {counted(deleted, 'item')} deleted, {freed} freed"
    if parts and all(part.is_dry_run for part in parts):
        return f"# \U0001f50d Retention, a dry run: {counted(deleted, 'item')} to delete, {freed} to free"
    return f"# \u2705 Retention: {counted(deleted, 'item')} deleted, {freed} freed"


def _table(parts: Sequence[Pruned]) -> str:
    head = ("where", "kept", "compressed", "deleted", "freed", "protected", "over the limit", "size before", "after")
    return table(head, [_row(part) for part in parts], right=range(1, len(head)))


def _row(part: Pruned) -> tuple[str, ...]:
    compressed, deleted, freed = part.shown
    over = part.plan.over_budget
    return (
        f"{code(part.place, 120)}{' (dry run)' if part.is_dry_run else ''}",
        str(part.kept),
        str(compressed),
        str(deleted),
        format_size(freed),
        str(len(part.protected)),
        format_size(over) if over else "",
        format_size(part.plan.bytes_before),
        format_size(part.plan.bytes_before - freed),
    )


def _listed(sign: str, sentences: Sequence[str]) -> str:
    lines = [f"- {sign} {inert(sentence, 600)}\n" for sentence in sentences[:_MOST_TOLD]]
    more = f"- and {len(sentences) - _MOST_TOLD} more\n" if len(sentences) > _MOST_TOLD else ""
    return "".join(lines) + more


def _reasons(parts: Sequence[Pruned]) -> str:
    """Return how many items there are for each reason; an item with several counts for each of them."""
    found: dict[tuple[Operation, str], list[Decision]] = {}
    for part in parts:
        for decision in part.plan.decisions:
            for reason in dict.fromkeys(_COUNTING.sub(r"\1", reason) for reason in decision.reasons):
                found.setdefault((decision.operation, reason), []).append(decision)
    rows = [
        (
            _WORDS[operation],
            inert(reason),
            str(len(found[key])),
            format_size(sum(each.item.bytes for each in found[key])),
        )
        for operation in _OPERATIONS
        for key in found
        if key[0] == operation
        for reason in (key[1],)
    ]
    if not rows:
        return ""
    more = f"\n\nand {len(rows) - _MOST_REASONS} more reasons" if len(rows) > _MOST_REASONS else ""
    return f"### Why\n\n{table(('planned', 'because', 'items', 'size'), rows[:_MOST_REASONS], right=(2, 3))}{more}"


def _items(part: Pruned) -> str:
    """Return a table of the decisions, what is deleted first."""
    decisions = [decision for operation in _OPERATIONS for decision in part.plan.of(operation)]
    rows = [
        (
            _WORDS[decision.operation],
            code(decision.item.id, 160),
            inert(str(decision.item.group or decision.item.kind), 160),
            format_size(decision.item.bytes),
            inert("; ".join(decision.reasons), 400),
        )
        for decision in decisions[:_MOST_ROWS]
    ]
    more = f"\n\nand {len(decisions) - _MOST_ROWS} more items" if len(decisions) > _MOST_ROWS else ""
    return table(("planned", "item", "group", "size", "because"), rows, right=(3,)) + more
