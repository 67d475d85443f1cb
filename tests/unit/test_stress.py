"""`soak stress` sees that a decision is applied once, sees when it is not, and leaves the user's file alone."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import replace

import pytest

from soak_action import cli, stress
from soak_action.config.model import Parameter, Parameters
from soak_action.errors import SurroundingsError, UsageError
from soak_action.tuning.apply import Applier
from soak_action.tuning.parameters import keep_snapshot, state_hash

DECLARED = Parameters(
    "p.json",
    (Parameter("fixed", 3, 3, 3, is_integer=True), Parameter("a.ratio", 0.5, 0.0, 1.0), Parameter("size", 8, 1, 9)),
)


@pytest.mark.parametrize("times", [1, 2, 100])
def test_one_change_one_state_and_nothing_touched(times):
    found = stress.stress(DECLARED, None, times)
    assert found.is_idempotent
    hashes = [state_hash({"fixed": 3, "a.ratio": 0.6, "size": 8.0})]
    assert found.to_dict() == {"applied": 1, "no_op": times - 1, "state_hashes": hashes, "file_unchanged": True}


def test_the_copy_begins_with_the_values_of_the_file_and_leaves_it_alone(tmp_path):
    original = tmp_path / "my p.json"
    original.write_text('{"size":8,"a":{"ratio":1},"fixed":3.0}', "utf-8")
    os.utime(original, ns=(10**9, 10**9))
    before = original.stat()
    found = stress.stress(DECLARED, original, 3)
    assert found.is_idempotent
    assert found.state_hashes == (state_hash({"fixed": 3, "a.ratio": 0.9, "size": 8}),)
    assert original.read_text("utf-8") == '{"size":8,"a":{"ratio":1},"fixed":3.0}'
    after = original.stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)
    assert [path.name for path in tmp_path.iterdir()] == ["my p.json"]


def test_nothing_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    stress.stress(DECLARED, tmp_path / "absent.json", 2)
    assert list(tmp_path.iterdir()) == []


def test_a_file_with_mistakes_is_refused_by_its_own_name(tmp_path):
    (tmp_path / "p.json").write_bytes(b'{"size": 99}')
    with pytest.raises(UsageError, match=r"^p\.json: size: 99 is outside"):
        stress.stress(DECLARED, tmp_path / "p.json", 2)


@pytest.mark.skipif(os.name != "posix", reason="the name of the temporary directory")
def test_a_machine_without_temporary_directory_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    with pytest.raises(SurroundingsError, match="cannot work in a temporary directory: it, or a directory above it"):
        stress.stress(DECLARED, None, 2)


# Appliers that are not idempotent, each in its own way


def applies_anew(applier: Applier, decision):
    """Forgets what it applied, and goes on from where it is."""
    applier._applied.clear()
    return applier.apply(stress.decide(stress.EXAMPLE, applier.held.values))


def writes_again(applier: Applier, decision):
    """Writes the same bytes each time."""
    applier.apply(decision)
    keep = applier._file.path
    content = keep.read_bytes()
    keep.unlink()
    keep.write_bytes(content)


def lays_out_anew(applier: Applier, decision):
    """Writes the same values in other bytes."""
    (done,) = applier.apply(decision)
    if done.outcome == "no_op":
        keep_snapshot(applier._file.path, dict(sorted(applier.held.values.items())))


def records_nothing(applier: Applier, decision):
    """Tells the first time only."""
    if not applier._applied:
        applier.apply(decision)


def applies_nothing(applier: Applier, decision):
    """Suppresses it all."""
    applier.apply(replace(decision, outcome="suppressed", reasons={"freeze": "so"}))


@pytest.mark.parametrize(
    ("apply", "wrong"),
    [
        (applies_anew, {"applied": 5, "no_op": 0, "file_unchanged": False}),
        (writes_again, {"file_unchanged": False}),
        (lays_out_anew, {"file_unchanged": False}),
        (records_nothing, {"no_op": 0}),
        (applies_nothing, {"applied": 0, "no_op": 0}),
    ],
)
def test_what_is_not_idempotent_is_seen(apply, wrong):
    found = stress.stress(stress.EXAMPLE, None, 5, apply)
    assert not found.is_idempotent
    good = {"applied": 1, "no_op": 4, "file_unchanged": True}
    assert {key: value for key, value in found.to_dict().items() if key != "state_hashes"} == {**good, **wrong}


# The decision


@pytest.mark.parametrize(
    ("parameter", "value", "to"),
    [
        (Parameter("p", 70, 40, 80, step=5, is_integer=True), 70, 75),
        (Parameter("p", 70, 40, 80, step=5, is_integer=True), 80, 75),
        (Parameter("p", 1, 1, 2, is_integer=True), 1, 2),
        (Parameter("p", 1, 1, 2, step=5, is_integer=True), 1, 2),
        (Parameter("p", 1, 1, 2, step=5, is_integer=True), 2, 1),
        (Parameter("p", 0.0, 0.0, 1.0), 1.0, 0.9),
        (Parameter("p", 0.0, 0.0, 1.0), 0.0, 0.1),
    ],
)
def test_the_decision_moves_a_parameter_within_its_bounds(parameter, value, to):
    decision = stress.decide(Parameters("p.json", (parameter,)), {"p": value})
    assert (decision.before, decision.to, decision.proposal.requested) == (value, to, to - value)


def test_parameters_that_cannot_move_are_told():
    with pytest.raises(UsageError, match="no parameter of soak.yaml can take another value"):
        stress.stress(Parameters("p.json", DECLARED.values[:1]), None, 2)


# The command


def test_the_command_tells_people_and_machines(soak):
    done = soak("stress", "--apply", "5", "--json")
    assert (done.code, done.err) == (0, "")
    assert done.json == stress.stress(stress.EXAMPLE, None, 5).to_dict()
    told = soak("stress", "--apply", "5").out.splitlines()
    assert told[0] == "APPLIED ONCE: one decision, parameters of a built-in example"
    assert told[1].split() == ["applications", "5:", "1", "applied,", "4", "without", "effect"]
    assert told[3].split()[:2] == ["file", "untouched"]


@pytest.mark.parametrize("words", [("0",), ("-1",), ("10001",), ("x",), ("1.5",), ("",)])
def test_a_number_that_cannot_be_is_refused(soak, words):
    done = soak("stress", "--apply", *words)
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1


def test_a_broken_result_exits_1(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stress, "stress", lambda *_: stress.Stress(2, 2, 0, ("a", "b"), file_unchanged=False))
    assert cli.main(["stress", "--apply", "2", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["applied"] == 2
    assert cli.main(["stress", "--apply", "2"]) == 1
    assert capsys.readouterr().out.startswith("BROKEN: one decision")
