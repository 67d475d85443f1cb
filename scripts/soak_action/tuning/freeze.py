"""Parameters that are kept as they are, once iterations in a row have met a condition with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from soak_action.config.model import Freeze


@dataclass(frozen=True)
class Frozen:
    """A freeze of `parameters` from the iteration `since` to the iteration `until`, both included.

    `signature` is the state hash of the stable iterations that led to it.
    """

    parameters: tuple[str, ...]
    since: int
    until: int
    signature: str

    def to_dict(self) -> dict[str, Any]:
        """The freeze as it stands in the record of an iteration."""
        return {
            "parameters": list(self.parameters),
            "since": self.since,
            "until": self.until,
            "signature": self.signature,
        }


@dataclass(frozen=True)
class Freezing:
    """How far a run is on its way to a freeze: so many iterations in a row were stable with one state; or the freeze.

    `signature` is the hash of that state, None when the last iteration was not stable.
    """

    stable: int = 0
    signature: str | None = None
    frozen: Frozen | None = None

    def frozen_in(self, iteration: int) -> Frozen | None:
        """Return the freeze that is in force in `iteration`, which is still to come; None when there is none."""
        frozen = self.frozen
        return frozen if frozen is not None and frozen.since <= iteration <= frozen.until else None


@dataclass(frozen=True)
class Seen:
    """What an iteration was like: whether it met the condition, whether a KPI lay beyond its hard limit, its state."""

    iteration: int
    meets: bool
    breaches: bool
    state_hash: str


def following(freezing: Freezing, freeze: Freeze, seen: Seen) -> Freezing:
    """Return what follows from one more iteration.

    A breach thaws at once and is never stable. After a thaw or the hold the counting begins anew, behind the last
    iteration of the freeze.
    """
    if seen.breaches:
        return Freezing()
    if freezing.frozen is not None:
        return freezing if seen.iteration < freezing.frozen.until else Freezing()
    if not seen.meets:
        return Freezing()
    stable = freezing.stable + 1 if seen.state_hash == freezing.signature else 1
    if stable < freeze.after:
        return Freezing(stable, seen.state_hash)
    until = seen.iteration + freeze.hold
    return Freezing(frozen=Frozen(freeze.parameters, seen.iteration + 1, until, seen.state_hash))
