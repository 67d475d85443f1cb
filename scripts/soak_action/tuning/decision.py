"""What the guards made of a proposal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from soak_action.tuning.proposal import Proposal

Outcome = Literal["applied", "suppressed", "no_op"]


@dataclass(frozen=True)
class Decision:
    """A proposal before iteration `iteration`, and what became of it.

    `offset_seconds` is the soak time of the decision, `before` the value that held then and `to` the candidate that was
    judged, None when there was none. `reasons` says for each guard that held why, in the order of the guards; the first
    is the reason. The state hashes are those of all parameters before and after.
    """

    iteration: int
    offset_seconds: float
    proposal: Proposal
    before: float
    to: float | None
    outcome: Outcome
    reasons: Mapping[str, str]
    state_hash_before: str
    state_hash_after: str

    def to_dict(self) -> dict[str, Any]:
        """The decision as it stands in decisions.jsonl and in the record of its iteration."""
        proposal = self.proposal
        return {
            "iteration": self.iteration,
            "offset_seconds": self.offset_seconds,
            "parameter": proposal.parameter,
            "kind": proposal.kind,
            "requested": proposal.requested,
            "source": proposal.source,
            "because": proposal.because,
            "from": self.before,
            "to": self.to,
            "outcome": self.outcome,
            "reason": next(iter(self.reasons), None),
            "reasons": list(self.reasons),
            "details": dict(self.reasons),
            "state_hash_before": self.state_hash_before,
            "state_hash_after": self.state_hash_after,
        }


def proposal_of(record: Mapping[str, Any]) -> Proposal:
    """Return the proposal that a recorded decision was about."""
    return Proposal(record["parameter"], record["kind"], record["requested"], record["source"], record["because"])


def decision_of(record: Mapping[str, Any]) -> Decision:
    """Return the decision that was recorded: the inverse of Decision.to_dict."""
    return Decision(
        *(record["iteration"], record["offset_seconds"], proposal_of(record), record["from"], record["to"]),
        outcome=record["outcome"],
        reasons={guard: record["details"][guard] for guard in record["reasons"]},
        state_hash_before=record["state_hash_before"],
        state_hash_after=record["state_hash_after"],
    )
