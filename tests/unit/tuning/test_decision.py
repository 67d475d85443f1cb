"""A decision comes back from its record as it was."""

from __future__ import annotations

from tests.unit.tuning.building import RATIO, Told, change, recorded, target

from soak_action.config.model import Guards
from soak_action.tuning.decision import decision_of, proposal_of


def test_a_decision_is_recorded_and_read_again() -> None:
    told = Told(RATIO, guards=Guards(warmup=1))
    decisions = told.iterate(change(0.01, RATIO), target(0.09, RATIO), target(7, RATIO))
    decisions += told.iterate(change(0.01, RATIO))
    for decision in decisions:
        record = recorded(decision.to_dict())
        assert decision_of(record) == decision
        assert list(decision_of(record).reasons) == list(decision.reasons) == record["reasons"]
        assert proposal_of(record) == decision.proposal


def test_the_first_reason_is_the_reason() -> None:
    told = Told(RATIO, guards=Guards(warmup=1))
    first, second = (decision.to_dict() for decision in told.iterate(change(0, RATIO), change(0, RATIO)))
    assert (first["reason"], first["reasons"]) == ("warmup", ["warmup", "no_op"])
    assert (second["reason"], second["reasons"]) == ("conflict", ["conflict", "warmup", "no_op"])
    assert told.iterate(change(0.01, RATIO))[0].to_dict()["reason"] is None
