"""Tuning over the boundaries of segments: what the guards know goes on, whatever ended the segment before."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import clean_environment, full
from tests.integration.tuned import INTERVAL, PARAMETERS, WORK, configure, document, lines, outcomes, rule
from tests.integration.watching import die_at, wait_for

pytestmark = [pytest.mark.usefixtures("unmeasured"), pytest.mark.timeout(600)]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL")
# A segment makes at least one iteration; in one of a millisecond there is never time for a second one.
SHORT = "1ms"
UP, DOWN = rule("v == 1", change={"interval_ms": 5}), rule("v == 2", change={"interval_ms": -5})
WIDE = {"interval_ms": {**INTERVAL, "min": 0, "max": 100, "initial": 50}}
COOLDOWN = {"cooldown": {"threshold": 0.04, "iterations": 2}}
# The first two guards remember what was applied before the boundary, the third what was measured there.
MEMORIES: dict[str, tuple[list[float], dict[str, Any], list[tuple[Any, ...]]]] = {
    "cooldown": (
        [1, 1, 1, 1, 0],
        {"guards": COOLDOWN},
        [
            (2, 50, 55, "applied", None),
            (3, 55, 60, "suppressed", "cooldown"),
            (4, 55, 60, "suppressed", "cooldown"),
            (5, 55, 60, "applied", None),
        ],
    ),
    "oscillation": ([1, 2, 0, 2], {}, [(2, 50, 55, "applied", None), (3, 55, 50, "suppressed", "oscillation")]),
    "freeze": (
        [0, 0, 1, 1, 0],
        {"guards": {"freeze": {"after": 2, "hold": 2, "when": "v == 0"}}},
        [(4, 50, 55, "suppressed", "freeze"), (5, 50, 55, "applied", None)],
    ),
}


def resumed(soak, folder: Path, *words: str) -> Path:
    """Go on with a run until its end; return its directory."""
    (run,) = (path for path in (folder / ".soak").glob("2*") if path.is_dir())
    done = soak("run", "--json", "--resume", run, *words)
    assert (done.code, done.json["state"], done.json["verdict"]) == (0, "finished", "pass"), done.err
    return run


@pytest.mark.parametrize("case", MEMORIES)
def test_the_memory_of_a_guard_goes_on_over_pauses(soak, tmp_path: Path, case: str) -> None:
    values, more, expected = MEMORIES[case]
    configure(tmp_path, values, UP, DOWN, parameters=WIDE, **more)
    done = soak("run", "--json", "--segment", SHORT)
    run = Path(done.json["run_dir"])
    for _ in range(1, len(values) - full(0, 2)):
        assert (done.code, done.json["state"]) == (0, "paused"), done.err
        done = soak("run", "--json", "--segment", SHORT, "--resume", run)
    if done.json["state"] == "paused":
        resumed(soak, tmp_path)
    assert outcomes(run) == expected
    assert [record["segment"] for record in lines(run)][:3] == [1, 2, 3]
    frozen = [record["iteration"] for record in lines(run) if record["frozen"]]
    assert frozen == ([3, 4] if case == "freeze" else [])


TWO = {**WIDE, "cap": {"initial": 1, "min": 0, "max": 9, "type": "float"}}
TWICE = rule("v == 1", change={"interval_ms": 5, "cap": 0.5})
APPLIED = [
    (2, 1.0, 1.5, "applied", None),
    (2, 50, 55, "applied", None),
    (3, 1.5, 2.0, "applied", None),
    (3, 55, 60, "applied", None),
]


@POSIX
def test_a_kill_at_any_step_of_a_decision_loses_and_doubles_nothing(soak, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    configure(whole, [1, 1, 0], TWICE, parameters=TWO)
    code, steps = die_at(0, whole, "run", "--json")
    assert code == 0
    (run,) = (path for path in (whole / ".soak").glob("2*") if path.is_dir())
    assert outcomes(run) == APPLIED
    # From what iteration 1 left to what iteration 2 does, and among it: on record, but not in the file yet.
    decided = steps.index("params:decided") + 1
    for fatal in full(range(decided - 4, decided + 20), [decided]):
        place = tmp_path / str(fatal)
        place.mkdir()
        configure(place, [1, 1, 0], TWICE, parameters=TWO)
        assert die_at(fatal, place, "run", "--json")[0] == -signal.SIGKILL
        run = resumed(soak, place)
        assert outcomes(run) == APPLIED, steps[fatal - 1]
        assert document(run, "params.json") == json.loads((place / PARAMETERS).read_bytes())
        assert document(run, "params.json") == {"interval_ms": 60, "cap": 2.0}
        assert len(lines(run, "segments.jsonl")) == 2


@POSIX
def test_of_decisions_that_were_written_in_part_the_rest_is_made_again(soak, tmp_path: Path) -> None:
    configure(tmp_path, [1, 1, 0], TWICE, parameters=TWO)
    (tmp_path / "whole").mkdir()
    configure(tmp_path / "whole", [1, 1, 0], TWICE, parameters=TWO)
    _, steps = die_at(0, tmp_path / "whole", "run", "--json")
    assert die_at(steps.index("params:decided") + 1, tmp_path, "run", "--json")[0] == -signal.SIGKILL
    (decisions,) = (tmp_path / ".soak").glob("2*/decisions.jsonl")
    first, second = decisions.read_bytes().splitlines(keepends=True)
    # As the disk has it when the machine dies within the one write.
    decisions.write_bytes(first + second[:50])
    run = resumed(soak, tmp_path)
    assert outcomes(run) == APPLIED
    assert [one["segment"] for one in lines(run, "decisions.jsonl")] == [1, 2, 2, 2]
    assert lines(run, "decisions.jsonl")[1]["offset_seconds"] == lines(run, "decisions.jsonl")[0]["offset_seconds"]


@POSIX
def test_a_kill_within_the_iteration_repeats_it_with_the_same_parameters(soak, tmp_path: Path) -> None:
    die = 'if number == 3 and not os.path.exists("died"):\n    open("died", "w").close(); os.kill(os.getppid(), 9)\n'
    configure(tmp_path, [1, 1, 1, 0], UP, parameters=WIDE, work=f"{WORK}{die}")
    command = [sys.executable, "-m", "soak_action", "run"]
    done = subprocess.run(command, cwd=tmp_path, env=clean_environment(), capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL
    run = resumed(soak, tmp_path)
    assert outcomes(run) == [(number, 40 + 5 * number, 45 + 5 * number, "applied", None) for number in (2, 3, 4)]
    assert [record["parameters"]["interval_ms"] for record in lines(run)] == [50, 55, 60, 65]
    assert [one["segment"] for one in lines(run, "decisions.jsonl")] == [1, 1, 2]


@pytest.fixture
def paused(soak, tmp_path: Path) -> Path:
    """Return a run of which two iterations were made: 50 and 55 ms."""
    configure(tmp_path, [1, 1, 0], UP, parameters=WIDE)
    done = soak("run", "--json", "--segment", SHORT)
    run = Path(done.json["run_dir"])
    done = soak("run", "--json", "--segment", SHORT, "--resume", run)
    assert (done.code, done.json["state"]) == (0, "paused"), done.err
    assert json.loads((tmp_path / PARAMETERS).read_bytes()) == {"interval_ms": 55}
    return run


@pytest.mark.parametrize(
    "content",
    [None, '{\r\n  "interval_ms": 50\r\n}\r\n', '{"interval_ms":55.0}'],
    ids=["absent", "as it began", "as it was"],
)
def test_on_another_machine_the_file_is_made_what_it_was(soak, tmp_path: Path, paused: Path, content) -> None:
    file = tmp_path / PARAMETERS
    file.unlink()
    if content is not None:
        file.write_bytes(content.encode())
    run = resumed(soak, tmp_path)
    assert outcomes(run) == [(2, 50, 55, "applied", None), (3, 55, 60, "applied", None)]
    assert json.loads(file.read_bytes()) == {"interval_ms": 60}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"interval_ms": 65}', "interval_ms is 65 and was 55"),
        ('{"interval_ms": 500}', "write a number from 0 to 100"),
        ("{", PARAMETERS),
    ],
)
def test_a_file_that_was_edited_between_two_segments_is_refused(
    soak, tmp_path: Path, paused: Path, content: str, words: str
) -> None:
    (tmp_path / PARAMETERS).write_text(content)
    before = {path: path.read_bytes() for path in paused.rglob("*.json*")}
    done = soak("run", "--resume", paused)
    assert (done.code, words in done.err, PARAMETERS in done.err) == (2, True, True), done.err
    assert (tmp_path / PARAMETERS).read_text() == content
    assert {path: path.read_bytes() for path in paused.rglob("*.json*")} == before


def test_a_run_goes_on_from_a_checkpoint_on_another_machine(soak, tmp_path: Path, paused: Path) -> None:
    other = tmp_path / "other machine"
    other.mkdir()
    configure(other, [1, 1, 0], UP, parameters=WIDE)
    checkpoint = tmp_path / "checkpoints" / "soak-checkpoint-1"
    checkpoint.mkdir(parents=True)
    shutil.copytree(paused, checkpoint / paused.name)
    done = soak("run", "--json", "--checkpoints", tmp_path / "checkpoints", cwd=other)
    assert (done.code, done.json["state"]) == (0, "finished"), done.err
    assert outcomes(Path(done.json["run_dir"])) == [(2, 50, 55, "applied", None), (3, 55, 60, "applied", None)]
    assert json.loads((other / PARAMETERS).read_bytes()) == {"interval_ms": 60}
    assert json.loads((tmp_path / PARAMETERS).read_bytes()) == {"interval_ms": 55}


def test_two_runs_do_not_use_one_file_at_once(soak, tmp_path: Path) -> None:
    wait = 'import time\nopen("began", "w").close()\nwhile not os.path.exists("go"):\n    time.sleep(0.05)\n'
    configure(tmp_path, [0], UP, work=WORK + wait)
    command = [sys.executable, "-m", "soak_action", "run", "--json"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as first:
        try:
            wait_for((tmp_path / "began").exists)
            second = soak("run", "--output", "elsewhere")
            assert second.code == 2
            assert f"{PARAMETERS} is in use: held by pid {first.pid} on host" in second.err
            assert not (tmp_path / "elsewhere").exists()
        finally:
            (tmp_path / "go").touch()
        out, _ = first.communicate(timeout=60)
    assert (first.returncode, json.loads(out)["verdict"]) == (0, "pass")
    assert soak("run", "--json").code == 0
