"""Attacks on a step of an action: hostile workloads, files of the runner in every state, signals at any moment."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import termios
import time
from array import array
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

import pytest
from tests.conftest import Done, clean_environment, full
from tests.integration import action_step
from tests.integration.action_step import Job

from soak_action.commands import action
from soak_action.report.annotations import of_mistakes

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the attacks are POSIX shell scripts")

GATE = ".github/actions/kpi-gate"
SMOKE = ".github/actions/smoke"
INTERNAL = ".github/actions/internal"
GREEN = {"pass", "warn"}
GOOD = """echo '{"x": 1}' > "$SOAK_OUT/m.json"; """
KPI = "kpis.x.from=m.json#x\nkpis.x.better=lower\nkpis.x.hard=100"


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job whose workspace is empty."""
    job = Job(tmp_path)
    job.workspace.mkdir()
    return job


def runner_reads(text: str) -> tuple[dict[str, str], bool]:
    """Return the outputs that GitHub's runner takes from a file, and whether it refuses the rest of it.

    It sets an output as soon as it has read it, so what stands before a mistake holds.
    """
    outputs: dict[str, str] = {}
    lines = text.split("\n")
    while lines:
        line = lines.pop(0)
        head, heredoc, delimiter = line.partition("<<")
        name, plain, value = line.partition("=")
        if heredoc and (not plain or len(head) < len(name)):
            if delimiter not in lines:
                return outputs, True
            end = lines.index(delimiter)
            outputs[head] = "\n".join(lines[:end])
            del lines[: end + 1]
        elif plain:
            outputs[name] = value
        elif line:
            return outputs, True
    return outputs, False


def end(job: Job, process: subprocess.Popen[str], seconds: float = 100) -> action_step.Done:
    """Wait for a step, read what it gave back however it lies there, and check that it tells one story."""
    log, _ = process.communicate(timeout=seconds)
    texts = []
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        path = job.file(name)
        texts.append(path.read_text("utf-8") if path.is_file() else "")
    outputs, refused = runner_reads(texts[0])
    done = action_step.Done(process.returncode, log, outputs, texts[1])
    assert not refused, texts[0]
    assert "Traceback" not in log
    assert "is a defect" not in log, log
    if done.code == 0:
        assert outputs["verdict"] in GREEN
        assert outputs["exit-code"] == "0"
    else:
        assert outputs.get("verdict") not in GREEN, "red, but the output is green"
        assert outputs.get("exit-code", str(done.code)) == str(done.code)
    return done


def step(
    job: Job, script: str = GOOD, place: str = "", variables: Mapping[str, str] | None = None, **inputs: str
) -> action_step.Done:
    """Run a step whose workload is a shell script."""
    if place in ("", SMOKE):
        inputs = {"command": json.dumps(["/bin/sh", "-c", script.replace("${", "$${")]), **inputs}
        inputs.setdefault("set", KPI)
        if not place:
            inputs.setdefault("iterations", "1")
    with job.start(place, variables, **inputs) as process:
        return end(job, process)


def only_run(job: Job) -> Path:
    (run,) = (path for path in job.workspace.glob(".soak/2*") if path.is_dir())
    return run


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    while process.poll() is None and not condition():
        time.sleep(0.005)


# ---- the runner's files, found by the workload


def forgery(job: Job, delimiter: str) -> str:
    return f"verdict=pass\nexit-code=0\nfailed-rules=[]\nrest<<{delimiter}\n"


def test_outputs_that_are_only_appended_to_would_be_swallowed(job: Job) -> None:
    """The red case of the test below: the forgery stays in force although the true outputs follow it."""
    true = "verdict<<end-1\nfail\nend-1\nreceipt-artifact<<end-2\nsoak-receipt\nend-2\n"
    assert runner_reads(true)[0]["verdict"] == "fail"
    assert runner_reads(forgery(job, "soak-receipt") + true)[0]["verdict"] == "pass"


@pytest.mark.parametrize("delimiter", ["soak-receipt-work-space-default-$(basename $SOAK_RUN_DIR)", "never"])
def test_forged_outputs_do_not_outlive_the_true_ones(job: Job, delimiter: str) -> None:
    path = job.file("GITHUB_OUTPUT")
    done = step(job, f"cat > '{path}' <<END\n{forgery(job, delimiter)}END\nexit 1")
    assert (done.code, done.outputs["verdict"]) == (1, "fail")
    assert "rest" not in done.outputs


def test_a_byte_order_mark_does_not_garble_the_outputs(job: Job) -> None:
    done = step(job, f"{GOOD} printf '\\377\\376' > '{job.file('GITHUB_OUTPUT')}'")
    assert (done.code, done.outputs["verdict"]) == (0, "pass")


def test_a_forged_or_flooded_summary_is_replaced(job: Job) -> None:
    done = step(job, f"{GOOD} yes '# PASS' | head -c 2000000 > '{job.file('GITHUB_STEP_SUMMARY')}'", summary="true")
    assert done.code == 0
    assert done.summary == Path(done.outputs["report"]).read_text("utf-8")


@pytest.mark.parametrize("name", ["GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE"])
def test_variables_for_later_steps_are_thrown_away_and_told(job: Job, name: str) -> None:
    done = step(job, f"{GOOD} echo LD_PRELOAD=/tmp/evil.so > '{job.file(name)}'")
    assert (done.code, job.file(name).read_text("utf-8")) == (0, "")
    assert f"wrote to {name}" in done.log
    assert [line for line in done.log.splitlines() if line.startswith("::warning title=forged")]


def test_a_good_workload_is_not_suspected(job: Job) -> None:
    assert "forged" not in step(job).log


@pytest.mark.parametrize("deed", ["rm -f '{}'", "rm -f '{}'; mkfifo '{}'", "rm -f '{}'; mkdir '{}'", "chmod 0 '{}'"])
@pytest.mark.parametrize("name", ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"])
def test_a_file_of_the_runner_that_changes_its_kind_makes_no_step_hang_or_lie(job: Job, name: str, deed: str) -> None:
    done = step(job, GOOD + deed.replace("{}", str(job.file(name))))
    assert done.code in ((0,) if deed.count("{}") == 1 else (5,)) or (os.geteuid() and "chmod" in deed)
    assert (only_run(job) / "receipt.json").is_file()


@pytest.mark.parametrize("name", ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"])
@pytest.mark.parametrize("kind", ["", "directory", "missing/folder", "/dev/full"])
def test_what_cannot_be_given_back_is_told_before_anything_runs(job: Job, name: str, kind: str) -> None:
    (job.folder / "directory").mkdir()
    path = str(job.folder / kind) if kind else ""
    done = step(job, "touch ran", variables={name: path})
    assert done.code == (5 if kind else 2)
    assert name in done.log
    assert not (job.workspace / "ran").exists()


def test_a_summary_that_nobody_wants_need_not_be_writable(job: Job) -> None:
    done = step(job, summary="false", variables={"GITHUB_STEP_SUMMARY": str(job.folder)})
    assert (done.code, done.outputs["verdict"]) == (0, "pass")


@pytest.mark.parametrize("room", [0, 50, *full([400, 1000, 2500, 4000], [2000]), 30_000])
def test_a_disk_that_fills_up_leaves_all_outputs_or_none(job: Job, room: int) -> None:
    """The workload sets a file size limit for soak, which is a full disk that needs no mount."""
    code = f"import os, resource; resource.prlimit(os.getppid(), resource.RLIMIT_FSIZE, ({room}, {room}))"
    done = step(job, f"{GOOD} exec '{sys.executable}' -c '{code}'")
    assert done.code in {0, 4, 5}
    assert (done.code == 0) == (room == 30_000)
    if room == 0:
        assert done.outputs == {}


def test_the_workload_cannot_read_the_steps_environment() -> None:
    """Without root's rights: the job's secrets and the runner's files are not one look into /proc away."""
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux has /proc")
    code = """
import ctypes, os, subprocess
from soak_action.github.seclusion import seclude
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
look = ["/bin/sh", "-c", "grep -c HIDDEN /proc/$PPID/environ; ls /proc/$PPID/fd"]
before = subprocess.run(look, capture_output=True)
seclude()
after = subprocess.run(look, capture_output=True)
print(bool(before.stdout), bool(after.stdout))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**clean_environment(), "HIDDEN": "1"},
        cwd="/",
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout.split() == ["True", "False"]


# ---- what the workload does to its surroundings


def test_a_link_in_place_of_the_summary_does_not_lead_to_the_receipt(job: Job, soak: Callable[..., Done]) -> None:
    target = job.folder / "precious"
    target.write_text("mine")
    for place in ("receipt.json", str(target)):
        done = step(job, f'{GOOD} ln -s "{place}" "$SOAK_RUN_DIR/summary.md"')
        assert done.code == 0, done.log
        assert soak("verify", done.outputs["run-dir"]).code == 0
    assert target.read_text() == "mine"


DEEDS = {
    "delete the run": 'rm -rf "$SOAK_RUN_DIR"',
    "delete all runs": 'rm -rf "${SOAK_RUN_DIR%/*}"',
    "make the run a link": 'mv "$SOAK_RUN_DIR" "$SOAK_RUN_DIR.b"; ln -s "$SOAK_RUN_DIR.b" "$SOAK_RUN_DIR"',
    "make the run a link to nothing": 'mv "$SOAK_RUN_DIR" "$SOAK_RUN_DIR.b"; ln -s nothing "$SOAK_RUN_DIR"',
    "a folder in place of the summary": 'mkdir -p "$SOAK_RUN_DIR/summary.md/x"',
    "a folder in place of the verdict": 'mkdir -p "$SOAK_RUN_DIR/verdict.json/x"',
    "a folder in place of the receipt": 'mkdir -p "$SOAK_RUN_DIR/receipt.json/x"',
    "a pipe in place of the receipt": 'mkfifo "$SOAK_RUN_DIR/receipt.json"',
}


@pytest.mark.parametrize("deed", DEEDS)
def test_whoever_takes_the_evidence_away_gets_no_green_step(job: Job, deed: str, soak: Callable[..., Done]) -> None:
    done = step(job, GOOD + DEEDS[deed])
    if done.code == 0:
        assert soak("verify", done.outputs["run-dir"]).code == 0
    else:
        assert done.code in {4, 5}
        assert "INVALID" in done.summary


def test_a_workspace_that_vanishes_loses_no_verdict_that_lies_elsewhere(job: Job, soak: Callable[..., Done]) -> None:
    done = step(job, f"{GOOD} rm -rf '{job.workspace}'", output=str(job.folder / "kept"))
    assert (done.code, done.outputs["verdict"]) == (0, "pass")
    assert soak("verify", done.outputs["run-dir"]).code == 0
    assert done.summary


def test_a_workload_that_kills_soak_leaves_the_fallbacks(job: Job) -> None:
    done = step(job, "kill -9 $PPID; sleep 1")
    assert done.code == -signal.SIGKILL
    assert set(done.outputs) == {"run-dir", "run-id", "artifact"}


def test_floods_of_output_stay_small_in_the_log_and_behind_the_fence(job: Job) -> None:
    done = step(job, f"{GOOD} yes '::error::forged' | head -n 100000; head -c 200000000 /dev/zero")
    assert done.code == 0
    assert len(done.log) < 500_000
    assert not [line for line in obeyed(done.log) if "forged" in line]


def obeyed(log: str) -> list[str]:
    """Return the lines of a log that the runner takes for commands."""
    found, token = [], None
    for line in re.split(r"\r\n|\r|\n", log):
        if token is not None:
            token = None if line.strip() == f"::{token}::" else token
        elif line.lstrip().startswith("::stop-commands::"):
            token = line.strip().removeprefix("::stop-commands::")
        elif line.lstrip().startswith("::") or "##[" in line:
            found.append(line)
    return found


def test_what_is_written_past_soak_into_its_log_stands_behind_the_fence(job: Job) -> None:
    done = step(job, f"{GOOD} echo '::error::forged' > /proc/$PPID/fd/1; exit 0")
    assert done.code == 0
    assert not [line for line in obeyed(done.log) if "forged" in line]


def test_a_daemon_that_prints_later_has_no_say(job: Job) -> None:
    script = f"{GOOD} (trap '' HUP TERM; sleep 0.3; echo '::error::forged') & echo started"
    done = step(job, script)
    assert not [line for line in obeyed(done.log) if "forged" in line]


# ---- the log


@pytest.mark.parametrize("place", ["", GATE])
def test_a_reader_that_goes_away_changes_no_verdict(job: Job, place: str) -> None:
    (job.workspace / "m.json").write_text('{"x": 1}')
    inputs = {"results": "m.json", "kpis": "x=x better=lower hard=100"} if place else {"iterations": "3", "set": KPI}
    command = {} if place else {"command": json.dumps(["/bin/sh", "-c", GOOD + "echo something"])}
    with job.start(place, None, **inputs, **command) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(100) == 0
    outputs, _ = runner_reads(job.file("GITHUB_OUTPUT").read_text("utf-8"))
    assert (outputs["verdict"], outputs["exit-code"]) == ("pass", "0")
    assert job.file("GITHUB_STEP_SUMMARY").read_text("utf-8")


def waiting_in(pipe: IO[str]) -> int:
    """Return how many bytes were written into a pipe and not yet read from it."""
    return array("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0]


def test_a_signal_while_the_log_is_full_loses_no_line_and_no_fence() -> None:
    """Python without buffers drops the rest of a long text when a signal comes while the pipe is full."""
    code = """
import os, signal, sys
from soak_action.github.runner import Runner
signal.signal(signal.SIGUSR1, lambda *_: None)
runner = Runner({}, sys.stdout)
with runner.fenced():
    print("x" * 200_000, file=runner.stream)
    print("::error::forged", file=runner.stream)
    runner.mask(["real"])
"""
    with subprocess.Popen(
        [sys.executable, "-u", "-c", code], env=clean_environment(), stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        before, waiting = 0, waiting_in(process.stdout)
        while waiting == 0 or waiting != before:
            assert process.poll() is None
            time.sleep(0.2)
            before, waiting = waiting, waiting_in(process.stdout)
        process.send_signal(signal.SIGUSR1)
        log, _ = process.communicate(timeout=60)
    assert "x" * 200_000 + "\n" in log
    assert obeyed(log) == ["::add-mask::real"]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-16"])
def test_a_log_in_another_encoding_is_no_defect(job: Job, encoding: str) -> None:
    done = step(job, f"{GOOD} echo 'ü ☃'", variables={"PYTHONIOENCODING": encoding})
    assert done.code == 0


# ---- inputs


@pytest.mark.parametrize(
    ("place", "mark"),
    [
        *(("", mark) for mark in ['"', ":", "<", ">", "|", "*", "?", "\\", "/", "a\nb", "a\rb", "\x07"]),
        (GATE, "/"),
        (SMOKE, ":"),
    ],
)
def test_a_name_that_no_upload_takes_is_refused_before_anything_runs(job: Job, place: str, mark: str) -> None:
    more = {"results": "x"} if place == GATE else {}
    done = step(job, "touch ran", place, artifact_name=f"soak{mark}linux", **more)
    assert (done.code, done.outputs["verdict"]) == (2, "invalid")
    assert "input artifact-name" in done.log
    assert not (job.workspace / "ran").exists()


@pytest.mark.parametrize("name", ["soak linux.1_a-(b)", "säule", "auto", " "])
def test_a_name_that_uploads_take_is_used(job: Job, name: str) -> None:
    done = step(job, artifact_name=name)
    expected = {"auto": f"soak-{done.outputs['run-id']}", " ": ""}.get(name, name)
    assert (done.code, done.outputs["artifact"]) == (0, expected)


WRONG = {
    "iterations": ["0", "-1", "1.5", "many", "9" * 5000, "\x07", "☃"],
    "duration": ["1", "-1s", "forever", "1h;reboot"],
    "fail_on": ["nothing", "pass", ",", "fail fail"],
    "set": ["x", "=", "kpis", "a:1", "\x01x=1", "kpis.x.hard=", "x" * 120_000],
    "config": ["missing.yaml", ".", "/", "\x07", "x" * 5000],
    "profile": ["missing", "../x", "\x07", "x" * 5000],
    "command": ["[", "[]", '["missing-program"]', "{}", "[1]"],
    "output": ["/dev/null/x", "/proc/x", "x" * 300],
    "summary": ["True", "1"],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name in WRONG for text in WRONG[name]][:: full(1, 4)])
def test_a_wrong_input_is_one_clear_refusal(job: Job, name: str, text: str) -> None:
    done = step(job, "exit 1", **{name: text})
    assert done.code in {1, 2, 4, 5, 126, 127}, done.log
    assert done.outputs["verdict"] in {"invalid", "fail"}
    assert len(done.log) < 10_000
    assert "INVALID" in done.summary or "FAIL" in done.summary


def test_the_longest_command_that_a_variable_holds_is_run(job: Job) -> None:
    done = step(job, command=f"{GOOD} # {'x' * 120_000}")
    assert done.code == 0


def test_thousands_of_settings_are_read(job: Job) -> None:
    lines = "\r\n".join(f"workload.env.V{number}=1" for number in range(1500))
    done = step(job, f'{GOOD} test "$V1499" = 1', set=f"{KPI}\r\n{lines}")
    assert done.code == 0, done.log[-2000:]


def test_only_ends_of_lines_end_a_setting(job: Job) -> None:
    settings = KPI.replace("\n", "\r\n") + "\r\nworkload.env.V=a\u2028b\x0bc\x85d"
    done = step(job, f"""{GOOD} test "$V" = "$(printf 'a\\342\\200\\250b\\013c\\302\\205d')" """, set=settings)
    assert done.code == 0, done.log


def gate(job: Job, results: str, **inputs: str) -> action_step.Done:
    return step(job, "", GATE, results=results, **{"kpis": "x=x better=lower hard=100", **inputs})


@pytest.mark.parametrize(
    "results",
    ["r/1.json\r\nr/2.json\r\n", " r/*.json ", "**/*.json", "ABSOLUTE/r/?.json", "r/1.json\nr/1.json\nr/2.json"],
)
def test_results_are_found_however_they_are_named(job: Job, results: str) -> None:
    (job.workspace / "r").mkdir()
    for number in (1, 2):
        (job.workspace / "r" / f"{number}.json").write_text('{"x": 1}')
    done = gate(job, results.replace("ABSOLUTE", str(job.workspace)))
    assert (done.code, done.outputs["iterations"]) == (0, "2"), done.log


@pytest.mark.parametrize(
    ("results", "code"),
    [("r\\1.json", 4), ("r", 4), ("x*.json", 4), ("/dev/zero", 4), (" \r\n ", 2), ("\x07", 4), ("[", 4)],
)
def test_results_that_are_none_are_refused(job: Job, results: str, code: int) -> None:
    (job.workspace / "r").mkdir()
    (job.workspace / "r" / "1.json").write_text('{"x": 1}')
    done = gate(job, results)
    assert (done.code, done.outputs["verdict"]) == (code, "invalid")


def test_many_results_are_judged(job: Job) -> None:
    (job.workspace / "r").mkdir()
    for number in range(full(10_000, 300)):
        (job.workspace / "r" / f"{number}.json").write_text('{"x": 1}')
    done = gate(job, "r/*")
    assert (done.code, done.outputs["iterations"]) == (0, str(full(10_000, 300)))


def test_runs_and_files_and_judgements_are_not_mixed(job: Job) -> None:
    first = Path(step(job).outputs["run-dir"])
    second = Path(step(job).outputs["run-dir"])
    assert gate(job, str(first), kpis="").code == 0
    judgement = gate(job, f"{first}\r\n", kpis="").outputs["run-dir"]
    (job.workspace / "m.json").write_text('{"x": 1}')
    assert [
        gate(job, results, kpis="").code
        for results in (f"{first}\n{second}", f"{first}\nm.json", judgement, f"{judgement}\nm.json")
    ] == [2, 2, 4, 2]


@pytest.mark.parametrize("arguments", ["--help", "--version", "-h"])
def test_a_command_that_only_asks_for_help_is_no_success(job: Job, arguments: str) -> None:
    with job.start(INTERNAL, None, command="verify", arguments=arguments) as process:
        log, _ = process.communicate(timeout=100)
    assert process.returncode == 2, log


def test_the_document_of_a_run_is_given_back_whatever_its_workload_is(job: Job) -> None:
    with job.start(INTERNAL, None, command="run", arguments="--iterations\r\n1\n--\ntrue") as process:
        log, _ = process.communicate(timeout=100)
    assert process.returncode == 0, log
    outputs, _ = runner_reads(job.file("GITHUB_OUTPUT").read_text("utf-8"))
    assert json.loads(outputs["json"])["verdict"] == "pass"


def test_a_secret_of_several_lines_is_masked_and_stands_nowhere_else(job: Job) -> None:
    secret = "first half\nsecond half\n}"
    document = {
        "version": 1,
        "workload": {"env": {"MY_TOKEN": secret}, "run": ["/bin/sh", "-c", 'echo "$$MY_TOKEN"; exit 1']},
    }
    (job.workspace / "soak.yaml").write_text(json.dumps(document).replace("$$", "$"))
    with job.start("", None, iterations="2") as process:
        done = end(job, process)
    assert done.code == 1, done.log
    masked = [line for line in obeyed(done.log) if line.startswith("::add-mask::")]
    assert masked == ["::add-mask::first half", "::add-mask::second half"]
    assert done.log.index(masked[-1]) < done.log.replace("::add-mask::second half", "-" * 23).index("second half")
    for text in (done.summary, json.dumps(done.outputs)):
        assert "half" not in text


def test_what_goes_wrong_inside_is_told_behind_the_fence(
    job: Job, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> int:
        raise RuntimeError("\n::error::forged ##[set-output name=verdict]pass")

    job.file("GITHUB_OUTPUT").parent.mkdir()
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        monkeypatch.setenv(name, str(job.file(name)))
    monkeypatch.setattr(action, "seclude", lambda: None)
    monkeypatch.setattr(action, "run_step", fail)
    assert action.execute(argparse.Namespace(step="run")) == 5
    assert [line.partition(" ")[0] for line in obeyed(capsys.readouterr().out)] == ["::error"]
    outputs, _ = runner_reads(job.file("GITHUB_OUTPUT").read_text("utf-8"))
    assert (outputs["verdict"], outputs["exit-code"]) == ("invalid", "5")


# ---- places


def test_a_workspace_behind_a_link_still_has_annotations_on_their_lines(job: Job, tmp_path: Path) -> None:
    (job.workspace / "soak.yaml").write_text("version: 1\nx: 1\n")
    link = tmp_path / "link"
    link.symlink_to(job.workspace)
    for workspace in (link, job.workspace):
        done = step(job, variables={"GITHUB_WORKSPACE": str(workspace)})
        assert [line for line in done.log.splitlines() if line.startswith("::error file=soak.yaml,line=2,")], done.log


def test_a_configuration_outside_of_the_workspace_is_named_in_the_text(job: Job) -> None:
    (job.folder / "out side.yaml").write_text("version: 1\nx: 1\n")
    done = step(job, config="../out side.yaml")
    (told,) = [line for line in done.log.splitlines() if line.startswith("::error")]
    assert done.code == 2
    assert "out side.yaml:2:1: " in told
    assert "file=" not in told


def test_a_number_too_long_to_be_one_is_no_place(tmp_path: Path) -> None:
    told = [f"a:{'1' * 5000}:1: b", "a:1:2: b"]
    found = list(of_mistakes(told, tmp_path, tmp_path, "t"))
    assert [(one.file, one.line) for one in found] == [(None, None), ("a", 1)]


def test_a_missing_workspace_is_no_defect(job: Job) -> None:
    assert step(job, variables={"GITHUB_WORKSPACE": "/nowhere"}).code == 0
    assert step(job, variables={"GITHUB_WORKSPACE": ""}).code == 0


def test_two_steps_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    jobs = [Job(tmp_path / "1"), Job(tmp_path / "2")]
    shared = tmp_path / "shared"
    both = []
    for job in jobs:
        job.folder.mkdir()
        inputs = {"iterations": "3", "set": KPI, "output": str(shared)}
        both.append(job.start("", None, command=json.dumps(["/bin/sh", "-c", GOOD]), **inputs))
    done = [end(job, process) for job, process in zip(jobs, both, strict=True)]
    assert [one.code for one in done] == [0, 0]
    assert len({one.outputs["run-dir"] for one in done}) == 2


def test_dependencies_that_cannot_be_installed_leave_the_fallbacks(job: Job) -> None:
    nowhere = {name: str(job.folder / "empty") for name in ("RUNNER_TOOL_CACHE", "RUNNER_TEMP", "HOME")}
    offline = {"PIP_NO_INDEX": "1", "UV_OFFLINE": "1", "PIP_FIND_LINKS": "", "UV_CACHE_DIR": str(job.folder / "uv")}
    done = step(job, variables={**nowhere, **offline, "PATH": "/usr/bin:/bin"})
    assert (done.code, done.outputs) == (5, {}), done.log


# ---- signals


@pytest.mark.parametrize("seed", range(full(20, 6)))
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_at_any_moment_leaves_a_verified_run_or_the_fallbacks(
    job: Job, seed: int, number: int, soak: Callable[..., Done]
) -> None:
    delay = random.Random(seed).uniform(0.0, 1.2)
    inputs = {"command": json.dumps(["/bin/sh", "-c", GOOD]), "iterations": "5", "set": KPI}
    with job.start(SMOKE if seed % 2 else "", None, **(inputs if not seed % 2 else {"mock": "calm"})) as process:
        time.sleep(delay)
        process.send_signal(number)
        time.sleep(random.Random(seed + 1).uniform(0.0, 0.2))
        process.send_signal(number)
        log, _ = process.communicate(timeout=100)
    outputs, refused = runner_reads(job.file("GITHUB_OUTPUT").read_text("utf-8"))
    assert not refused
    # Before it takes signals itself, the interpreter ends as it likes, and nothing is set.
    assert process.returncode in {0, 130, 143, -number} or not outputs, log
    if process.returncode:
        assert outputs.get("verdict") not in GREEN
    if "verdict" in outputs and "receipt" in outputs:
        assert "VERIFIED" in soak("verify", outputs["run-dir"]).out
        assert job.file("GITHUB_STEP_SUMMARY").read_text("utf-8")
    else:
        assert process.returncode != 0


def test_a_judgement_that_is_interrupted_says_so_everywhere(job: Job) -> None:
    (job.workspace / "r").mkdir()
    for number in range(3_000):
        (job.workspace / "r" / f"{number}.json").write_text('{"x": 1}')
    for _ in range(5):
        shutil.rmtree(job.workspace / ".soak", ignore_errors=True)
        with job.start(GATE, None, results="r/*", kpis="x=x better=lower hard=100") as process:
            wait_for(lambda: any(job.workspace.glob(".soak/2*/results/00001.json")), process)
            process.send_signal(signal.SIGINT)
            done = end(job, process)
        if done.code != 0:
            break
    else:
        pytest.skip("this machine was never fast enough to interrupt it")
    assert (done.code, done.outputs["verdict"], done.outputs["exit-code"]) == (130, "invalid", "130")
    assert "interrupted" in done.summary
