"""kill -9 at every step of a migration and of its undoing: the old state or the new one, and always a way back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import IS_FULL
from tests.integration.watching import dying

from soak_action import files
from soak_action.migration import undo, writing

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL"),
    pytest.mark.timeout(600),
]

MIGRATE = ("default.json", "old/profile-nightly.yaml", "--write", "--archive")
OLD = b"version: 1\nschedule: {pause: 1s}  # ours\n"
DEFAULT = b'{"iterations": 24, "timeout": "5m"}'
NIGHTLY = b"schedule:\r\n  duration: 8h  # long\r\n"
ATOMIC = {step for step in files.STEPS if step.startswith("atomic:")}


def legacy(folder: Path, *, former: bytes | None) -> None:
    (folder / "old").mkdir(parents=True)
    (folder / "default.json").write_bytes(DEFAULT)
    (folder / "old" / "profile-nightly.yaml").write_bytes(NIGHTLY)
    if former is not None:
        (folder / "soak.yaml").write_bytes(former)


def state(folder: Path) -> dict[str, bytes]:
    """Return what stands in the folder but for backups and what a killed write leaves behind."""
    paths = [path for path in folder.rglob("*") if path.is_file() and ".soak-migration" not in path.parts]
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in paths if not files.is_temporary(path.name)
    }


def drive(folder: Path, fatal: int, *words: str) -> subprocess.CompletedProcess[bytes]:
    return dying(fatal, folder, "config", "migrate", *words)


def steps_of(done: subprocess.CompletedProcess[bytes]) -> list[str]:
    assert done.returncode == 0, done.stderr
    return done.stderr.decode().splitlines()[-1].split()


def chosen(steps: list[str]) -> list[int]:
    """Return the numbers of the steps to die at: all in the full check, else all but some within atomic writes."""
    return [number for number, step in enumerate(steps, 1) if IS_FULL or step not in ATOMIC or number % 9 == 0]


@pytest.mark.parametrize("former", [None, OLD])
def test_kill_at_every_step_of_a_migration(tmp_path, former):
    whole = tmp_path / "whole"
    legacy(whole, former=former)
    before = state(whole)
    steps = steps_of(drive(whole, 0, *MIGRATE))
    assert set(steps) == {*ATOMIC, *writing.STEPS}
    new = state(whole)
    assert set(new) == {"soak.yaml"}
    seen = set()
    for fatal in chosen(steps):
        place = tmp_path / str(fatal)
        legacy(place, former=former)
        assert drive(place, fatal, *MIGRATE).returncode == -signal.SIGKILL
        left = state(place)
        # The old state is complete, or the new one is; old files may still stand beside it.
        is_old, is_new = left == before, left.get("soak.yaml") == new["soak.yaml"]
        assert is_old or is_new, steps[fatal - 1]
        assert all(before[name] == content for name, content in left.items() if name != "soak.yaml")
        seen.add((is_old, is_new))
        undone = drive(place, 0, "--undo")
        assert undone.returncode == 0, undone.stderr
        assert state(place) == before, steps[fatal - 1]
        if IS_FULL or steps[fatal - 1] not in ATOMIC:
            again = drive(place, 0, *MIGRATE)
            assert again.returncode == 0, again.stderr
            assert state(place) == new
    assert seen == {(True, False), (False, True)}


@pytest.mark.parametrize("former", [None, OLD])
def test_kill_at_every_step_of_an_undo(tmp_path, former):
    whole = tmp_path / "whole"
    legacy(whole, former=former)
    before = state(whole)
    steps_of(drive(whole, 0, *MIGRATE))
    steps = steps_of(drive(whole, 0, "--undo"))
    assert set(steps) == {*ATOMIC, *undo.STEPS} - ({"undo:removed"} if former else set())
    for fatal in chosen(steps):
        place = tmp_path / str(fatal)
        legacy(place, former=former)
        steps_of(drive(place, 0, *MIGRATE))
        assert drive(place, fatal, "--undo").returncode == -signal.SIGKILL
        manifest = next((place / ".soak-migration").glob("2*"))
        done = drive(place, 0, "--undo", os.fspath(manifest))
        assert done.returncode == 0, done.stderr
        assert state(place) == before, steps[fatal - 1]


def test_going_on_after_a_kill_needs_no_undo(tmp_path):
    whole = tmp_path / "whole"
    legacy(whole, former=OLD)
    steps = steps_of(drive(whole, 0, *MIGRATE))
    for fatal in (steps.index("migration:target") + 1, steps.index("migration:archived") + 1):
        place = tmp_path / str(fatal)
        legacy(place, former=OLD)
        assert drive(place, fatal, *MIGRATE).returncode == -signal.SIGKILL
        done = drive(place, 0, *MIGRATE)
        assert done.returncode == 0, done.stderr
        assert state(place) == state(whole)
