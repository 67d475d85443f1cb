"""kill -9 at the steps of a run whose parameters are tuned: it goes on, with each decision on record applied once."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import clean_environment, full
from tests.integration.watching import die_at

from soak_action.evidence.run_dir import find
from soak_action.tuning import parameters
from soak_action.tuning.parameters import flat, state_hash
from soak_action.verify import verify

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL"),
    pytest.mark.timeout(900),
]

# Each iteration moves both by a step, so that none of the states comes twice.
CONFIGURATION = """\
version: 1
workload:
  run: "true"
schedule: {iterations: 4}
kpis:
  exit_code: {}
parameters:
  values:
    pool.size: {initial: 40, min: 40, max: 80, step: 5}
    ratio: {initial: 0.1, min: 0.0, max: 1.0, step: 0.1}
tuning:
  enabled: true
  rules:
    - {when: "exit_code == 0", change: {pool.size: +5, ratio: +0.1}}
"""
RUN = ("run", "--output", "runs")


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    done = subprocess.run(("git", *who, *words), cwd=folder, env=clean_environment(), capture_output=True, check=True)
    return done.stdout.decode()


def repository(folder: Path) -> Path:
    folder.mkdir()
    (folder / "soak.yaml").write_text(CONFIGURATION, "utf-8")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "Begin")
    return folder


def run_of(folder: Path) -> Path | None:
    found = [path for path in (folder / "runs").glob("2*") if (path / "run.json").exists()]
    return found[0] if found else None


def lines(run: Path, name: str) -> list[dict[str, object]]:
    path = run / name
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def check_whole(folder: Path, run: Path) -> None:
    """Assert that a run that ended verifies, and that records, file and snapshot tell of the same parameters."""
    found = verify(find(run))
    assert found.problems == ()
    assert found.state == "finished"
    records = lines(run, "iterations.jsonl")
    assert [record["iteration"] for record in records] == [1, 2, 3, 4]
    decisions = [decision for record in records for decision in record["decisions"]]
    kept = lines(run, "decisions.jsonl")
    assert [(made["iteration"], made["parameter"], made["outcome"]) for made in kept] == [
        (made["iteration"], made["parameter"], made["outcome"]) for made in decisions
    ]
    # What is applied leads from state to state, without a gap, a repetition or a way back.
    state = records[0]["state_hash"]
    for made in decisions:
        assert made["state_hash_before"] == state
        state = made["state_hash_after"]
    applied = [(made["iteration"], made["parameter"]) for made in decisions if made["outcome"] == "applied"]
    assert len(set(applied)) == len(applied) == len(decisions)
    held = flat(json.loads((folder / "soak.params.json").read_bytes()))
    assert held == flat(json.loads((run / "params.json").read_bytes())) == records[-1]["parameters"]
    assert state_hash(held) == state == records[-1]["state_hash"]
    # Killed when all was done but this, nobody held the file again.
    beside = {path.name for path in folder.iterdir()} - {"soak.params.json.lock"}
    assert beside == {".git", "runs", "soak.params.json", "soak.yaml"}


def test_a_tuned_run_that_was_killed_at_a_step_goes_on_from_what_is_on_record(soak, tmp_path):
    code, steps = die_at(0, repository(tmp_path / "whole"), *RUN)
    assert code == 3
    assert set(parameters.STEPS) <= set(steps)
    check_whole(tmp_path / "whole", run_of(tmp_path / "whole"))
    first = steps.index("params:decided")
    around = range(first - 1, first + 15)
    chosen = [number for number in range(1, len(steps) + 1) if number in around or number % full(1, 17) == 0]
    resumed = 0
    for fatal in chosen:
        folder = repository(tmp_path / str(fatal))
        assert die_at(fatal, folder, *RUN)[0] == -signal.SIGKILL
        run = run_of(folder)
        if run is None or not (run / "config-sources.json").exists():
            # Before there was a run to go on with; the next one begins as if nothing had been.
            again = soak(*RUN, cwd=folder)
            assert again.code == 3, again.err
            continue
        if not (run / "receipt.json").exists():
            done = soak("run", "--resume", run, cwd=folder)
            assert done.code == 3, (steps[fatal - 1], done.out, done.err)
            resumed += 1
        check_whole(folder, run)
    assert resumed > len(chosen) // 2


@pytest.mark.parametrize("harm", ['echo \'{"pool.size": 80, "ratio": 1}\' > $RUN/params.json', "rm $RUN/params.json"])
def test_a_workload_that_touches_the_snapshot_makes_the_evidence_invalid(soak, tmp_path, harm):
    folder = repository(tmp_path / "a")
    text = CONFIGURATION.replace(
        'run: "true"', "run: |-\n    RUN=$(dirname $(dirname $(dirname $SOAK_OUT)))\n    " + harm
    )
    (folder / "soak.yaml").write_text(text, "utf-8")
    done = soak(*RUN, cwd=folder)
    assert done.code == 4
    assert "params.json" in done.out
