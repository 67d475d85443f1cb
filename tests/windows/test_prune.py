"""Pruning on Windows: a run with a file that some program holds open is told, not lost, and dealt with later."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.retention.runs import NOW, OLD, content_of, make_run, output, pruned

from soak_action.config.model import Retention
from soak_action.errors import ExitCode
from soak_action.evidence.archive import unpack
from soak_action.retention.local import exit_code


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return output(tmp_path / "runs")


def test_a_run_with_an_open_file_is_removed_when_it_is_closed(root: Path) -> None:
    make_run(root, NOW)
    old = make_run(root, OLD)
    policy = Retention(keep_last=1, compress_after=None)
    with (old / "iterations/00001/stdout.log").open("rb") as file:
        prune, outcome = pruned(root, policy)
        assert exit_code(prune, outcome) == ExitCode.SURROUNDINGS
        assert "cannot " in outcome.skipped[0].reason
        assert file.read(10) == b"0123456789"
    prune, outcome = pruned(root, policy)
    assert exit_code(prune, outcome) == ExitCode.DONE
    assert not old.exists()
    assert list(root.glob(".trash*")) == []


def test_a_run_with_an_open_file_is_compressed_and_its_directory_goes_when_it_is_closed(root: Path) -> None:
    run = make_run(root, OLD)
    before = content_of(run)
    policy = Retention(compress_after=1.0)
    with (run / "iterations/00001/stdout.log").open("rb"):
        prune, outcome = pruned(root, policy)
        assert exit_code(prune, outcome) == ExitCode.SURROUNDINGS
    prune, outcome = pruned(root, policy)
    assert exit_code(prune, outcome) == ExitCode.DONE
    assert [path.name for path in root.glob("2*")] == [f"{run.name}.tar.gz"]
    assert list(root.glob(".trash*")) == []
    unpack(root / f"{run.name}.tar.gz", root.parent / "again")
    assert content_of(root.parent / "again") == before


def test_a_file_that_may_only_be_read_goes_with_its_run(root: Path) -> None:
    make_run(root, NOW)
    old = make_run(root, OLD)
    (old / "iterations/00001/stdout.log").chmod(0o444)
    _, outcome = pruned(root, Retention(keep_last=1, compress_after=None))
    assert outcome.deleted == 1
    assert outcome.skipped == []
    assert not old.exists()
