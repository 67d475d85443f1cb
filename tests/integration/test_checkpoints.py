"""One command for every segment: it goes on with the furthest checkpoint that verifies, whatever else lies around."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.conftest import clean_environment
from tests.integration.watching import wait_for

from soak_action import checkpoints
from soak_action.errors import SurroundingsError, UsageError
from soak_action.evidence.run_dir import find
from soak_action.files import DirectoryLock
from soak_action.verify import verify

pytestmark = pytest.mark.usefixtures("unmeasured")

WORK = """
import json, os, pathlib
out = pathlib.Path(os.environ["SOAK_OUT"])
(out / "m.json").write_text(json.dumps({"v": int(os.environ["SOAK_ITERATION"])}))
"""
CONFIG = """
version: 1
workload: {run: ["${SOAK_PYTHON}", -S, work.py], timeout: 60s}
schedule: {iterations: 4}
kpis:
  v: {from: m.json#v, better: lower, range: [0, 1000], hard: 100}
"""
# A segment makes at least one iteration; in one of a millisecond there is never time for a second one.
SLOT = ("run", "--json", "--segment", "1ms", "--checkpoints", "found")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "work.py").write_text(WORK)
    (tmp_path / "soak.yaml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
def slot(soak, project: Path):
    """Play one slot on a fresh machine, keep what it left as an artifact, and return what it came to."""

    def call(artifact: str | None, *words: str):
        shutil.rmtree(project / ".soak", ignore_errors=True)
        done = soak(*SLOT, *words)
        if artifact and done.out:
            shutil.copytree(done.json["run_dir"], project / "found" / artifact)
        return done

    return call


def passed_over(done) -> list[str]:
    return [line for line in done.err.splitlines() if "passed over" in line]


def test_without_a_checkpoint_the_run_begins(slot, project):
    for folder in (None, project / "found"):
        if folder:
            folder.mkdir()
        done = slot(None)
        assert (done.code, done.json["state"], done.json["iterations"]) == (0, "paused", 1), done.err
        assert "no checkpoint" in done.err


def test_each_slot_goes_on_with_the_one_before_until_nothing_is_left(slot, project):
    done = [slot(f"slot-{number}") for number in range(1, 5)]
    assert [one.json["state"] for one in done] == ["paused", "paused", "paused", "finished"]
    assert [one.json["iterations"] for one in done] == [1, 2, 3, 4]
    assert len({one.json["run_id"] for one in done}) == 1
    assert Path(done[-1].json["run_dir"]) == project / ".soak" / done[0].json["run_id"]
    assert verify(find(Path(done[-1].json["run_dir"]))).problems == ()
    spare = slot(None)
    assert "nothing is run" in spare.err
    assert not (project / ".soak").exists(), "nothing was run, so nothing was written"
    wanted = ("run_id", "state", "verdict", "exit_code", "iterations", "measured_seconds")
    assert [spare.json[key] for key in wanted] == [done[-1].json[key] for key in wanted]
    assert (spare.code, spare.json["state"]) == (0, "finished")


def test_a_run_that_ended_badly_stays_what_it_is(slot):
    bad = ("--set", "kpis.v.hard=0", "--iterations", "1")
    assert slot("one", *bad).code == 1
    again = slot(None, *bad)
    assert (again.code, again.json["verdict"], again.json["failed_rules"]) == (1, "fail", ["v.hard"])
    assert "nothing is run" in again.err


def test_trap_23_the_furthest_is_taken_and_not_the_one_with_the_newest_files(slot, project):
    for number in (1, 2):
        slot(f"slot-{number}")
    for path in (project / "found" / "slot-1").rglob("*"):
        os.utime(path, (4e9, 4e9))
    done = slot(None)
    assert done.json["iterations"] == 3
    (told,) = passed_over(done)
    assert "slot-1" in told
    assert "1 iteration in 1 ended segment, against 2 in 2" in told


@pytest.mark.parametrize(
    "damage", ["edited", "cut", "no record", "no configuration", "not JSON", "foreign id", "a folder in its place"]
)
def test_what_does_not_verify_is_named_and_an_older_one_serves(slot, project, damage):
    for number in (1, 2):
        slot(f"slot-{number}")
    run = project / "found" / "slot-2"
    records = (run / "iterations.jsonl").read_bytes()
    if damage == "edited":
        (run / "iterations.jsonl").write_bytes(records.replace(b'"v":2', b'"v":3'))
    elif damage == "cut":
        (run / "iterations.jsonl").write_bytes(records.splitlines(keepends=True)[0])
    elif damage == "no record":
        (run / "iterations.jsonl").unlink()
    elif damage == "no configuration":
        (run / "config.json").unlink()
    elif damage == "not JSON":
        (run / "run.json").write_bytes(b"\xff{")
    elif damage == "foreign id":
        document = json.loads((run / "run.json").read_text())
        (run / "run.json").write_text(json.dumps({**document, "run_id": "../../somewhere"}))
    else:
        (run / "iterations.jsonl").unlink()
        (run / "iterations.jsonl").mkdir()
    done = slot(None)
    assert (done.code, done.json["iterations"]) == (0, 2), done.err
    assert [line for line in passed_over(done) if "slot-2" in line]
    assert "found/slot-1" in done.err.replace("\\", "/")


def test_when_nothing_verifies_the_run_begins_anew_and_says_so(slot, project):
    first = slot("slot-1")
    (project / "found" / "slot-1" / "segments.jsonl").write_bytes(b"{}\n")
    done = slot(None)
    assert (done.code, done.json["iterations"]) == (0, 1)
    assert done.json["run_id"] != first.json["run_id"]
    assert "does not verify" in passed_over(done)[0]


def test_two_runs_are_never_mixed_and_the_later_one_goes_on(slot, project):
    for number in (1, 2, 3):
        slot(f"first-{number}")
    (project / "found").rename(project / "away")
    later = slot("second-1")
    for path in (project / "away").iterdir():
        path.rename(project / "found" / path.name)
    done = slot(None)
    assert (done.json["run_id"], done.json["iterations"]) == (later.json["run_id"], 2)
    assert len(passed_over(done)) == 3
    assert all("another run" in line for line in passed_over(done))


def test_what_differs_from_what_the_run_began_with_is_refused(slot, project):
    slot("slot-1")
    done = slot(None, "--iterations", "5")
    assert done.code == 2
    assert re.search(r"schedule.iterations was 4 \(soak.yaml:4:\d+\), now it is 5 \(--iterations\)", done.err)
    assert not (project / ".soak").exists()
    ended = [slot(f"slot-{number}") for number in (2, 3, 4)]
    assert ended[-1].json["state"] == "finished"
    assert slot(None, "--iterations", "5").code == 2, "of a run that has ended, too"


def test_a_secret_of_the_command_line_is_no_obstacle_as_it_is_given_again(slot, project):
    secret = ("--set", "workload.env.API_TOKEN=hush-hush")
    slot("slot-1", *secret)
    done = slot(None, *secret)
    assert (done.code, done.json["iterations"]) == (0, 2), done.err
    assert b"hush-hush" not in b"".join(path.read_bytes() for path in project.rglob("*.json*"))


def test_a_machine_that_keeps_its_disk_goes_on_in_place(soak, project):
    here = ("run", "--json", "--segment", "1ms", "--checkpoints", "kept", "--output", "kept")
    first, second = soak(*here), soak(*here)
    assert second.json["run_dir"] == first.json["run_dir"]
    assert second.json["iterations"] == 2
    assert [path.name for path in (project / "kept").glob("2*")] == [first.json["run_id"]]


def test_a_disk_that_lags_behind_the_artifacts_is_overtaken_and_keeps_what_it_had(soak, project, slot):
    slot("slot-1")
    shutil.copytree(project / ".soak", project / "kept")
    slot("slot-2")
    shutil.move(project / "found", project / "kept" / "found")
    done = soak("run", "--json", "--segment", "1ms", "--checkpoints", "kept", "--output", "kept")
    assert (done.code, done.json["iterations"]) == (0, 3), done.err
    (aside,) = (project / "kept").glob("*.passed-over-1")
    assert len((aside / "iterations.jsonl").read_bytes().splitlines()) == 1


def test_of_two_that_are_equal_the_one_in_its_place_is_used(soak, project, slot):
    slot("slot-1")
    shutil.copytree(project / ".soak", project / "kept")
    shutil.move(project / "found", project / "kept" / "found")
    done = soak("run", "--json", "--segment", "1ms", "--checkpoints", "kept", "--output", "kept")
    assert done.json["iterations"] == 2
    assert not list((project / "kept").glob("*passed-over*"))
    assert "no further on than the one that is used" in done.err


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_what_a_killed_soak_left_on_this_disk_comes_before_a_copy_that_is_no_further_on(soak, project, slot):
    slot("slot-1")
    shutil.move(project / ".soak", project / "kept")
    shutil.move(project / "found", project / "kept" / "found")
    (project / "work.py").write_text(f"{WORK}import signal\nos.kill(os.getppid(), signal.SIGKILL)\n")
    here = ("--checkpoints", "kept", "--output", "kept")
    words = [sys.executable, "-m", "soak_action", "run", *here]
    environment = {name: value for name, value in clean_environment().items() if not name.startswith("COVERAGE")}
    assert subprocess.run(words, cwd=project, env=environment, capture_output=True, check=False).returncode == -9
    (project / "work.py").write_text(WORK)
    done = soak("run", "--json", "--segment", "1ms", *here)
    assert (done.code, done.json["iterations"]) == (0, 2), done.err
    assert (Path(done.json["run_dir"]) / "unrecorded" / "00002-1").is_dir()
    assert not list((project / "kept").glob("*passed-over*"))


def test_a_run_that_somebody_is_running_is_left_alone(soak, project, slot):
    slot("slot-1")
    shutil.copytree(project / ".soak", project / "kept")
    slot("slot-2")
    (run,) = (project / "kept").glob("2*")
    with DirectoryLock(run, "somebody else"):
        done = soak(*SLOT, "--output", "kept")
    assert done.code == 2
    assert "somebody else" in done.err
    assert run.is_dir()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_killed_slot_loses_at_most_the_running_iteration(soak, project, slot):
    (project / "work.py").write_text(
        WORK + "import signal, time\n"
        "if os.environ['SOAK_ITERATION'] == '3' and not pathlib.Path('again').exists():\n"
        "    pathlib.Path('again').touch()\n"
        "    os.kill(os.getppid(), signal.SIGKILL)\n"
        "    time.sleep(60)\n"
    )
    words = [sys.executable, "-m", "soak_action", "run", "--checkpoints", "found"]
    environment = {name: value for name, value in clean_environment().items() if not name.startswith("COVERAGE")}
    killed = subprocess.run(words, cwd=project, env=environment, capture_output=True, check=False)
    assert killed.returncode == -9
    (run,) = (project / ".soak").glob("2*")
    wait_for((run / "iterations" / "00003").exists)
    shutil.copytree(run, project / "found" / "slot-1", ignore=shutil.ignore_patterns(".lock"))
    done = slot(None)
    assert (done.code, done.json["iterations"]) == (0, 3), done.err
    ends = [json.loads(line) for line in Path(done.json["run_dir"], "segments.jsonl").read_bytes().splitlines()]
    assert [(end["state"], end["iterations"]) for end in ends] == [("interrupted", 2), ("paused", 3)]
    assert ends[0]["reason"] == "killed"
    assert verify(find(Path(done.json["run_dir"]))).problems == ()


def test_a_run_that_ended_without_a_seal_is_only_sealed(slot, project):
    slot("whole", "--iterations", "1")
    for name in ("receipt.json", "verdict.json"):
        (project / "found" / "whole" / name).unlink()
    done = slot(None, "--iterations", "1")
    assert (done.code, done.json["state"], done.json["iterations"]) == (0, "finished", 1), done.err
    assert Path(done.json["receipt"]).is_file()


def test_links_are_not_followed_and_strange_files_stay_where_they_are(slot, project):
    slot("slot-1")
    found = project / "found"
    (found / "round").symlink_to(found, target_is_directory=True)
    (found / "link").symlink_to(found / "slot-1", target_is_directory=True)
    done = slot(None)
    assert done.json["iterations"] == 2
    assert passed_over(done) == []


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes")
def test_what_is_no_file_is_not_copied(slot, project):
    slot("slot-1")
    os.mkfifo(project / "found" / "slot-1" / "iterations" / "00001" / "out" / "pipe")
    (project / "found" / "slot-1" / ".tmp-1-abc").write_text("left")
    done = slot(None)
    assert (done.code, done.json["iterations"]) == (0, 2), done.err
    assert not (Path(done.json["run_dir"]) / ".tmp-1-abc").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes")
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(slot, project):
    for number in (1, 2):
        slot(f"slot-{number}")
    (project / "found" / "slot-2" / "iterations.jsonl").unlink()
    os.mkfifo(project / "found" / "slot-2" / "iterations.jsonl")
    done = slot(None)
    assert (done.code, done.json["iterations"]) == (0, 2), done.err
    assert "slot-2: passed over" in done.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--checkpoints", " "), "the value is empty"),
        (("--checkpoints", "soak.yaml"), "is no directory"),
        (("--checkpoints", "found", "--resume", "x"), "cannot stand beside"),
    ],
)
def test_what_cannot_be_is_told_before_anything_runs(soak, project, words, told):
    done = soak("run", *words)
    assert done.code == 2
    assert told in done.err.replace("not a directory", "no directory").replace("this is", "is")
    assert not (project / ".soak").exists()


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_a_folder_that_nobody_may_look_into_is_told(soak, project):
    (project / "found").mkdir(mode=0)
    done = soak(*SLOT)
    assert done.code == 5
    assert "look for checkpoints" in done.err


def test_a_copy_that_fails_leaves_nothing_half(slot, project):
    """A file in the place of the folder of iterations cannot be made a folder."""
    slot("slot-1")
    run = find(project / "found" / "slot-1")
    shutil.rmtree(run.path / "iterations")
    (run.path / "iterations").write_text("not a folder")
    with pytest.raises(SurroundingsError):
        checkpoints.bring(run, project / "kept", datetime.now(UTC))
    assert [path.name for path in (project / "kept").glob("*2*")] == []


@pytest.mark.skipif(sys.platform == "win32", reason="ulimit")
def test_a_disk_that_refuses_the_copy_is_told_and_the_checkpoint_stays(slot, project):
    slot("slot-1")
    left = project / "found" / "slot-1" / "unrecorded"
    left.mkdir()
    (left / "large").write_bytes(b"x" * 100_000)
    words = [sys.executable, "-m", "soak_action", *SLOT, "--output", "kept"]
    limited = ["bash", "-c", 'ulimit -f 20; exec "$@"', "bash", *words]
    environment = {name: value for name, value in clean_environment().items() if not name.startswith("COVERAGE")}
    done = subprocess.run(limited, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 5, done.stderr
    assert "soak: cannot copy " in done.stderr
    assert "Traceback" not in done.stderr
    assert not [path for path in (project / "kept").iterdir() if path.name[0] != "." or path.name.startswith(".tmp-")]
    shutil.rmtree(project / "kept")
    assert slot(None).json["iterations"] == 2


def test_a_file_is_no_folder_of_checkpoints(project):
    with pytest.raises(UsageError, match="not a directory"):
        checkpoints.choose(project / "soak.yaml")
