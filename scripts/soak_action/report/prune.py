"""A prune as people and programs read it: the plan, always in the same words, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from soak_action.canonical import storable_text
from soak_action.retention.github_artifacts import ArtifactOutcome, ArtifactPrune
from soak_action.retention.local import Outcome, Prune
from soak_action.retention.policy import Decision, Plan
from soak_action.units import counted, format_size

_ORDER = ("delete", "compress", "keep")


def place_of(prune: Prune | ArtifactPrune) -> str:
    """Return where it is that a prune is about."""
    if isinstance(prune, ArtifactPrune):
        return f"artifacts of {prune.repository.name}"
    return str(prune.inventory.root)


def plan_lines(prune: Prune | ArtifactPrune) -> Iterator[str]:
    """Yield what is to become of one place: what is odd, every decision with its reasons, and the sums."""
    plan = prune.plan
    limit = "" if prune.policy.max_total is None else f" of {format_size(prune.policy.max_total)} allowed"
    items = counted(len(plan.decisions), "item")
    yield _one_line(f"{place_of(prune)}: {items}, {format_size(plan.bytes_before)}{limit}")
    for note in notes_of(prune):
        yield _one_line(f"  note      {note}")
    if isinstance(prune, Prune) and prune.inventory.leftovers:
        yield f"  trash     {counted(len(prune.inventory.leftovers), 'leftover')} of a killed prune"
    for operation in _ORDER:
        for decision in plan.decisions:
            if decision.operation == operation:
                yield _one_line(f"  {operation:<8}  {_told(decision)}")
    for text in _sums(plan):
        yield f"  {text}"


def notes_of(prune: Prune | ArtifactPrune) -> Sequence[str]:
    """Return what is odd about a place, in sentences."""
    return prune.notes if isinstance(prune, ArtifactPrune) else prune.inventory.notes


def outcome_lines(outcome: Outcome) -> Iterator[str]:
    """Yield what came of a plan: what was skipped and why, and the sums."""
    for skipped in outcome.skipped:
        yield _one_line(f"  skipped   {skipped.id}: {skipped.reason}")
    if isinstance(outcome, ArtifactOutcome) and outcome.already_gone:
        yield f"  gone      {counted(outcome.already_gone, 'artifact')} already, before it could be deleted"
    if isinstance(outcome, ArtifactOutcome) and outcome.left_out:
        yield f"  left out  {counted(outcome.left_out, 'item')}, for the next time"
    freed = format_size(outcome.freed_bytes)
    yield f"  done: compressed {outcome.compressed}, deleted {outcome.deleted}, freed {freed}"


def document(prunes: Sequence[Prune | ArtifactPrune], outcomes: Sequence[Outcome] | None) -> dict[str, Any]:
    """Return what ``soak prune --json`` prints; nothing was done when there are no `outcomes`."""
    plans = [prune.plan for prune in prunes]
    return {
        "kept": sum(len(plan.of("keep")) for plan in plans),
        "compressed": sum(len(plan.of("compress")) for plan in plans),
        "deleted": sum(len(plan.of("delete")) for plan in plans),
        "freed_bytes": sum(plan.bytes_before - plan.bytes_after for plan in plans),
        "protected": sum(decision.is_protected for plan in plans for decision in plan.decisions),
        "over_budget": sum(plan.over_budget for plan in plans),
        "plan": [
            {"root": storable_text(place_of(prune)), **decision.to_dict()}
            for prune in prunes
            for decision in prune.plan.decisions
        ],
        "roots": [_root(prune) for prune in prunes],
        "outcome": None if outcomes is None else _sum_of(outcomes),
    }


def _root(prune: Prune | ArtifactPrune) -> dict[str, Any]:
    return {
        "path": storable_text(place_of(prune)),
        "bytes_before": prune.plan.bytes_before,
        "bytes_after": prune.plan.bytes_after,
        "over_budget": prune.plan.over_budget,
        "leftovers": len(prune.inventory.leftovers) if isinstance(prune, Prune) else 0,
        "notes": list(notes_of(prune)),
        "policy_digest": prune.policy_digest,
    }


def _sum_of(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    return {
        "compressed": sum(outcome.compressed for outcome in outcomes),
        "deleted": sum(outcome.deleted for outcome in outcomes),
        "freed_bytes": sum(outcome.freed_bytes for outcome in outcomes),
        "skipped": [
            {"id": storable_text(skipped.id), "reason": storable_text(skipped.reason)}
            for outcome in outcomes
            for skipped in outcome.skipped
        ],
        "left_out": sum(outcome.left_out for outcome in outcomes if isinstance(outcome, ArtifactOutcome)),
    }


def _told(decision: Decision) -> str:
    item = decision.item
    group = "" if item.group is None else f"  {item.group}"
    size = format_size(item.bytes)
    if decision.operation == "compress":
        size = f"{size} -> {format_size(decision.bytes_after)}"
    return f"{item.id}{group}  {size}  {'; '.join(decision.reasons)}"


def _sums(plan: Plan) -> Iterator[str]:
    kept, compressed, deleted = (len(plan.of(operation)) for operation in ("keep", "compress", "delete"))
    protected = sum(decision.is_protected for decision in plan.decisions)
    freed = format_size(plan.bytes_before - plan.bytes_after)
    yield f"kept {kept}, compressed {compressed}, deleted {deleted}, protected {protected}, freed {freed}"
    if plan.over_budget:
        yield (
            f"over budget by {format_size(plan.over_budget)}: what is protected takes more than retention.max_total "
            "allows, and is not deleted; raise it, or unpin what is not needed any more"
        )


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
