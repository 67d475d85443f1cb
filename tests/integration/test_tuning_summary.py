"""What a run with a tuner tells people: in its lines, at its end, and on the page of a job."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.integration.action_step import Job

GATE = ".github/actions/kpi-gate"
WORKLOAD = """
import hashlib, json, os, pathlib
out = pathlib.Path(os.environ["SOAK_OUT"])
read = pathlib.Path(os.environ["SOAK_PARAMS"]).read_bytes()
(out / "params.sha256").write_text(hashlib.sha256(read).hexdigest())
risk = [0.7, 0.2, 0.2, 0.7, 0.95, 0.25][int(os.environ["SOAK_ITERATION"]) - 1]
(out / "metrics.json").write_text(json.dumps({"risk": risk}))
"""
CONFIGURATION = """\
version: 1
suite: tuned
workload: {run: ["${SOAK_PYTHON}", work.py]}
schedule: {iterations: 6}
kpis:
  risk: {from: metrics.json#risk, title: Risk, better: lower, hard: 0.9}
parameters:
  values:
    interval_ms: {type: integer, initial: 70, min: 40, max: 90, step: 5, unit: ms}
tuning:
  enabled: true
  rules:
    - {when: risk >= 0.6, change: {interval_ms: 5}}
guards:
  freeze: {after: 2, hold: 3, when: risk < 0.3}
"""
NOTHING = CONFIGURATION.replace("guards:", "guards:\n  warmup: 99")


def prepared(folder: Path, configuration: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "work.py").write_text(WORKLOAD)
    (folder / "soak.yaml").write_text(configuration)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job whose workspace holds a workload with a parameter, and a rule that moves it."""
    job = Job(tmp_path)
    prepared(job.workspace, CONFIGURATION)
    return job


def section(summary: str) -> list[str]:
    """Return the lines about the parameters; the times of the decisions and the state hashes are left out."""
    (found,) = re.findall(r"^## Parameters\n.*?(?=\n\n(?:## |<details))", summary, re.MULTILINE | re.DOTALL)
    found = re.sub(r"`[0-9a-f]{8}`", "`state`", found).replace("\N{EN DASH}", "-")
    return re.sub(r"^(\| \d+ \|) [\dmsh.]+ (?=\|)", r"\1 TIME ", found, flags=re.MULTILINE).splitlines()


EXPECTED = """\
## Parameters

**3 proposals: 2 applied, 1 suppressed, 0 without effect.** The workload proved in 6 of 6 iterations that it read the \
parameters in force.

### What was decided

| iteration | soak | parameter | from, to | outcome | because | suppressed by |
| --- | --: | --- | --- | --- | --- | --- |
| 2 | TIME | `interval_ms` | 70 → 75 ms <sub>+5</sub> | **applied** | rule 1: risk &gt;= 0.6 (risk 0.7) | - |
| 4 | - | `interval_ms` | - | **frozen** | iterations with the state `state` were stable; until iteration 6 | - |
| 5 | TIME | `interval_ms` | 75 → 80 ms <sub>+5</sub> | suppressed | rule 1: risk &gt;= 0.6 (risk 0.7) | FREEZE |
| 6 | - | `interval_ms` | - | **thawed** | iteration 5 was beyond the hard limit of risk | - |
| 6 | TIME | `interval_ms` | 75 → 80 ms <sub>+5</sub> | **applied** | rule 1: risk &gt;= 0.6 (risk 0.95) | - |

### The KPIs meanwhile

Each row is the iterations with one state of the parameters, and the median of each KPI over them, without the \
warm-up. This compares different times of one run: it does not prove that the parameters made the difference.

| iterations | state | parameters | Risk |
| --- | --- | --- | --: |
| 1 | `state` | `interval_ms` 70 ms | 0.7 |
| 2-5 | `state` | `interval_ms` 70 → 75 ms | 0.45 |
| 6 | `state` | `interval_ms` 75 → 80 ms | 0.25 |
"""


def test_trap_31_the_page_of_a_job_tells_how_the_parameters_went(job):
    done = job.run()
    assert done.code == 0, done.log
    lines = section(done.summary)
    (frozen,) = [line for line in lines if "suppressed |" in line]
    detail = frozen.split(" | ")[-1]
    assert detail.startswith("freeze: ")
    assert "\n".join(lines).replace(detail, "FREEZE |") + "\n" == EXPECTED
    assert "| interval_ms 70 -> 75 ms | " in done.log
    assert "| 1 suppressed (freeze) | " in done.log
    assert "parameters:   3 proposals: 2 applied, 1 suppressed, 0 without effect\n" in done.log
    assert "              interval_ms 70 -> 80 ms\n" in done.log
    judged = job.run(GATE, results=done.outputs["run-dir"])
    assert section(judged.summary) == lines


def test_the_story_of_a_run_in_segments_is_one(job):
    paused = job.run(segment="1ms")
    assert (paused.code, paused.outputs["state"]) == (0, "paused"), paused.log
    assert "**Nobody proposed anything.**" in "\n".join(section(paused.summary))
    done = job.run(resume=paused.outputs["run-dir"])
    assert done.code == 0, done.log
    rows = [line.split(" | ")[0].removeprefix("| ") for line in section(done.summary) if line.startswith("| ")]
    decided, effect = ["2", "4", "5", "6", "6"], ["1", "2-5", "6"]
    assert rows == ["iteration", "---", *decided, "iterations", "---", *effect]


def test_trap_29_a_run_in_which_nothing_was_ever_applied_says_so(soak, tmp_path):
    prepared(tmp_path, NOTHING)
    done = soak("run")
    assert done.code == 0, done.err
    assert (
        "parameters:   3 proposals: 0 applied, 3 suppressed, 0 without effect\n"
        "              nothing was ever applied, which is not convergence\n"
    ) in done.out.replace("\r\n", "\n")
    assert "| 1 suppressed (warmup) | " in done.err


def test_the_page_of_such_a_run_says_so_too_and_compares_nothing(job):
    (job.workspace / "soak.yaml").write_text(NOTHING)
    lines = section(job.run().summary)
    assert (
        "**3 proposals: 0 applied, 3 suppressed, 0 without effect.** Nothing was ever applied, which is not" in lines[2]
    )
    assert "### The KPIs meanwhile" not in lines


def test_records_that_somebody_broke_still_make_a_page(job):
    run = Path(job.run().outputs["run-dir"])
    file = run / "iterations.jsonl"
    records = [json.loads(line) for line in file.read_text().splitlines()]
    records[1]["decisions"] = [{"outcome": ["<script>"]}]
    records[2]["parameters"] = "none"
    file.write_bytes("".join(json.dumps(record) + "\n" for record in records).encode())
    judged = job.run(GATE, results=str(run))
    assert judged.outputs["verdict"] == "invalid"
    assert "Traceback" not in judged.log
    assert section(judged.summary)[2].startswith("**2 proposals: 1 applied, 1 suppressed")
