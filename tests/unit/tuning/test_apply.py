"""Decisions are applied once, on record first, and whatever is on record is in the file in the end."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from soak_action import files
from soak_action.config.model import Parameter, Parameters
from soak_action.errors import EvidenceError, SurroundingsError, UsageError
from soak_action.evidence.documents import schema_check
from soak_action.evidence.ledger import DECISIONS, Chain, Ledger
from soak_action.tuning.apply import ALREADY_APPLIED, Applier
from soak_action.tuning.decision import Decision
from soak_action.tuning.parameters import ParametersFile, state_hash
from soak_action.tuning.proposal import Proposal

GENESIS = "0" * 64
DECLARED = Parameters(
    "soak.params.json", (Parameter("size", 70, 40, 80, is_integer=True), Parameter("ratio", 0.5, 0.0, 1.0))
)
VALUES = {"size": 70, "ratio": 0.5}


def decided(values, parameter, to, *, iteration=1, kind="change", outcome="applied", reasons=None):
    """A decision to move a parameter from where it stands in `values`."""
    before = values[parameter]
    after = {**values, parameter: to} if outcome == "applied" else values
    requested = to - before if kind == "change" else to
    return Decision(
        iteration=iteration,
        offset_seconds=1.5,
        proposal=Proposal(parameter, kind, requested, "rule 1", "x > 1"),
        before=before,
        to=to,
        outcome=outcome,
        reasons=reasons or {},
        state_hash_before=state_hash(values),
        state_hash_after=state_hash(after),
    )


class World:
    """A parameters file and the directory of a run."""

    def __init__(self, folder: Path) -> None:
        self.run = folder / "run"
        self.run.mkdir()
        self.path = folder / "soak.params.json"
        self.file = ParametersFile(self.path, DECLARED)
        self.file.create(VALUES)

    @contextmanager
    def applier(self):
        chain = self.chain()
        with Ledger(self.run, chain.head) as ledger:
            yield Applier(self.file, ledger, self.run, 1, chain.pending_decisions)

    def chain(self) -> Chain:
        chain = Chain(self.run, GENESIS)
        assert list(chain.records()) == []
        assert chain.problems == []
        return chain

    def outcomes(self) -> list[str]:
        return [record["outcome"] for record in self.chain().pending_decisions]

    def values(self) -> dict[str, float]:
        """What the file holds, having checked that the snapshot does so too."""
        values = json.loads(self.path.read_bytes())
        assert json.loads((self.run / "params.json").read_bytes()) == values
        return values

    def state(self) -> tuple[bytes, int, int]:
        status = self.path.stat()
        return self.path.read_bytes(), status.st_mtime_ns, status.st_ino


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_a_decision_is_recorded_applied_and_in_the_snapshot(world):
    decision = decided(VALUES, "size", 75)
    with world.applier() as applier:
        assert applier.apply(decision) == [decision]
        assert applier.held == world.file.read()
    assert world.values() == {"size": 75, "ratio": 0.5}
    (record,) = world.chain().pending_decisions
    assert {key: record[key] for key in decision.to_dict()} == decision.to_dict()
    assert record["segment"] == 1
    assert list(schema_check("decision")(record, DECISIONS)) == []


@pytest.mark.parametrize("is_new", [False, True])
def test_the_same_decision_a_hundred_times_is_one_change(world, is_new):
    decision = decided(VALUES, "size", 75)
    with world.applier() as applier:
        applier.apply(decision)
    before = world.state()
    with world.applier() as applier:
        pass
    with world.applier() as applier:
        for _ in range(99):
            pending = world.chain().pending_decisions
            used = Applier(world.file, applier._ledger, world.run, 1, pending) if is_new else applier
            (repeated,) = used.apply(replace(decision, offset_seconds=9.0))
            assert (repeated.outcome, list(repeated.reasons)) == ("no_op", [ALREADY_APPLIED])
    assert world.state() == before
    assert world.outcomes() == ["applied", *["no_op"] * 99]
    records = world.chain().pending_decisions
    assert {record["state_hash_after"] for record in records} == {decision.state_hash_after}
    assert {record["state_hash_before"] for record in records[1:]} == {decision.state_hash_after}
    assert {(record["from"], record["to"]) for record in records[1:]} == {(75, 75)}
    assert list(schema_check("decision")(records[1], DECISIONS)) == []


def test_a_second_step_of_the_same_size_is_no_repetition_trap_40(world):
    with world.applier() as applier:
        applier.apply(decided(VALUES, "size", 75, iteration=2))
        second = decided({**VALUES, "size": 75}, "size", 80, iteration=3)
        assert applier.apply(second)[0].outcome == "applied"
        assert applier.apply(second)[0].outcome == "no_op"
    assert world.values()["size"] == 80


def test_a_second_step_within_one_iteration_is_no_repetition_trap_40(world):
    with world.applier() as applier:
        first, second = decided(VALUES, "size", 75), decided({**VALUES, "size": 75}, "size", 80)
        assert first.proposal == second.proposal
        assert [applier.apply(decision)[0].outcome for decision in (first, second, first, second)] == [
            *("applied", "applied", "no_op", "no_op")
        ]
    assert world.values()["size"] == 80


def test_the_same_step_again_after_it_was_taken_back_is_no_repetition_trap_40(world):
    moved = {**VALUES, "size": 75}
    with world.applier() as applier:
        for iteration, (values, to) in enumerate([(VALUES, 75), (moved, 70), (VALUES, 75)], 2):
            assert applier.apply(decided(values, "size", to, iteration=iteration))[0].outcome == "applied"
    assert world.values() == moved


def test_a_target_and_a_change_to_the_same_value_are_two_decisions(world):
    with world.applier() as applier:
        applier.apply(decided(VALUES, "size", 75))
        with pytest.raises(ValueError, match="was made for other values than hold now"):
            applier.apply(decided(VALUES, "size", 75, kind="target"))
    assert world.outcomes() == ["applied"]


@pytest.mark.parametrize(("outcome", "reason"), [("suppressed", "velocity"), ("no_op", "no_op")])
def test_what_is_not_to_be_applied_is_only_recorded(world, outcome, reason):
    decision = decided(VALUES, "size", 75, outcome=outcome, reasons={reason: "so"})
    before = world.state()
    with world.applier() as applier:
        assert [applier.apply(decision) for _ in range(3)] == [[decision]] * 3
    assert world.state() == before
    assert world.outcomes() == [outcome] * 3


def test_a_decision_of_an_earlier_iteration_comes_too_late_trap_27(world):
    with world.applier() as applier:
        applier.apply(decided(VALUES, "size", 75, iteration=3))
        with pytest.raises(ValueError, match="for iteration 2 came after one for 3"):
            applier.apply(decided({**VALUES, "size": 75}, "size", 80, iteration=2))
    assert world.values()["size"] == 75


def test_a_decision_made_for_other_values_is_not_applied_trap_27(world):
    other = {**VALUES, "ratio": 0.75}
    with world.applier() as applier, pytest.raises(ValueError, match="was made for other values than hold now"):
        applier.apply(decided(other, "size", 75))
    assert world.values() == VALUES
    assert world.outcomes() == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"to": None}, "has no value to apply"),
        ({"to": 76}, "leads to other values than it says"),
        ({"to": 81}, "81 is outside of what soak.yaml allows"),
        ({"to": 70.5}, "expected a whole number"),
    ],
)
def test_a_decision_that_contradicts_itself_is_not_applied(world, change, message):
    decision = replace(decided(VALUES, "size", 75), **change)
    with world.applier() as applier, pytest.raises(ValueError, match=message):
        applier.apply(decision)
    assert world.values() == VALUES
    assert world.outcomes() == []


def test_the_memory_is_that_of_one_iteration(world):
    values = dict(VALUES)
    with world.applier() as applier:
        for iteration in range(2, 40):
            to = 75 if values["size"] == 70 else 70
            applier.apply(decided(values, "size", to, iteration=iteration))
            values["size"] = to
            assert len(applier._applied) == 1


def test_an_edit_from_outside_stops_before_anything_is_recorded(world):
    with world.applier() as applier:
        world.path.write_text('{"size": 71, "ratio": 0.5}', "utf-8")
        with pytest.raises(EvidenceError, match="was changed by somebody else"):
            applier.apply(decided(VALUES, "size", 75))
    assert world.outcomes() == []
    assert json.loads(world.path.read_bytes())["size"] == 71


@pytest.mark.parametrize("harm", ["removed", "nonsense"])
def test_a_file_that_is_not_as_it_should_be_is_refused_at_the_beginning(world, harm):
    world.path.unlink()
    if harm == "nonsense":
        world.path.write_bytes(b"[]")
    with pytest.raises(UsageError), world.applier():
        pytest.fail("it began")


def test_the_decisions_of_an_iteration_are_recorded_and_applied_all_at_once(world):
    first = decided(VALUES, "size", 75)
    other = decided({**VALUES, "size": 75}, "ratio", 0.75, outcome="suppressed", reasons={"velocity": "so"})
    second = decided({**VALUES, "size": 75}, "ratio", 0.25)
    seen: list[str] = []
    with world.applier() as applier:
        end = files.observe(seen.append)
        told = applier.apply(first, other, second, first)
        end()
        assert told[:3] == [first, other, second]
        assert told[3].reasons.keys() == {ALREADY_APPLIED}
        assert applier.apply() == []
    assert world.values() == {"size": 75, "ratio": 0.25}
    assert world.outcomes() == ["applied", "suppressed", "applied", "no_op"]
    assert [seen.count(step) for step in ("append:written", "params:decided", "params:read-back")] == [1, 1, 1]


def test_none_of_several_decisions_is_recorded_when_one_does_not_fit(world):
    with world.applier() as applier, pytest.raises(ValueError, match="was made for other values"):
        applier.apply(decided(VALUES, "size", 75), decided(VALUES, "ratio", 0.25))
    assert world.values() == VALUES
    assert world.outcomes() == []


# What was interrupted


class Stop(BaseException):
    """Ends the process's work at a step, as a kill would."""


@contextmanager
def stopping_at(name):
    """Raise Stop at a step of writing."""

    def reach(step: str) -> None:
        if step == name:
            raise Stop

    end = files.observe(reach)
    try:
        with pytest.raises(Stop):
            yield
    finally:
        end()


def test_what_is_on_record_reaches_the_file_with_the_next_applier(world):
    first, second = decided(VALUES, "ratio", 0.75), decided({**VALUES, "ratio": 0.75}, "size", 75)
    with world.applier() as applier, stopping_at("params:decided"):
        applier.apply(first)
    assert json.loads(world.path.read_bytes()) == VALUES
    with world.applier() as applier:
        assert world.values() == {"size": 70, "ratio": 0.75}
        with stopping_at("params:decided"):
            applier.apply(second)
    with world.applier() as applier:
        assert world.values() == {"size": 75, "ratio": 0.75}
        before = world.state()
        assert [applier.apply(decision)[0].outcome for decision in (first, second)] == ["no_op", "no_op"]
    assert world.state() == before


def test_what_is_on_record_reaches_the_file_with_the_next_call(world):
    decision = decided(VALUES, "size", 75)
    with world.applier() as applier:
        for step in ("params:decided", "atomic:written"):
            with stopping_at(step):
                applier.apply(decision)
            assert json.loads(world.path.read_bytes()) == VALUES
        # Here the new content is in the file already when the error strikes.
        with stopping_at("atomic:renamed"):
            applier.apply(decision)
        assert applier.apply(decision)[0].outcome == "no_op"
        assert applier.held == world.file.read()
    assert world.values()["size"] == 75
    assert world.outcomes() == ["applied", "no_op"]


def test_what_is_not_on_record_is_not_applied(world):
    decision = decided(VALUES, "size", 75)
    with world.applier() as applier:
        applier._ledger.add_decisions([{"segment": 1, **decided(VALUES, "size", 75, outcome="suppressed").to_dict()}])
        applier._ledger._decisions._write = lambda descriptor, data: 1
        with pytest.raises(SurroundingsError):
            applier.apply(decision)
    assert world.values() == VALUES
    with world.applier() as applier:
        assert applier.apply(decision)[0].outcome == "applied"
    assert world.outcomes() == ["suppressed", "applied"]


def test_of_a_change_there_and_back_the_last_is_what_holds(world):
    moved = {**VALUES, "size": 75}
    with world.applier() as applier:
        for values, to in ((VALUES, 75), (moved, 70)):
            applier.apply(decided(values, "size", to))
    before = world.state()
    with world.applier():
        assert world.values() == VALUES
    assert world.state() == before


def test_a_file_with_values_that_no_record_led_to_is_refused(world):
    with world.applier() as applier:
        applier.apply(decided(VALUES, "size", 75))
    world.path.write_text('{"size": 71, "ratio": 0.5}', "utf-8")
    with pytest.raises(EvidenceError, match="no decision on record led to its values"), world.applier():
        pytest.fail("it began")


def test_a_file_that_was_only_laid_out_anew_in_between_is_taken_as_it_is_trap_33(world):
    with world.applier() as applier:
        applier.apply(decided(VALUES, "size", 75))
    world.path.write_bytes(b'{"ratio":5e-1,"size":75.0}')
    before = world.state()
    with world.applier() as applier:
        assert applier.apply(decided(VALUES, "size", 75))[0].outcome == "no_op"
    assert world.state() == before


def test_a_snapshot_that_was_lost_is_made_again(world):
    with world.applier():
        pass
    (world.run / "params.json").unlink()
    with world.applier():
        assert world.values() == VALUES
