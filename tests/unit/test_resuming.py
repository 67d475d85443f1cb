"""Making a run ready to go on: what must not happen when a part of the killed one is still there."""

from __future__ import annotations

import pytest

from soak_action import resuming
from soak_action.errors import SurroundingsError
from soak_action.evidence.run_dir import RECEIPT, VERDICT, RunDir
from soak_action.evidence.standing import Standing


@pytest.fixture
def run(tmp_path):
    directory = tmp_path / "20261123T000000Z-default-000000"
    (directory / "iterations/00001").mkdir(parents=True)
    (directory / RECEIPT).touch()
    (directory / VERDICT).touch()
    (directory / ".tmp-1-aaaaaaaa").touch()
    return RunDir(directory)


def test_the_seal_is_taken_off_and_what_was_recorded_stays(run):
    resuming.make_ready(run, Standing("g", "h", iterations=1))
    assert [path.name for path in run.path.iterdir()] == ["iterations"]
    assert run.iteration(1).path.exists()


def test_each_attempt_that_was_never_recorded_is_set_aside(run):
    for _ in range(2):
        resuming.make_ready(run, Standing("g", "h"))
        run.iteration(1).path.mkdir()
    assert sorted(path.name for path in (run.path / "unrecorded").iterdir()) == ["00001-1", "00001-2"]


def test_a_workload_that_cannot_be_stopped_keeps_its_iteration_from_being_repeated(run, monkeypatch):
    monkeypatch.setattr(resuming, "stop_orphans", lambda mark: ["pid 7"] if mark == f"{run.run_id}/1" else [])
    with pytest.raises(SurroundingsError, match=r"still alive and cannot be stopped: pid 7"):
        resuming.make_ready(run, Standing("g", "h"))
    assert run.iteration(1).path.exists()


def test_a_disk_that_refuses_is_told(run, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "no")

    monkeypatch.setattr("pathlib.Path.rename", refuse)
    with pytest.raises(SurroundingsError, match="permission is missing"):
        run.set_aside(1)
    monkeypatch.setattr("pathlib.Path.unlink", refuse)
    with pytest.raises(SurroundingsError, match="permission is missing"):
        run.unseal()
