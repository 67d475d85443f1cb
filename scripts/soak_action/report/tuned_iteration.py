"""An iteration as the story of the parameters needs it, out of a record that nobody has checked yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from soak_action.tuning.decision import Decision, decision_of

OUTCOMES = ("applied", "suppressed", "no_op")


@dataclass(frozen=True)
class Freeze:
    """Parameters that are frozen from one iteration to another, and the state hash that they are kept at."""

    parameters: tuple[str, ...]
    since: int
    until: int
    signature: str


@dataclass(frozen=True)
class TunedIteration:
    """An iteration: the parameters that it ran with, what was decided before it, and the freeze in force, if any."""

    number: int
    parameters: Mapping[str, float]
    state_hash: str
    decisions: tuple[Decision, ...]
    freeze: Freeze | None
    kpis: Mapping[str, float]

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        """Return what a record says.

        Raises AttributeError, KeyError, OverflowError, TypeError or ValueError for one that has another shape.
        """
        frozen = record["frozen"]
        return cls(
            number=_whole(record["iteration"]),
            parameters={_text(name): _number(value) for name, value in record["parameters"].items()},
            state_hash=_text(record["state_hash"]),
            decisions=tuple(map(_decision, record["decisions"])),
            freeze=None if frozen is None else _freeze(frozen),
            kpis={_text(name): _number(value) for name, value in record["kpis"].items()},
        )


def _freeze(frozen: Mapping[str, Any]) -> Freeze:
    names = tuple(map(_text, frozen["parameters"]))
    return Freeze(names, _whole(frozen["since"]), _whole(frozen["until"]), _text(frozen["signature"]))


def _decision(record: Mapping[str, Any]) -> Decision:
    found = decision_of(record)
    proposal = found.proposal
    for text in (proposal.parameter, proposal.source, proposal.because, *found.reasons, *found.reasons.values()):
        _text(text)
    for number in (found.offset_seconds, proposal.requested, found.before, 0 if found.to is None else found.to):
        _number(number)
    if found.outcome not in OUTCOMES or proposal.kind not in ("change", "target"):
        raise ValueError
    return found


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _whole(value: object) -> int:
    if type(value) is not int:
        raise TypeError
    return value


def _number(value: object) -> float:
    if type(value) is not int and type(value) is not float:
        raise TypeError
    float(value)  # an integer may be too large to be shown
    return value
