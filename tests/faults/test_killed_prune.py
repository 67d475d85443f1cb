"""kill -9 at every step of a prune: nothing that stays is ever lost, and the next prune comes to the same end."""

from __future__ import annotations

import shutil
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.conftest import IS_FULL
from tests.integration.watching import dying
from tests.unit.retention.runs import content_of, log_of, make_run, output

from soak_action import files
from soak_action.config.model import Retention
from soak_action.evidence.archive import unpack
from soak_action.retention import local
from soak_action.retention.local import exit_code, plan_prune

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL"),
    pytest.mark.timeout(600),
]

NOW = datetime.now(UTC)
POLICY = Retention(keep_last=3)
PRUNE = ("prune", "runs", "--set", "retention.keep_last=3")
# A killed prune leaves one of these or none.
OF_A_RERUN = {"trash:logged", "trash:removed"}


def history(place: Path) -> dict[str, dict[str, bytes]]:
    """Make runs of which one is deleted, two are compressed and one stays; return those that are not deleted."""
    root = output(place / "runs")
    kept = [make_run(root, NOW - timedelta(days=days)) for days in (0, 9, 10)]
    make_run(root, NOW - timedelta(days=11))
    return {run.name: content_of(run) for run in kept}


def pruned_again(root: Path) -> tuple[tuple[local.Prune, local.Outcome], set[str]]:
    """Prune once more, and return what that came to and the steps that it reached."""
    reached: set[str] = set()
    stop = files.observe(reached.add)
    try:
        prune = plan_prune(root, POLICY, NOW)
        return (prune, local.carry_out(prune, lambda: NOW)), reached
    finally:
        stop()


def evidence(root: Path, name: str, scratch: Path) -> dict[str, bytes] | None:
    """Return what is left of a run by the name that people know: its directory, else its archive."""
    if (root / name).is_dir():
        return content_of(root / name)
    archive = root / f"{name}.tar.gz"
    if not archive.exists():
        return None
    shutil.rmtree(scratch, ignore_errors=True)
    unpack(archive, scratch)
    return content_of(scratch)


def state(root: Path) -> dict[str, bytes]:
    names = (path for path in root.iterdir() if not path.name.startswith((".", "retention-log")))
    return {path.name: path.read_bytes() if path.is_file() else b"a directory" for path in names}


def test_kill_at_every_step_of_a_prune(tmp_path):
    template = tmp_path / "template"
    kept = history(template)
    whole = tmp_path / "whole"
    shutil.copytree(template, whole)
    done = dying(0, whole, *PRUNE)
    assert done.returncode == 0, done.stderr
    steps = done.stderr.decode().splitlines()[-1].split()
    assert set(steps) == (set(local.STEPS) - OF_A_RERUN) | {"append:written", "append:synced"}
    assert len(state(whole / "runs")) == 3
    seen = set()
    for fatal, step in enumerate(steps, 1):
        if step in steps[: fatal - 1] and not IS_FULL:
            continue
        place = tmp_path / str(fatal)
        shutil.copytree(template, place)
        root = place / "runs"
        assert dying(fatal, place, *PRUNE).returncode == -signal.SIGKILL
        for name, content in kept.items():
            left = evidence(root, name, place / "scratch")
            assert left == content, (step, name)
        again, reached = pruned_again(root)
        assert exit_code(*again) == 0
        seen |= reached
        assert state(root) == state(whole / "runs"), step
        assert list(root.glob(".trash*")) == []
        assert all(line["operation"] != "skip" for line in log_of(root))
    assert seen >= OF_A_RERUN


def test_kill_while_the_trash_of_a_killed_prune_is_emptied(tmp_path):
    template = tmp_path / "template"
    history(template)
    whole = tmp_path / "whole"
    shutil.copytree(template, whole)
    steps = dying(0, whole, *PRUNE).stderr.decode().splitlines()[-1].split()
    at = steps.index("delete:logged") + 1
    for step in sorted(OF_A_RERUN):
        place = tmp_path / step.replace(":", "-")
        shutil.copytree(template, place)
        assert dying(at, place, *PRUNE).returncode == -signal.SIGKILL
        left = place.with_name(f"{place.name}-left")
        shutil.copytree(place, left)
        again = dying(0, left, *PRUNE).stderr.decode().splitlines()[-1].split()
        assert dying(again.index(step) + 1, place, *PRUNE).returncode == -signal.SIGKILL
        assert dying(0, place, *PRUNE).returncode == 0
        assert state(place / "runs") == state(whole / "runs")


def test_a_plan_after_a_kill_is_what_the_next_prune_does(tmp_path):
    template = tmp_path / "template"
    history(template)
    steps = dying(0, shutil.copytree(template, tmp_path / "whole"), *PRUNE).stderr.decode().splitlines()[-1].split()
    for step in ("compress:archived", "compress:moved", "delete:moved"):
        place = tmp_path / step.replace(":", "-")
        shutil.copytree(template, place)
        assert dying(steps.index(step) + 1, place, *PRUNE).returncode == -signal.SIGKILL
        planned = plan_prune(place / "runs", POLICY, NOW)
        (prune, outcome), _ = pruned_again(place / "runs")
        assert planned.plan == prune.plan
        assert outcome.skipped == []
        assert (outcome.compressed, outcome.deleted) == (
            len(planned.plan.of("compress")),
            len(planned.plan.of("delete")),
        )
