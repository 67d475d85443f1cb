"""A soak that is killed while its tuner runs leaves nobody behind, and goes on as if it had not been."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import clean_environment
from tests.integration.watching import alive, wait_for

TUNERS = Path(__file__).resolve().parents[1] / "tuners"
# Sleeps as long as there is no file `awake`; then it wants five more.
TUNER = f"""
import json, os, pathlib, runpy, sys
if pathlib.Path("awake").exists():
    print(json.dumps({{"proposals": [{{"parameter": "min_interval_ms", "change": 5}}]}}))
else:
    runpy.run_path({str(TUNERS / "sleeper.py")!r})
"""
CONFIGURATION = """\
version: 1
workload: {run: ["${SOAK_PYTHON}", -m, soak_action, mock]}
schedule: {iterations: 2}
kpis: {risk_ratio: {from: metrics.json#risk_ratio, better: lower, hard: 1}}
parameters: {values: {min_interval_ms: {initial: 70, min: 40, max: 80, step: 5}}}
tuning: {enabled: true, command: ["${SOAK_PYTHON}", tuner.py], timeout: 10m}
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there the job of a killed soak ends with it")
def test_trap_53_the_tuner_of_a_killed_soak_is_stopped_and_asked_again(soak, tmp_path: Path) -> None:
    (tmp_path / "soak.yaml").write_text(CONFIGURATION, "utf-8")
    (tmp_path / "tuner.py").write_text(TUNER, "utf-8")
    killed = subprocess.Popen(
        [sys.executable, "-m", "soak_action", "run"],
        cwd=tmp_path,
        env=clean_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    logs = ".soak/*/iterations/00002/tuner/stderr.log"
    try:
        wait_for(lambda: any(log.read_text("utf-8").endswith("\n") for log in tmp_path.glob(logs)))
    finally:
        killed.kill()
        killed.wait()
    (log,) = tmp_path.glob(logs)
    pids = [int(pid) for pid in log.read_text("utf-8").split()]
    assert len(pids) == 2
    (tmp_path / "awake").touch()
    run = log.parents[3]
    done = soak("run", "--resume", run, "--json")
    assert (done.code, done.json["iterations"]) == (0, 2), done.err
    wait_for(lambda: not any(alive(pid) for pid in pids))
    last = json.loads((run / "iterations.jsonl").read_text("utf-8").splitlines()[-1])
    assert last["parameters"] == {"min_interval_ms": 75}
    assert [decision["outcome"] for decision in last["decisions"]] == ["applied"]
    assert (run / "unrecorded" / "00002-1" / "tuner" / "input.json").is_file()
    assert soak("verify", run).code == 0
