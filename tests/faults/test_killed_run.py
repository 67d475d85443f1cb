"""kill -9 at every step of every write, and at random moments: the evidence is readable or invalid, and never green."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.conftest import clean_environment, full
from tests.integration.watching import die_at

from soak_action.errors import EvidenceError
from soak_action.evidence.run_dir import find
from soak_action.files import STEPS
from soak_action.verify import verify

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL")


def environment() -> dict[str, str]:
    # A killed process leaves a broken measurement behind, so none is taken of it.
    return {name: value for name, value in clean_environment().items() if not name.startswith("COVERAGE")}


def drive(tmp_path: Path, fatal: int) -> tuple[int, list[str]]:
    words = ("run", "--json", "--iterations", "2", "--output", "runs", "--", sys.executable, "-c", "pass")
    return die_at(fatal, tmp_path, *words)


def judge_remains(tmp_path: Path) -> str:
    """Return what is left of the only run, having checked that it is not green without a receipt."""
    runs = [path for path in (tmp_path / "runs").glob("2*") if path.is_dir()]
    if not runs:
        return "nothing"
    (run,) = runs
    try:
        found = verify(find(run))
    except EvidenceError:
        return "unreadable"
    if (run / "receipt.json").exists():
        assert (found.exit_code, found.problems) == (0, ())
        return "finished"
    assert found.exit_code in {3, 4}, found
    assert not [problem for problem in found.problems if "digest" in problem.what]
    return "unfinished"


def test_kill_at_every_step_of_every_write(tmp_path):
    whole = tmp_path / "whole"
    whole.mkdir()
    code, steps = drive(whole, 0)
    assert code == 0
    assert set(steps) == {name for name in STEPS if not name.startswith("torn:")}
    chosen = range(1, len(steps) + 1, full(1, 3))
    remains = []
    for fatal in chosen:
        place = tmp_path / str(fatal)
        place.mkdir()
        assert drive(place, fatal)[0] == -signal.SIGKILL
        remains.append(judge_remains(place))
    assert remains[0] == "nothing"
    assert {"unreadable", "unfinished"} <= set(remains)


@pytest.mark.parametrize("seed", range(full(50, 10)))
def test_kill_at_a_random_moment(tmp_path, seed):
    delay = random.Random(seed).uniform(0.05, 1.5)
    words = ["run", "--json", "--iterations", "100000", "--output", "runs", "--", sys.executable, "-S", "-c", "pass"]
    process = subprocess.Popen(
        [sys.executable, "-m", "soak_action", *words],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(delay)
    process.kill()
    process.wait()
    assert judge_remains(tmp_path) in {"nothing", "unreadable", "unfinished"}


def test_a_full_disk_exits_5_and_keeps_what_was_recorded(tmp_path):
    """RLIMIT_FSIZE is a full disk that needs no root: every write beyond the limit fails."""
    driver = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192));"
        "from soak_action.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    words = ["run", "--iterations", "50", "--output", "runs", "--", sys.executable, "-S", "-c", "pass"]
    done = subprocess.run(
        [sys.executable, "-c", driver, *words], cwd=tmp_path, env=environment(), capture_output=True, check=False
    )
    assert done.returncode == 5, done.stderr
    assert b"Traceback" not in done.stderr
    (run,) = (tmp_path / "runs").glob("2*")
    lines = (run / "iterations.jsonl").read_bytes()
    assert lines.endswith(b"\n")
    assert len(lines.splitlines()) >= 3
    assert judge_remains(tmp_path) == "unfinished"


def test_two_runs_at_once_do_not_disturb_each_other(tmp_path):
    words = ["run", "--json", "--iterations", "3", "--output", "runs", "--", sys.executable, "-c", "pass"]
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "soak_action", *words],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(2)
    ]
    summaries = [json.loads(process.communicate(timeout=90)[0]) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert len({summary["run_id"] for summary in summaries}) == 2
    for summary in summaries:
        assert verify(find(Path(summary["run_dir"]))).exit_code == 0


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_without_permission_exits_5(soak, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    done = soak("run", "--output", locked, "--", sys.executable, "-c", "pass")
    assert done.code == 5
    assert "permission" in done.err.lower()
