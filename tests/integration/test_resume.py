"""Pausing and resuming with real processes: one run in several segments, whatever ended each of them."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest
from tests.conftest import clean_environment, full
from tests.integration.watching import alive, die_at, wait_for

from soak_action import canonical
from soak_action.evidence.ledger import seal
from soak_action.evidence.run_dir import find
from soak_action.verify import verify

pytestmark = pytest.mark.usefixtures("unmeasured")

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
SOAK = [sys.executable, "-m", "soak_action"]
WORK = """
import json, os, pathlib, time
number = int(os.environ["SOAK_ITERATION"])
out = pathlib.Path(os.environ["SOAK_OUT"])
assert not any(out.iterdir()), "SOAK_OUT is not empty"
(out / "m.json").write_text(json.dumps({"v": number, "token": os.environ.get("TOKEN"), "cwd": os.getcwd()}))
time.sleep(float(pathlib.Path("takes").read_text()) if pathlib.Path("takes").exists() else 0)
"""
CONFIG = """
version: 1
workload: {run: ["${SOAK_PYTHON}", -S, work.py], timeout: 60s}
schedule: {iterations: 6}
kpis:
  v: {from: m.json#v, better: lower, range: [0, 1000], hard: 100}
profiles:
  long: {schedule: {iterations: 9}}
"""
# A segment makes at least one iteration; in one of a millisecond there is never time for a second one.
SHORT = "1ms"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "work.py").write_text(WORK)
    (tmp_path / "soak.yaml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
def paused(soak, project: Path) -> Path:
    done = soak("run", "--json", "--segment", SHORT)
    assert (done.code, done.json["state"], done.json["verdict"]) == (0, "paused", "inconclusive"), done.err
    return Path(done.json["run_dir"])


def lines(run: Path, name: str = "iterations.jsonl") -> list[dict]:
    return [json.loads(line) for line in (run / name).read_bytes().splitlines()]


def snapshot(run: Path) -> dict[str, bytes]:
    """Return the content of every file, the lock aside."""
    files = (path for path in sorted(run.rglob("*")) if path.is_file() and path.name != ".lock")
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in files}


def assert_whole(run: Path, iterations: int) -> None:
    """Check that nothing was lost or doubled, and that everything verifies."""
    assert [record["iteration"] for record in lines(run)] == list(range(1, iterations + 1))
    assert [record["kpis"].get("v", number) for number, record in enumerate(lines(run), 1)] == list(
        range(1, iterations + 1)
    )
    assert [path.name for path in sorted((run / "iterations").iterdir())] == [
        f"{number:05d}" for number in range(1, iterations + 1)
    ]
    assert not any(run.glob(".tmp-*"))
    assert verify(find(run)).problems == ()


def start(cwd: Path, *words: str) -> subprocess.Popen[bytes]:
    # A killed process leaves a broken measurement behind, so none is taken of it.
    env = {name: value for name, value in clean_environment().items() if not name.startswith("COVERAGE")}
    return subprocess.Popen([*SOAK, "run", *words], cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def git(project: Path, *words: str) -> None:
    command = ["git", "-c", "user.name=n", "-c", "user.email=n@example.org", *words]
    subprocess.run(command, cwd=project, env=clean_environment(), capture_output=True, check=True)


CHANGED = CONFIG.replace("timeout: 60s}", "timeout: 60s, env: {TOKEN: t, MODE: new}}")


def verdict_of(run: Path) -> dict:
    return json.loads((run / "verdict.json").read_text())


def test_three_segments_are_one_run(soak, project, paused):
    first = json.loads((paused / "receipt.json").read_text())
    assert (first["state"], first["coverage"]["iterations_done"]) == ("paused", 1)
    assert soak("verify", paused).code == 3
    again = soak("run", "--json", "--resume", paused, "--segment", SHORT)
    assert (again.code, again.json["state"], again.json["iterations"]) == (0, "paused", 2)
    assert again.json["run_dir"] == str(paused)
    last = soak("run", "--json", "--resume", paused)
    assert (last.code, last.json["state"], last.json["verdict"], last.json["iterations"]) == (0, "finished", "pass", 6)
    assert "iteration 3/6 | ok" in last.err
    assert "iteration 2/6" not in last.err
    assert_whole(paused, 6)
    assert [record["segment"] for record in lines(paused)] == [1, 2, 3, 3, 3, 3]
    ends = lines(paused, "segments.jsonl")
    assert [end["state"] for end in ends] == ["paused", "paused", "finished"]
    seconds = [end["measured_seconds"] for end in ends]
    coverage = json.loads((paused / "receipt.json").read_text())["coverage"]
    assert coverage["seconds_measured"] == pytest.approx(sum(seconds), abs=1e-6)
    assert coverage["longest_segment_seconds"] == max(seconds)
    assert coverage["segments"] == 3
    times = [(end["started_at"], end["ended_at"]) for end in ends]
    between = [
        datetime.fromisoformat(after[0]) - datetime.fromisoformat(before[1]) for before, after in pairwise(times)
    ]
    assert coverage["gap_seconds"] == pytest.approx(sum(gap.total_seconds() for gap in between), abs=1e-6)
    assert coverage["gap_seconds"] > 0
    offsets = [record["offset_seconds"] for record in lines(paused)]
    assert offsets[1] == pytest.approx(seconds[0], abs=0.5)
    assert offsets[2] == pytest.approx(seconds[0] + seconds[1], abs=0.5)
    verified = soak("verify", paused)
    assert (verified.code, "VERIFIED" in verified.out) == (0, True)
    known = {"run", "config", "config-sources", "verdict", "receipt"}
    assert {path.name for path in paused.iterdir()} == {
        *(f"{name}.json" for name in known),
        *("iterations.jsonl", "segments.jsonl", "iterations", ".lock"),
    }


def test_a_person_is_told_how_to_go_on(soak, project):
    done = soak("run", "--segment", SHORT)
    assert done.code == 0
    assert "paused: 1 iteration" in done.out
    assert "go on with:   python3 -m soak_action run --resume " in done.out
    assert "go on with" not in soak("run").out


def test_a_paused_run_that_breaches_a_live_rule_fails(soak, project):
    (project / "work.py").write_text("raise SystemExit(1)")
    done = soak("run", "--json", "--segment", SHORT)
    assert (done.code, done.json["state"], done.json["failed_rules"]) == (1, "paused", ["schedule.failures"])


# Twenty kills in each, so 200 of them under --full.
@POSIX
@pytest.mark.parametrize("seed", range(full(10, 1)))
def test_kill_at_random_moments_loses_and_doubles_nothing(soak, project, seed):
    moments = random.Random(seed)
    (project / "takes").write_text("0.05")
    kills = 0
    while kills < 20:
        kills += killed_again_and_again(soak, project, moments, 20 - kills)


def killed_again_and_again(soak, project: Path, moments: random.Random, most: int) -> int:
    """Kill one run at most so often, resume it each time, and check it all; return how often it was killed."""
    earlier = set(project.glob(".soak/2*"))
    iterations = 40
    process = start(project, "--json", "--set", f"schedule.iterations={iterations}")
    wait_for(lambda: any((path / "run.json").exists() for path in set(project.glob(".soak/2*")) - earlier))
    (run,) = set(project.glob(".soak/2*")) - earlier
    kills = 0
    while True:
        try:
            # Later each time, so that the run gets to its end on a slow machine, too.
            process.wait(moments.uniform(0.2, 0.8 + 0.1 * kills) if kills < most else None)
            break
        except subprocess.TimeoutExpired:
            kills += 1
        before = lines(run) if (run / "iterations.jsonl").exists() else []
        process.kill()
        process.communicate()
        # Written but not yet sealed, or sealed already: both are whole.
        assert not verify(find(run)).problems
        assert lines(run)[: len(before)] == before
        process = start(project, "--json", "--resume", str(run))
    _, err = process.communicate()
    assert process.returncode in {0, 2}, err.decode()
    if process.returncode == 2:
        assert b"has finished, so there is nothing to resume" in err
    assert_whole(run, iterations)
    assert soak("verify", run).code == 0
    ends = lines(run, "segments.jsonl")
    assert {end["reason"] for end in ends} <= {"killed", "schedule met"}
    assert [end["segment"] for end in ends] == list(range(1, len(ends) + 1))
    assert json.loads((run / "receipt.json").read_text())["coverage"]["longest_segment_seconds"] == max(
        end["measured_seconds"] for end in ends
    )
    return kills


@POSIX
@pytest.mark.parametrize("changed", [(), ("--allow-change",)], ids=["as promised", "with a change"])
def test_kill_at_every_step_of_every_write_of_a_resumed_segment(soak, project, changed):
    paused = Path(soak("run", "--json", "--iterations", "60", "--segment", SHORT).json["run_dir"])
    (project / "soak.yaml").write_text(CHANGED if changed else CONFIG)
    resume = ("run", "--json", "--segment", "1ms", "--resume", paused, *changed)
    code, steps = die_at(0, project, *resume)
    assert code == 0
    assert len(steps) >= 10
    for fatal in range(1, len(steps) + 1, full(1, 4)):
        assert die_at(fatal, project, *resume)[0] == -signal.SIGKILL
        found = verify(find(paused))
        assert (found.problems, found.verdict) == ((), "inconclusive")
    assert soak("run", "--resume", paused, *changed).code == 0
    assert_whole(paused, 60)
    assert soak("verify", paused).code == 0
    told = {(change["first_iteration"], change["last_iteration"]) for change in verdict_of(paused)["changes"]}
    assert told == ({(2, 60)} if changed else set())


@POSIX
def test_a_torn_record_is_dropped_and_its_iteration_made_again(soak, project, paused):
    with (paused / "iterations.jsonl").open("ab") as stream:
        stream.write(b'{"iteration":2,"torn')
    (paused / "iterations/00002/out").mkdir(parents=True)
    (paused / "iterations/00002/out/m.json").write_text('{"v": 999}')
    for name in ("receipt.json", "segments.jsonl"):
        (paused / name).unlink()
    done = soak("run", "--json", "--resume", paused)
    assert (done.code, done.json["verdict"]) == (0, "pass")
    assert_whole(paused, 6)
    assert (paused / "unrecorded/00002-1/out/m.json").read_text() == '{"v": 999}'
    assert [end["reason"] for end in lines(paused, "segments.jsonl")] == ["killed", "schedule met"]


@POSIX
def test_a_run_that_was_killed_before_it_was_sealed_is_sealed(soak, project):
    done = soak("run", "--json")
    run = Path(done.json["run_dir"])
    whole = snapshot(run)
    for name in ("receipt.json", "verdict.json"):
        (run / name).unlink()
    again = soak("run", "--json", "--resume", run)
    assert (again.code, again.json) == (0, done.json)
    assert snapshot(run) == whole


@POSIX
def test_a_run_that_a_full_disk_ended_goes_on_when_there_is_space(soak, project):
    """RLIMIT_FSIZE is a full disk that needs no root: every write beyond the limit fails."""
    driver = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192));"
        "from soak_action.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", driver, "run", "--iterations", "30"]
    done = subprocess.run(command, cwd=project, env=clean_environment(), capture_output=True, check=False)
    assert done.returncode == 5, done.stderr
    (run,) = project.glob(".soak/2*")
    assert 1 <= len(lines(run)) < 30
    again = soak("run", "--json", "--resume", run)
    assert (again.code, again.json["verdict"]) == (0, "pass"), again.err
    assert_whole(run, 30)


@POSIX
def test_the_workload_that_a_killed_soak_left_behind_is_stopped_before_its_iteration_is_repeated(soak, project, paused):
    orphan = "import os, time; open('orphan', 'w').write(str(os.getpid())); time.sleep(300)"
    (project / "work.py").write_text("import os\nif not os.path.exists('orphan'):\n    " + orphan + WORK)
    process = start(project, "--resume", str(paused))
    wait_for(lambda: (project / "orphan").exists() and (project / "orphan").read_text())
    process.kill()
    process.communicate()
    assert alive(int((project / "orphan").read_text()))
    assert soak("run", "--resume", paused).code == 0
    assert not alive(int((project / "orphan").read_text()))
    assert_whole(paused, 6)
    assert [path.name for path in (paused / "unrecorded").iterdir()] == ["00002-1"]


@POSIX
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_goes_on_after_the_cancelled_iteration(soak, project, number, code):
    (project / "takes").write_text("0")
    process = start(project, "--json")
    wait_for(lambda: any(project.glob(".soak/*/iterations/00001/out/m.json")))
    (project / "takes").write_text("300")
    wait_for(lambda: not process.poll() and any(project.glob(".soak/*/iterations/0000?/out/m.json")))
    time.sleep(1)
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == code
    run = Path(json.loads(out)["run_dir"])
    cancelled = len(lines(run))
    assert lines(run)[-1]["outcome"] == "cancelled"
    (project / "takes").write_text("0")
    done = soak("run", "--json", "--resume", run)
    assert (done.code, done.json["state"], done.json["verdict"]) == (0, "finished", "pass")
    outcomes = [record["outcome"] for record in lines(run)]
    assert (outcomes.count("ok"), outcomes[cancelled - 1], len(outcomes)) == (6, "cancelled", 7)
    assert_whole(run, 7)
    assert json.loads((run / "receipt.json").read_text())["coverage"]["iterations_done"] == 6


@POSIX
def test_of_two_that_resume_at_once_one_wins(soak, project, paused):
    (project / "takes").write_text("1.5")
    both = [start(project, "--resume", str(paused), "--segment", SHORT) for _ in range(2)]
    ends = [process.communicate(timeout=90) for process in both]
    assert sorted(process.returncode for process in both) == [0, 2]
    (error,) = [err for process, (_, err) in zip(both, ends, strict=True) if process.returncode == 2]
    assert b"is in use: held by pid" in error
    assert_whole(paused, 2)


def edit_record(run: Path) -> None:
    content = (run / "iterations.jsonl").read_bytes()
    (run / "iterations.jsonl").write_bytes(content.replace(b'"v":1', b'"v":2'))


def edit_result(run: Path) -> None:
    (run / "iterations/00001/out/m.json").write_text('{"v": 2}')


def edit_verdict(run: Path) -> None:
    verdict = (run / "verdict.json").read_text()
    (run / "verdict.json").write_text(verdict.replace("inconclusive", "pass"))


def edit_end(run: Path) -> None:
    """Claim an hour of soak time, with a chain that fits, and without the receipt that would tell."""
    end = lines(run, "segments.jsonl")[0]
    body = {key: value for key, value in end.items() if key not in {"digest", "previous"}}
    line, _ = seal({**body, "measured_seconds": 3600.0}, end["previous"])
    (run / "segments.jsonl").write_bytes(line + b"\n")
    (run / "receipt.json").unlink()


def add_stranger(run: Path) -> None:
    (run / "iterations/00009").mkdir()


@pytest.mark.parametrize("edit", [edit_record, edit_result, edit_verdict, edit_end, add_stranger])
def test_edited_evidence_is_not_resumed(soak, project, paused, edit):
    edit(paused)
    before = snapshot(paused)
    done = soak("run", "--resume", paused)
    assert done.code == 4, done.err
    assert "not resumed, because its evidence does not verify" in done.err
    assert snapshot(paused) == before


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("hard: 100", "hard: 200", "kpis.v.hard was 100 (soak.yaml:6:56), now it is 200 (soak.yaml:6:56)"),
        ("iterations: 6", "iterations: 2", "schedule.iterations was 6"),
        ("version: 1", "version: 1\nsuite: other", 'suite was not given, now it is "other"'),
    ],
)
def test_a_changed_configuration_is_refused_and_the_change_named(soak, project, paused, old, new, told):
    before = snapshot(paused)
    (project / "soak.yaml").write_text(CONFIG.replace(old, new))
    done = soak("run", "--resume", paused)
    assert done.code == 2
    assert "not resumed, because it is not what the run began with" in done.err
    assert told in done.err
    assert snapshot(paused) == before


def test_an_allowed_change_is_in_the_chain_the_verdict_and_the_receipt(soak, project, paused):
    promised = {name: (paused / name).read_bytes() for name in ("run.json", "config.json", "config-sources.json")}
    (project / "soak.yaml").write_text(CHANGED)
    refused = soak("run", "--resume", paused)
    assert refused.code == 2
    assert "--allow-change goes on all the same" in refused.err
    done = soak("run", "--json", "--resume", paused, "--allow-change", "--segment", SHORT)
    assert (done.code, done.json["state"]) == (0, "paused"), done.err
    last = soak("run", "--resume", paused, "--allow-change")
    assert last.code == 0, last.err
    assert 'CHANGED: workload.env.MODE was not given, and "new" in iterations 2 to 6' in last.out
    assert_whole(paused, 6)
    assert {name: (paused / name).read_bytes() for name in promised} == promised
    assert [change["segment"] for change in lines(paused, "changes.jsonl")] == [2, 3]
    made = json.loads((paused / "iterations/00002/out/m.json").read_text())
    assert made["token"] == "t"
    receipt, verdict = (json.loads((paused / f"{name}.json").read_text()) for name in ("receipt", "verdict"))
    assert receipt["changes"] == verdict["changes"]
    told = {change["key"]: (change["now"]["value"], change["first_iteration"]) for change in verdict["changes"]}
    assert told == {"workload.env.MODE": ("new", 2), "workload.env.TOKEN": ("***", 2)}
    assert "changes.jsonl" in receipt["digests"]
    assert soak("verify", paused).code == 0
    judged = soak("gate", paused, "--json")
    assert judged.json["changes"] == verdict["changes"]


def test_each_segment_has_to_be_allowed_and_one_without_a_change_has_none(soak, project, paused):
    (project / "soak.yaml").write_text(CHANGED)
    assert soak("run", "--resume", paused, "--allow-change", "--segment", SHORT).code == 0
    assert soak("run", "--resume", paused, "--segment", SHORT).code == 2
    (project / "soak.yaml").write_text(CONFIG)
    assert soak("run", "--resume", paused).code == 0
    verdict = verdict_of(paused)
    assert {(change["first_iteration"], change["last_iteration"]) for change in verdict["changes"]} == {(2, 2)}
    assert_whole(paused, 6)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("hard: 100", "hard: 200", "kpis.v.hard was 100"),
        ("iterations: 6", "iterations: 2", "schedule.iterations was 6"),
        ("timeout: 60s", "timeout: 90s", "workload.timeout was 60.0"),
        ("version: 1", "version: 1\nsuite: other", "suite was not given"),
    ],
)
def test_what_a_run_promised_cannot_be_changed_even_if_asked(soak, project, paused, old, new, told):
    before = snapshot(paused)
    (project / "soak.yaml").write_text(CHANGED.replace(old, new))
    done = soak("run", "--resume", paused, "--allow-change")
    assert done.code == 2
    assert "no run may change this under way" in done.err
    assert told.partition(" was ")[0] in done.err
    assert "MODE" not in done.err
    assert snapshot(paused) == before


def test_another_profile_cannot_be_changed_to(soak, project, paused):
    done = soak("run", "--resume", paused, "--allow-change", env={"SOAK_PROFILE": "long"})
    assert (done.code, "the profile was none, now it is long" in done.err) == (2, True)


def test_a_change_needs_a_run_to_change(soak, project):
    done = soak("run", "--allow-change")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "--allow-change stands beside --resume only" in done.err


@POSIX
def test_a_killed_soak_that_had_changed_something_without_an_iteration_is_taken_back(soak, project, paused):
    (project / "soak.yaml").write_text(CHANGED)
    (project / "takes").write_text("300")
    process = start(project, "--resume", str(paused), "--allow-change")
    wait_for((paused / "iterations/00002/out/m.json").exists)
    process.kill()
    process.communicate()
    (project / "takes").unlink()
    (project / "soak.yaml").write_text(CONFIG)
    assert soak("run", "--resume", paused).code == 0
    assert [len(change["differences"]) for change in lines(paused, "changes.jsonl")] == [2, 0]
    assert verdict_of(paused)["changes"] == []
    assert_whole(paused, 6)


def test_another_commit_or_a_dirty_tree_is_refused_or_told_and_speaks_for_no_commit(soak, project):
    git(project, "init", "-q")
    git(project, "add", "work.py", "soak.yaml")
    git(project, "commit", "-qm", "one")
    run = Path(soak("run", "--json", "--segment", SHORT, "--output", "kept").json["run_dir"])
    (run.parent / ".gitignore").unlink()
    assert soak("run", "--resume", run, "--segment", SHORT).code == 0
    assert json.loads((run / "receipt.json").read_text())["tree_dirty"] is False
    (project / "new.txt").write_text("x")
    refused = soak("run", "--resume", run)
    assert refused.code == 2
    assert "whether the tree has changes that are not committed was false, now it is true" in refused.err
    git(project, "add", "new.txt")
    git(project, "commit", "-qm", "two")
    assert soak("run", "--resume", run).code == 2
    done = soak("run", "--resume", run, "--allow-change")
    assert done.code == 0, done.err
    receipt = json.loads((run / "receipt.json").read_text())
    assert ([change["key"] for change in receipt["changes"]], receipt["tree_dirty"]) == (["commit"], True)
    assert receipt["commit"] == json.loads((run / "run.json").read_text())["commit"]
    assert soak("verify", run).code == 0


@pytest.mark.parametrize("edit", ["differences", "file"])
def test_an_edited_change_is_found(soak, project, paused, edit):
    (project / "soak.yaml").write_text(CHANGED)
    assert soak("run", "--resume", paused, "--allow-change").code == 0
    path = paused / "changes.jsonl"
    if edit == "file":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes().replace(b'"new"', b'"old"'))
    assert soak("verify", paused).code == 4


def test_a_configuration_that_says_the_same_in_other_words_is_accepted(soak, project, paused):
    (project / "soak.yaml").write_text(f"# a comment\n{CONFIG}")
    assert soak("run", "--resume", paused).code == 0


@pytest.mark.parametrize(
    ("variable", "told"),
    [
        ({"SOAK_SCHEDULE__ITERATIONS": "3"}, "now it is 3 (env SOAK_SCHEDULE__ITERATIONS)"),
        ({"SOAK_PROFILE": "long"}, "the profile was none, now it is long"),
    ],
)
def test_an_environment_that_says_something_else_is_refused(soak, project, paused, variable, told):
    done = soak("run", "--resume", paused, env=variable)
    assert (done.code, told in done.err) == (2, True), done.err


def test_profile_and_settings_of_the_command_line_are_taken_from_the_record(soak, project, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    settings = ("--set", "kpis.v.soft=50", "--set", 'workload.env.X="5"', "--set", "suite=7", "--iterations", "3")
    done = soak("run", "--json", "--profile", "long", *settings, "--segment", SHORT)
    assert done.code == 0, done.err
    again = soak("run", "--json", "--resume", done.json["run_dir"], cwd=tmp_path / "elsewhere")
    assert (again.code, again.json["iterations"], again.json["verdict"]) == (0, 3, "pass"), again.err
    run = Path(again.json["run_dir"])
    where = [json.loads((run / f"iterations/0000{number}/out/m.json").read_text())["cwd"] for number in (1, 3)]
    assert where == [str(project)] * 2


def test_a_run_kept_elsewhere_is_resumed_beside_its_configuration(soak, project):
    done = soak("run", "--json", "--output", "kept", "--segment", SHORT)
    run = done.json["run_dir"]
    (project / "elsewhere").mkdir()
    refused = soak("run", "--resume", run, cwd=project / "elsewhere")
    assert refused.code == 2
    assert "soak.yaml, which the run was configured by, is not in" in refused.err
    assert soak("run", "--resume", run).code == 0


def test_a_command_without_configuration_is_resumed(soak, tmp_path):
    done = soak("run", "--json", "--segment", SHORT, "--", sys.executable, "-S", "-c", "pass")
    again = soak("run", "--json", "--resume", done.json["run_id"])
    assert (again.code, again.json["verdict"]) == (0, "pass"), again.err


def test_a_secret_of_the_file_reaches_the_workload_after_resuming(soak, project):
    text = CONFIG.replace("timeout: 60s", "timeout: 60s, env: {TOKEN: hunter2}")
    (project / "soak.yaml").write_text(text)
    done = soak("run", "--json", "--segment", SHORT)
    run = Path(done.json["run_dir"])
    assert soak("run", "--resume", run).code == 0
    assert json.loads((run / "iterations/00006/out/m.json").read_text())["token"] == "hunter2"


def test_a_secret_of_the_command_line_is_not_kept_so_the_run_is_refused(soak, project):
    done = soak("run", "--json", "--segment", SHORT, "--set", "workload.env.TOKEN=hunter2")
    refused = soak("run", "--resume", done.json["run_dir"])
    assert refused.code == 2
    assert "workload.env.TOKEN was given by --set workload.env.TOKEN and is a secret" in refused.err


def test_another_commit_is_refused(soak, project):
    git(project, "init", "-q")
    git(project, "add", "work.py", "soak.yaml")
    git(project, "commit", "-qm", "one")
    run = soak("run", "--json", "--segment", SHORT).json["run_dir"]
    assert soak("run", "--resume", run, "--segment", SHORT).code == 0
    git(project, "commit", "-q", "--allow-empty", "-m", "two")
    refused = soak("run", "--resume", run)
    assert (refused.code, "the commit was" in refused.err) == (2, True)


def test_a_finished_or_aborted_run_is_not_resumed(soak, project):
    finished = soak("run", "--json", "--iterations", "1")
    before = snapshot(Path(finished.json["run_dir"]))
    done = soak("run", "--resume", finished.json["run_dir"])
    assert (done.code, "has finished, so there is nothing to resume" in done.err) == (2, True)
    assert snapshot(Path(finished.json["run_dir"])) == before
    aborted = soak("run", "--json", "--set", 'kpis.v.abort={"beyond": 0, "for": 1}')
    assert aborted.json["state"] == "aborted"
    done = soak("run", "--resume", aborted.json["run_dir"])
    assert (done.code, "was aborted, so there is nothing to resume" in done.err) == (2, True)


@pytest.mark.parametrize("segment", ["0", "0s", "x", "", " ", "-5s", "5"])
def test_a_segment_that_is_no_length_of_time_is_refused(soak, project, segment):
    done = soak("run", f"--segment={segment}")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert done.err.startswith("soak: --segment: ")
    assert not (project / ".soak").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("--config", "soak.yaml"),
        ("--profile", "long"),
        ("--set", "suite=s"),
        ("--iterations", "3"),
        ("--duration", "3s"),
        ("--output", "o"),
        ("--", "true"),
    ],
)
def test_what_would_change_a_resumed_run_is_refused(soak, project, paused, words):
    done = soak("run", "--resume", paused, *words)
    assert done.code == 2
    named = "a command" if words[0] == "--" else words[0]
    assert done.err == f"soak: {named} cannot stand beside --resume: a run goes on with what it began with\n"


def test_what_is_no_run_is_refused(soak, project):
    (project / "empty").mkdir()
    (project / "r.json").write_text('{"v": 1}')
    gate = soak("gate", "r.json", "--kpi", "v=v better=lower hard=5", "--output", "gates")
    assert gate.code == 0, gate.err
    (judgement,) = (path for path in (project / "gates").iterdir() if path.is_dir())
    for name in ("missing", "empty", "soak.yaml", "", judgement):
        done = soak("run", "--resume", name)
        assert (done.code, done.err.count("\n")) == (2, 1), done.err
        assert done.err.startswith("soak: --resume")
    assert not (project / "empty/.lock").exists()


def test_the_record_of_a_run_says_nothing_about_where_it_was_paused(project, paused):
    """The length of a segment steers the call and promises nothing, so the configuration does not know it."""
    assert "segment" not in canonical.compact(json.loads((paused / "config.json").read_text()))
