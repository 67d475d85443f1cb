"""soak doctor with real workloads: what it finds, what it leaves behind, what it exits with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import Done, clean_environment
from tests.integration.watching import wait_for

CONFIG = """\
version: 1
workload: {{run: ["${{SOAK_PYTHON}}", job.py], timeout: 1m}}
schedule: {{{schedule}}}
kpis:
  exit_code: {{hard: 0}}
  p95_ms: {{from: metrics.json#p95, unit: ms, better: lower, range: [0, 60000], hard: 400}}
{more}
"""
GOOD = """\
import os, pathlib
print("hello")
pathlib.Path(os.environ["SOAK_OUT"], "metrics.json").write_text('{"p95": 212.5}', "utf-8")
"""


def prepare(folder: Path, job: str = GOOD, schedule: str = "iterations: 3", more: str = "") -> None:
    (folder / "soak.yaml").write_text(CONFIG.format(schedule=schedule, more=more), "utf-8")
    (folder / "job.py").write_text(job, "utf-8")


def finding(done: Done, name: str) -> dict[str, str]:
    (found,) = [found for found in done.json["findings"] if found["id"] == name]
    return found


def test_a_sound_set_up_is_ok_and_left_as_it_was(soak, tmp_path: Path):
    prepare(tmp_path)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = soak("doctor", "--json", env={"TMPDIR": str(temporary), "TEMP": str(temporary), "TMP": str(temporary)})
    assert done.code == 0, done.out
    assert done.err == "soak: one dry iteration, of at most 1m\n"
    assert (done.json["ok"], done.json["problems"]) == (True, 0)
    states = {found["id"]: found["status"] for found in done.json["findings"]}
    states.pop("sleep")
    names = ("interpreter", "configuration", "workload", "kpi.exit_code", "kpi.p95_ms", "schedule", "output", "disk")
    assert {name: states[name] for name in names} == dict.fromkeys(names, "ok")
    assert finding(done, "kpi.p95_ms")["sentence"] == "212.5 ms"
    assert sorted(os.listdir(tmp_path)) == ["job.py", "soak.yaml", "temporary"]
    assert os.listdir(temporary) == []


def test_a_person_reads_a_table_with_what_to_do(soak, tmp_path: Path):
    prepare(tmp_path, "pass")
    done = soak("doctor")
    assert done.code == 1
    lines = [line.split() for line in done.out.splitlines()]
    place = next(number for number, words in enumerate(lines) if words[:2] == ["PROBLEM", "kpi.p95_ms"])
    assert " ".join(lines[place][2:]).startswith("no value (file_missing): ")
    assert lines[place + 1][0] == "->"
    assert done.out.splitlines()[-1].startswith("1 problem, no warnings, ")


@pytest.mark.parametrize(
    ("job", "name", "told"),
    [
        ("import sys; sys.exit(7)", "workload", "one iteration was failed: exited with 7"),
        (GOOD.replace("p95", "p59"), "kpi.p95_ms", "no value (path_missing): metrics.json: "),
        (GOOD.replace("212.5", "-3"), "kpi.p95_ms", "no value (out_of_range): metrics.json: -3 is impossible"),
        (GOOD.replace("212.5", "nope"), "kpi.p95_ms", "no value (import_error): metrics.json: "),
    ],
)
def test_what_would_break_every_iteration_is_a_problem(soak, tmp_path: Path, job, name, told):
    prepare(tmp_path, job)
    done = soak("doctor", "--json")
    assert (done.code, done.json["problems"]) == (1, 1)
    assert finding(done, name)["status"] == "problem"
    assert finding(done, name)["sentence"].startswith(told)


@pytest.mark.skipif(sys.platform == "win32", reason="removes an open file")
def test_a_workload_that_removes_its_log_is_a_problem(soak, tmp_path: Path):
    prepare(tmp_path, GOOD + 'os.remove(pathlib.Path(os.environ["SOAK_OUT"]).parent / "stdout.log")\n')
    done = soak("doctor", "--json")
    assert (done.code, finding(done, "workload")["status"]) == (1, "problem")
    assert "stdout.log was replaced or changed while the workload ran" in finding(done, "workload")["sentence"]


def test_without_a_probe_nothing_runs_and_what_it_would_tell_is_unknown(soak, tmp_path: Path):
    prepare(tmp_path, "open('ran', 'w').close()")
    done = soak("doctor", "--no-probe", "--json")
    assert (done.code, done.err) == (0, "")
    assert not (tmp_path / "ran").exists()
    assert [found["id"] for found in done.json["findings"] if found["id"].startswith(("kpi.", "workload"))] == []
    assert {finding(done, name)["status"] for name in ("disk", "schedule")} == {"unknown"}


@pytest.mark.parametrize("words", [(), ("--no-probe",)])
def test_a_workload_that_cannot_be_started_is_a_problem(soak, tmp_path: Path, words):
    prepare(tmp_path)
    done = soak("doctor", "--json", "--set", 'workload.run=["no-such-program"]', *words)
    assert done.code == 1
    assert finding(done, "workload")["sentence"] == "workload.run: the program 'no-such-program' was not found on PATH"


def test_no_workload_at_all_is_a_problem(soak):
    done = soak("doctor", "--json")
    assert done.code == 1
    assert finding(done, "workload")["sentence"].startswith("nothing to run")


def test_mistakes_of_the_configuration_exit_with_2_and_start_nothing(soak, tmp_path: Path):
    prepare(tmp_path, "open('ran', 'w').close()", more="kpi: {}\ngates: {}")
    done = soak("doctor", "--json")
    assert (done.code, done.err) == (2, "")
    found = [found["sentence"] for found in done.json["findings"] if found["id"] == "configuration"]
    assert [text.partition(": ")[2] for text in found] == [
        "unknown key 'kpi' - did you mean 'kpis'?",
        "unknown key 'gates' - did you mean 'gate'?",
    ]
    assert not (tmp_path / "ran").exists()


def test_what_can_never_come_true_exits_with_2_and_what_is_suspicious_does_not(soak, tmp_path: Path):
    prepare(tmp_path, schedule="iterations: 9, every: 1h, budget: 2h")
    done = soak("doctor", "--json")
    assert done.code == 2
    assert "such a run is never complete" in finding(done, "configuration")["sentence"]
    prepare(tmp_path, more="  wall_seconds: {window: last 99, hard: 50}")
    done = soak("doctor", "--json")
    assert done.code == 0
    assert (finding(done, "configuration")["status"], done.json["warnings"] > 0) == ("warning", True)


def test_a_long_soak_in_a_job_of_github_needs_a_segment(soak, tmp_path: Path):
    prepare(tmp_path, schedule="duration: 24h")
    job = {"GITHUB_ACTIONS": "true", "RUNNER_ENVIRONMENT": "github-hosted"}
    done = soak("doctor", "--no-probe", "--json", env=job)
    assert (done.code, finding(done, "runner-limit")["status"]) == (1, "problem")
    done = soak("doctor", "--no-probe", "--json", "--segment", "5h", env=job)
    assert (done.code, finding(done, "runner-limit")["status"]) == (0, "ok")


def test_a_profile_and_single_values_are_looked_at(soak, tmp_path: Path):
    prepare(tmp_path, more="profiles: {broken: {workload: {run: [no-such-program]}}}")
    assert soak("doctor", "--no-probe").code == 0
    assert soak("doctor", "--no-probe", "--profile", "broken").code == 1
    done = soak("doctor", "--json", "--set", "schedule.iterations=10000000", "--set", "schedule.budget=2s")
    assert (done.code, finding(done, "schedule")["status"]) == (1, "problem")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--segment", "5"), "--segment: '5' is not a duration"),
        (("--config", "none.yaml"), "none.yaml"),
        (("--set", "schedule"), "--set schedule: write KEY=VALUE"),
        (("--probe",), "unrecognized arguments: --probe"),
    ],
)
def test_bad_input_is_one_line(soak, words, told):
    done = soak("doctor", *words)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert told in done.err


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_dry_iteration_and_leaves_nothing(tmp_path: Path, number, code):
    prepare(tmp_path, "import pathlib, time\npathlib.Path('runs').touch()\ntime.sleep(300)")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "soak_action", "doctor"],
        cwd=tmp_path,
        env=clean_environment(TMPDIR=str(temporary)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    wait_for((tmp_path / "runs").exists)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, b"")
    assert err.endswith(b"soak: interrupted before everything was looked at\n")
    assert os.listdir(temporary) == []


PARAMETERS = 'parameters: {values: {speed: {initial: 5, min: 1, max: 9}}}\ntuning: {enabled: true, command: "exit 3"}'
READS_PARAMETERS = """\
import json, os, pathlib
speed = json.loads(pathlib.Path(os.environ["SOAK_PARAMS"]).read_text("utf-8"))["speed"]
pathlib.Path(os.environ["SOAK_OUT"], "metrics.json").write_text('{"p95": %d}' % speed, "utf-8")
"""


@pytest.mark.parametrize("speed", [5, 7])
def test_the_workload_reads_a_copy_of_the_parameters(soak, tmp_path: Path, speed):
    prepare(tmp_path, READS_PARAMETERS, more=PARAMETERS)
    kept = tmp_path / "soak.params.json"
    if speed != 5:
        kept.write_text(f'{{"speed":{speed}}}', "utf-8")
    done = soak("doctor", "--json")
    assert done.code == 0, done.out
    assert finding(done, "kpi.p95_ms")["sentence"] == f"{speed} ms"
    assert (kept.read_text("utf-8") if kept.exists() else "5") == (f'{{"speed":{speed}}}' if speed != 5 else "5")


def test_a_file_of_parameters_that_no_run_could_begin_with_is_a_problem(soak, tmp_path: Path):
    prepare(tmp_path, READS_PARAMETERS, more=PARAMETERS)
    (tmp_path / "soak.params.json").write_text('{"speed": 70}', "utf-8")
    done = soak("doctor", "--json")
    assert done.code == 1
    assert finding(done, "parameters") == {
        "id": "parameters",
        "status": "problem",
        "sentence": "soak.params.json: speed: 70 is outside of what soak.yaml allows; write a number from 1 to 9",
        "advice": "correct the file, or remove it: then the run begins with the initial values",
    }


def test_a_tuner_that_is_not_there_is_a_problem(soak, tmp_path: Path):
    prepare(tmp_path, READS_PARAMETERS, more=PARAMETERS.replace('"exit 3"', "[no-such-tuner]"))
    found = finding(soak("doctor", "--json"), "workload")
    assert (found["status"], found["sentence"]) == (
        "problem",
        "tuning.command: the program 'no-such-tuner' was not found on PATH",
    )
