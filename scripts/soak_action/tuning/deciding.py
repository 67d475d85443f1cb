"""What becomes of proposals: the guards are asked about one after the other."""

from __future__ import annotations

from collections.abc import Iterable

from soak_action import canonical
from soak_action.tuning.candidate import candidate_of
from soak_action.tuning.case import Case
from soak_action.tuning.decision import Decision, Outcome
from soak_action.tuning.guards import reasons_of
from soak_action.tuning.memory import Memory
from soak_action.tuning.proposal import Proposal


def decide(proposals: Iterable[Proposal], memory: Memory, iteration: int, now: float) -> list[Decision]:
    """Return the decisions before `iteration`, at the soak time `now` in seconds; `memory` is not changed by them.

    An applied one changes the state for those after it. Every proposal must be for a parameter of `memory` and request
    a finite number. Raises OutOfBoundsError when the value in force of such a parameter is out of its bounds.
    """
    pasts, state = memory.pasts, memory.state
    frozen = memory.freezing.frozen_in(iteration)
    first: dict[str, Proposal] = {}
    decisions = []
    after = canonical.digest(state)
    for proposal in proposals:
        name, before = proposal.parameter, after
        parameter, past = memory.parameters[name], pasts[name]
        candidate = candidate_of(parameter, past.current, proposal)
        judged = (proposal, parameter, memory.guards, iteration, now, past, candidate)
        reasons = reasons_of(Case(*judged, earlier=first.get(name), frozen=frozen))
        first.setdefault(name, proposal)
        if candidate.value is not None and not reasons:
            pasts[name] = past.moved(parameter, memory.guards, candidate.value, iteration, now)
            state[name] = candidate.value
            after = canonical.digest(state)
        decisions.append(
            Decision(
                *(iteration, now, proposal, past.current, candidate.value),
                outcome=_outcome(reasons),
                reasons=reasons,
                state_hash_before=before,
                state_hash_after=after,
            )
        )
    return decisions


def _outcome(reasons: dict[str, str]) -> Outcome:
    if not reasons:
        return "applied"
    return "no_op" if list(reasons) == ["no_op"] else "suppressed"
