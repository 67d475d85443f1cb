"""A step as GitHub's runner starts it: outputs, summary, log, cancellation, and what inputs of all kinds come to."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
from pathlib import Path

import pytest
from tests.integration.action_step import ROOT, Job
from tests.integration.watching import STUBBORN, alive, wait_for

PROGRAMS = ROOT / "tests" / "e2e" / "programs"
POSIX = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job whose workspace holds the programs of the end-to-end tests."""
    job = Job(tmp_path)
    shutil.copytree(PROGRAMS, job.workspace)
    return job


@pytest.fixture
def bare(tmp_path: Path) -> Job:
    """A job whose workspace is empty: no configuration, so that a command is all there is."""
    return Job(tmp_path)


def test_a_green_step_gives_back_everything(job, soak):
    done = job.run()
    outputs = done.outputs
    assert done.code == 0, done.log
    assert (outputs["verdict"], outputs["state"], outputs["exit-code"]) == ("pass", "finished", "0")
    assert (outputs["iterations"], outputs["failed-rules"]) == ("3", "[]")
    assert float(outputs["measured-seconds"]) > 0
    run = Path(outputs["run-dir"])
    assert run.is_dir()
    assert run.is_relative_to(job.workspace)
    assert outputs["run-id"] == run.name
    assert Path(outputs["receipt"]) == run / "receipt.json"
    assert outputs["artifact"] == f"soak-{run.name}"
    assert json.loads(Path(outputs["receipt"]).read_text("utf-8"))["verdict"] == "pass"
    assert Path(outputs["report"]).read_text("utf-8") == done.summary
    assert soak("verify", run).code == 0
    assert [job.file(name).read_text() for name in ("GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE")] == ["", "", ""]


@pytest.mark.parametrize(
    ("profile", "verdict", "code"),
    [("", "pass", 0), ("close", "warn", 0), ("slow", "fail", 1), ("silent", "invalid", 4)],
)
def test_trap_07_headline_details_outputs_and_files_tell_one_story(job, profile, verdict, code):
    done = job.run(profile=profile)
    assert (done.code, done.outputs["verdict"], done.outputs["exit-code"]) == (code, verdict, str(code))
    filed = json.loads(Path(done.outputs["run-dir"], "verdict.json").read_text("utf-8"))
    assert filed["verdict"] == verdict
    headline = next(line for line in done.summary.splitlines() if line.startswith("#"))
    assert verdict in headline.lower()
    assert not {"pass", "warn", "fail", "invalid", "inconclusive"} - {verdict} & set(headline.lower().split())
    bad = [rule["id"] for rule in filed["rules"] if rule["result"] in {"fail", "invalid"}]
    assert json.loads(done.outputs["failed-rules"]) == bad
    assert bool(bad) == (verdict in {"fail", "invalid"})
    for rule in bad:
        assert rule.partition(".")[0] in done.summary.replace("\\_", "_"), f"{rule} is not in the summary"


def test_a_change_under_way_is_refused_allowed_and_told(job):
    paused = job.run(segment="1ms")
    assert (paused.code, paused.outputs["state"]) == (0, "paused"), paused.log
    configuration = job.workspace / "soak.yaml"
    configuration.write_text(configuration.read_text().replace("workload:", "workload:\n  env: {MODE: new}", 1))
    run = paused.outputs["run-dir"]
    refused = job.run(resume=run, allow_change="false")
    assert (refused.code, "--allow-change goes on all the same" in refused.log) == (2, True), refused.log
    done = job.run(resume=run, allow_change="true")
    assert (done.code, done.outputs["verdict"]) == (0, "pass"), done.log
    assert "## Changed under way" in done.summary
    assert "workload.env.MODE" in done.summary


@pytest.mark.parametrize(("text", "told"), [("true", "leave it out without resume"), ("yes", "neither true nor false")])
def test_a_change_of_nothing_is_refused(job, text, told):
    done = job.run(allow_change=text)
    assert (done.code, told in done.log) == (2, True), done.log


def test_a_mistake_is_told_on_its_line_and_nothing_ran(job):
    done = job.run(config="wrong.yaml")
    assert (done.code, done.outputs["verdict"], done.outputs["exit-code"]) == (2, "invalid", "2")
    (told,) = [line for line in done.log.splitlines() if line.startswith("::error")]
    assert told.startswith("::error file=wrong.yaml,line=5,col=3,")
    assert "iteratoins" in done.summary
    assert not (job.workspace / ".soak").exists()


# ---- inputs


def test_trap_51_inputs_that_are_empty_on_a_schedule_were_not_given(job):
    empty = {
        name.replace("-", "_"): "" for name in ("profile", "config", "command", "iterations", "duration", "fail-on")
    }
    done = job.run(**empty, set="", summary="", artifact_name="")
    assert (done.code, done.outputs["iterations"], done.outputs["artifact"]) == (0, "3", "")
    sources = json.loads(Path(done.outputs["run-dir"], "config-sources.json").read_text("utf-8"))
    assert "input" not in json.dumps(sources)
    assert done.summary


@pytest.mark.parametrize(("text", "written"), [("true", True), ("false", False), (" false\n", False)])
def test_trap_51_a_boolean_is_read_as_the_text_that_it_is(job, text, written):
    done = job.run(summary=text)
    assert done.code == 0
    assert bool(done.summary) is written


@pytest.mark.parametrize("text", ["False", "0", "no", "yes please"])
def test_trap_51_a_text_that_is_no_boolean_is_refused_before_anything_runs(job, text):
    done = job.run(summary=text)
    assert (done.code, done.outputs["verdict"], done.outputs["exit-code"]) == (2, "invalid", "2")
    assert "input summary" in done.log
    assert not (job.workspace / ".soak").exists()


WEIRD = """it's "quoted" `ticks` $HOME ${x} {0} %PATH% %0A::error:: \\ {f!r} ${{ 1 }} é \u2028 'a' <<EOF"""


def test_trap_45_what_a_user_writes_reaches_the_workload_as_it_is(bare):
    program = "import json, os, sys; json.dump(sys.argv[1:], open(os.environ['SOAK_OUT'] + '/words.json', 'w'))"
    done = bare.run(command=json.dumps([sys.executable, "-c", program, WEIRD, "", "a\nb"]), iterations="1")
    assert done.code == 0, done.log
    (words,) = Path(done.outputs["run-dir"]).glob("iterations/00001/out/words.json")
    assert json.loads(words.read_text("utf-8")) == [WEIRD, "", "a\nb"]


@POSIX
def test_trap_45_a_text_goes_to_the_shell_as_it_is(bare):
    command = (
        "printf '%s\\n' \"it's\" '$HOME' > \"$SOAK_OUT/words\"\nprintf '%s' \"${SOAK_ITERATION}\" >> $SOAK_OUT/words"
    )
    done = bare.run(command=command, iterations="1")
    assert done.code == 0, done.log
    assert Path(done.outputs["run-dir"], "iterations/00001/out/words").read_text() == "it's\n$HOME\n1"


def test_trap_45_each_line_of_set_is_one_value(job):
    title = "a 'b' \"c\" = d # e: [f]"
    done = job.run(set=f"\n  kpis.p95_ms.hard=100  \n\nkpis.p95_ms.soft=50\nkpis.p95_ms.title={title}\n\n")
    assert (done.code, done.outputs["failed-rules"]) == (1, '["p95_ms.hard"]')
    config = json.loads(Path(done.outputs["run-dir"], "config.json").read_text("utf-8"))
    assert config["kpis"]["p95_ms"]["title"] == title


# ---- text of others


def test_a_hostile_workload_and_hostile_names_change_nothing(job):
    done = job.run(config="hostile.yaml")
    assert (done.code, done.outputs["verdict"]) == (1, "fail")
    obeyed, resume = [], None
    for line in done.log.split("\n"):
        name, _, rest = line.lstrip().removeprefix("::").partition("::")
        if resume:
            resume = None if line == f"::{resume}::" else resume
        elif line.lstrip().startswith("::") and name == "stop-commands":
            resume = rest
        elif line.lstrip().startswith("::") or "##[" in line:
            obeyed.append(line)
    assert resume is None
    assert obeyed
    assert not [
        line
        for line in obeyed
        if "forged" in line or not line.startswith(("::group::", "::endgroup::", "::error ", "::warning "))
    ]
    assert "\x1b" not in done.log
    assert "\r" not in done.log
    assert "forged" not in done.summary
    (found,) = Path(done.outputs["run-dir"]).glob("iterations/00003/out/found.json")
    reachable = set(json.loads(found.read_text("utf-8")))
    assert not reachable & {"GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE"}
    assert not [name for name in reachable if name.startswith(("INPUT_", "ACTIONS_"))]
    assert "<script" not in done.summary.lower()
    assert not re.search(r"(?<!\\)\]\(", done.summary), "a link that is one"
    assert not [line for line in done.summary.splitlines() if line.startswith(("::", "# four"))]


# ---- cancellation


@POSIX
def test_a_cancelled_step_ends_before_the_second_signal_and_leaves_nothing(bare, soak):
    process = bare.start(command=json.dumps([sys.executable, "-c", STUBBORN]), iterations="3")
    pids = bare.workspace / "pids"
    wait_for(lambda: pids.exists() and len(pids.read_text().split()) >= 2)
    sent, done = bare.cancel(process)
    assert sent == [signal.SIGINT]
    assert done.code == 130
    assert (done.outputs["state"], done.outputs["exit-code"]) == ("interrupted", "130")
    assert done.outputs["verdict"] in {"inconclusive", "invalid"}
    assert not [pid for pid in map(int, pids.read_text().split()) if alive(pid)]
    assert soak("verify", done.outputs["run-dir"]).code in {3, 4}
    assert "VERIFIED" in soak("verify", done.outputs["run-dir"]).out
    assert done.outputs["artifact"], "what was measured until then is uploaded"
    assert done.summary


@POSIX
def test_the_cancellation_of_a_step_that_hangs_takes_all_three_signals(bare):
    """The red case of the test above: the sequence would tell a step that does not end by itself."""
    process = bare.start(command=json.dumps([sys.executable, "-c", "import time; time.sleep(3)"]), iterations="3")
    # Before it takes signals itself, the first one would end it even while it is stopped.
    wait_for(lambda: any(bare.workspace.glob(".soak/*/iterations/00001/stdout.log")))
    process.send_signal(signal.SIGSTOP)
    sent, done = bare.cancel(process)
    assert sent == [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]
    assert done.code == -signal.SIGKILL


def test_a_run_that_is_killed_has_already_said_what_to_upload(bare):
    process = bare.start(command=json.dumps([sys.executable, "-c", "import time; time.sleep(5)"]), iterations="3")
    wait_for(lambda: any(bare.workspace.glob(".soak/*/iterations/00001/stdout.log")))
    process.kill()
    done = bare.end(process)
    assert done.outputs["artifact"]
    assert Path(done.outputs["run-dir"], "run.json").exists()
    assert "verdict" not in done.outputs, "the fallback of action.yml says invalid"


@pytest.mark.parametrize("place", ["", ".github/actions/smoke", ".github/actions/kpi-gate"])
def test_days_that_no_upload_would_take_are_refused_before_anything_runs(job, place):
    for days in ("0", "401", "-1", "3.5", "a month"):
        done = job.run(place, retention_days=days)
        assert (done.code, done.outputs["verdict"]) == (2, "invalid")
        assert "input retention-days" in done.log
    assert not (job.workspace / ".soak").exists()


def test_days_that_an_upload_takes_are_not_refused(job):
    assert job.run(retention_days="400").code == 0
