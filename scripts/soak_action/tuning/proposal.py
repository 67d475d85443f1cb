"""A wanted change of a parameter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["change", "target"]


@dataclass(frozen=True)
class Proposal:
    """What somebody wants of a parameter: to be moved by `requested` (change), or to that value (target).

    `source` says who proposes, such as ``rule 2`` or ``command``, and `because` why, in one line for people.
    """

    parameter: str
    kind: Kind
    requested: float
    source: str
    because: str
