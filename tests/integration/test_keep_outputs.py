"""What stays of the iterations' outputs in whole runs, and that only what had to go counts as removed on purpose."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import full
from tests.integration.watching import die_at

from soak_action.evidence.run_dir import find
from soak_action.verify import verify

pytestmark = pytest.mark.usefixtures("unmeasured")
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL")
WORK = """
import json, os, pathlib
number = int(os.environ["SOAK_ITERATION"])
(pathlib.Path(os.environ["SOAK_OUT"]) / "m.json").write_text(json.dumps({"v": number}))
print("iteration", number)
raise SystemExit(number == 2)
"""
CONFIG = """
version: 1
workload: {run: ["${SOAK_PYTHON}", -S, work.py], timeout: 60s}
schedule: {iterations: 5, failures: 1}
kpis:
  v: {from: m.json#v, better: lower, hard: 3.9, stat: min, missing: {allow: 50%}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "work.py").write_text(WORK)
    (tmp_path / "soak.yaml").write_text(CONFIG)
    return tmp_path


def kept(run: Path) -> list[int]:
    return sorted(int(path.name) for path in (run / "iterations").iterdir())


def started(soak: Any, keep: str, *words: str) -> Path:
    done = soak("run", "--json", "--set", f"evidence.keep_outputs={keep}", *words)
    assert done.code == 0, done.err
    return Path(done.json["run_dir"])


@pytest.mark.parametrize(
    ("keep", "numbers", "told"),
    [
        ("all", [1, 2, 3, 4, 5], ""),
        # The second one failed, the others lie beyond the hard limit.
        ("failed", [2, 4, 5], "the outputs of 2 iterations were removed, as evidence.keep_outputs says"),
        ("last 4", [2, 3, 4, 5], "the output of 1 iteration was removed, as evidence.keep_outputs says"),
        ("last 1", [5], "the outputs of 4 iterations were removed"),
        ("last 9", [1, 2, 3, 4, 5], ""),
    ],
)
def test_what_stays_and_that_it_verifies(soak: Any, project: Path, keep: str, numbers: list[int], told: str) -> None:
    run = started(soak, keep)
    assert kept(run) == numbers
    assert not (run / "removed").exists()
    records = [json.loads(line) for line in (run / "iterations.jsonl").read_bytes().splitlines()]
    assert [sorted(record["results"]) for record in records] == [["out/m.json", "stderr.log", "stdout.log"]] * 5
    done = soak("verify", run)
    assert done.code == 0, done.out
    assert told in done.out + done.err
    assert ("evidence.keep_outputs" in done.out + done.err) == bool(told)
    assert soak("gate", run).code == 0
    assert soak("run", "--resume", run).code == 2


@pytest.mark.parametrize("keep", ["all", "failed", "last 3"])
@pytest.mark.parametrize("harm", ["folder", "result", "log"])
def test_an_output_that_had_to_stay_and_is_gone_is_invalid(soak: Any, project: Path, keep: str, harm: str) -> None:
    run = started(soak, keep)
    folder = run / "iterations" / "00004"
    if harm == "folder":
        shutil.rmtree(folder)
    else:
        (folder / {"result": "out/m.json", "log": "stdout.log"}[harm]).unlink()
    done = soak("verify", run)
    assert done.code == 4
    assert "iterations/00004/" in done.out + done.err
    assert "is missing" in done.out + done.err


@pytest.mark.parametrize("keep", ["failed", "last 2"])
def test_an_output_that_comes_back_must_be_the_recorded_one(soak: Any, project: Path, keep: str) -> None:
    run = started(soak, keep)
    folder = run / "iterations" / "00001"
    (folder / "out").mkdir(parents=True)
    (folder / "out" / "m.json").write_text('{"v": 1}')
    (folder / "stdout.log").write_bytes(b"iteration 1\n" if sys.platform != "win32" else b"iteration 1\r\n")
    (folder / "stderr.log").touch()
    assert soak("verify", run).code == 0
    (folder / "out" / "m.json").write_text('{"v": 2}')
    assert soak("verify", run).code == 4


def test_a_promise_that_was_edited_to_allow_it_is_invalid(soak: Any, project: Path) -> None:
    run = started(soak, "all")
    shutil.rmtree(run / "iterations" / "00001")
    config = run / "config.json"
    config.write_bytes(config.read_bytes().replace(b'"keep_outputs": "all"', b'"keep_outputs": "failed"'))
    assert soak("verify", run).code == 4


def test_outputs_of_the_last_ones_go_on_over_segments(soak: Any, project: Path) -> None:
    run = started(soak, "last 2", "--segment", "1ms")
    for last in range(2, 5):
        assert soak("run", "--resume", run, "--segment", "1ms").code == 0
        assert kept(run) == list(range(max(1, last - 1), last + 1))
        assert verify(find(run)).problems == ()


@POSIX
@pytest.mark.parametrize("keep", ["failed", "last 1"])
def test_kill_at_every_step_is_healed(soak: Any, project: Path, keep: str) -> None:
    run = started(soak, keep, "--segment", "1ms", "--set", "schedule.iterations=60", "--set", "kpis.v.hard=1000")
    resume = ("run", "--json", "--segment", "1ms", "--resume", run)
    assert soak(*resume).code == 0  # the second one, which fails
    code, steps = die_at(0, project, *resume)
    assert code == 0
    assert {"output:moved", "output:deleted"} <= set(steps)
    for fatal in range(1, len(steps) + 1, full(1, 4)):
        assert die_at(fatal, project, *resume)[0] == -signal.SIGKILL
        found = verify(find(run))
        assert (found.problems, found.verdict) == ((), "inconclusive")
    done = soak("run", "--json", "--resume", run)
    assert (done.code, done.json["iterations"]) == (0, 60), done.err
    assert kept(run) == ([2] if keep == "failed" else [60])
    assert not (run / "removed").exists()
    assert verify(find(run)).problems == ()
