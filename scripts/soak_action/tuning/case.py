"""Everything that a guard looks at, as one value."""

from __future__ import annotations

from dataclasses import dataclass

from soak_action.config.model import Guards, Parameter
from soak_action.tuning.candidate import Candidate, written
from soak_action.tuning.freeze import Frozen
from soak_action.tuning.past import Past
from soak_action.tuning.proposal import Proposal


@dataclass(frozen=True)
class Case:
    """A proposal before `iteration`, at the soak time `now` in seconds, and what it is judged by.

    `earlier` is the first proposal for the same parameter before this iteration, `frozen` the freeze in force in it.
    """

    proposal: Proposal
    parameter: Parameter
    guards: Guards
    iteration: int
    now: float
    past: Past
    candidate: Candidate
    earlier: Proposal | None = None
    frozen: Frozen | None = None

    @property
    def current(self) -> float:
        """The value in force."""
        return self.past.current

    @property
    def new_value(self) -> float | None:
        """The value that the parameter would move to, None when it would not move."""
        value = self.candidate.value
        return None if value == self.current else value

    def quantity(self, value: float) -> str:
        """Return a number with the parameter's unit."""
        return written(value, self.parameter.unit)
