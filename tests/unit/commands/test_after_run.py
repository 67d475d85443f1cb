"""A soak prunes after a run when it is told to, tells what it did, and never touches the run that has just ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.retention.runs import make_run, output

from soak_action.commands.after_run import prune_beside
from soak_action.config.model import Retention
from soak_action.evidence.run_dir import RunDir
from soak_action.retention.root import lock

NOW = datetime.now(UTC)


@pytest.fixture
def root(tmp_path):
    return output(tmp_path / "runs")


def test_the_others_are_pruned_and_it_is_told_on_standard_error(root, capsys):
    runs = [make_run(root, NOW - timedelta(days=day)) for day in range(3)]
    prune_beside(RunDir(runs[0]), Retention(keep_last=1))
    assert [run.exists() for run in runs] == [True, False, False]
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("soak: retention: done: compressed 0, deleted 2, freed ")


def test_the_run_that_has_just_ended_stays_whatever_the_policy_says(root, capsys):
    (root.parent / "kept").mkdir()
    run = make_run(root, NOW - timedelta(days=30))
    newer = make_run(root, NOW)
    policy = Retention(keep_last=1, max_total=1000, compress_after=0.0)
    prune_beside(RunDir(run), policy)
    assert run.exists()
    assert not newer.exists()
    assert "over budget by" in capsys.readouterr().err


def test_what_cannot_be_done_is_told_and_does_no_harm(root, capsys):
    runs = [make_run(root, NOW - timedelta(days=day)) for day in range(2)]
    with lock(root, "now"):
        prune_beside(RunDir(runs[0]), Retention(keep_last=1))
    (root / ".soak-artifacts").unlink()
    prune_beside(RunDir(runs[0]), Retention(keep_last=1))
    assert all(run.exists() for run in runs)
    busy, unmarked = capsys.readouterr().err.splitlines()
    assert "the earlier runs were not pruned" in busy
    assert "is in use" in busy
    assert "holds no .soak-artifacts" in unmarked
