"""How command, service and readiness command of a workload are started, with real processes."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from tests.conftest import clean_environment
from tests.unit.gate.building import promised
from tests.unit.workload.serving import answered, serving, unused

from soak_action.config.model import Config, EvidenceSettings, Gate, Readiness, Service, Tuning, Workload
from soak_action.errors import SurroundingsError, UsageError
from soak_action.evidence.run_dir import RunDir, digests_below
from soak_action.workload.launching import Launcher, Surroundings, check_workload, record_of_end
from soak_action.workload.process import run as run_process
from soak_action.workload.service import Ended
from soak_action.workload.stop import StopRequest

LONG = 60.0
TELL = """
import json, os, sys
print(json.dumps({k: v for k, v in os.environ.items() if k.startswith("SOAK_") or k == "LEVEL"}))
print(*sys.argv[1:], file=sys.stderr)
"""


def python(text: str, *words: str) -> tuple[str, ...]:
    return (sys.executable, "-S", "-c", text, *words)


def service_of(*start: str, ready: Readiness | None = None) -> Service:
    return Service(start, ready, 0, 1.0, LONG)


def workload_of(service: Service | None = None, run: tuple[str, ...] | None = None) -> Workload:
    return Workload(run, LONG, {"LEVEL": "debug"}, None, service)


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    folder = tmp_path / "ü n" / "20261123T000000Z-default-000000"
    (folder / "iterations").mkdir(parents=True)
    return RunDir(folder)


@pytest.fixture
def around(tmp_path: Path) -> Surroundings:
    return Surroundings(tmp_path, clean_environment(), sys.executable, "smoke")


def unwatched(*_: object):
    from contextlib import nullcontext

    return nullcontext()


def config(workload: Workload | None) -> Config:
    return Config("s", workload, promised(3), (), Gate(("fail",)), EvidenceSettings(1000))


def test_a_workload_that_can_be_started_is_returned(around: Surroundings) -> None:
    ready = Readiness("command", python("pass"), LONG)
    start = python("pass", "${SOAK_RUN_DIR}", "${SOAK_ACTIVE_PROFILE}", "${SOAK_PYTHON}")
    service = service_of(*start, ready=ready)
    for workload in (workload_of(service), workload_of(run=python("")), workload_of(service, python("${SOAK_OUT}"))):
        assert check_workload(config(workload), around) is workload


@pytest.mark.parametrize(
    ("workload", "words"),
    [
        (None, "nothing to run: give a command after --"),
        (workload_of(run=("no_such_program_x",)), "workload.run: "),
        (workload_of(service_of("no_such_program_x")), "workload.service.start: "),
        (workload_of(service_of(*python(""), "${SOAK_OUT}")), "workload.service.start: "),
        (workload_of(service_of(*python(""), "${SOAK_ITERATION}")), "workload.service.start: "),
        (
            workload_of(service_of(*python(""), ready=Readiness("command", ("no_such_program_x",), LONG))),
            "workload.service.ready.command: ",
        ),
        (
            workload_of(service_of(*python(""), ready=Readiness("tcp", "no_such_program_x:1", LONG)), ("no_such_y",)),
            "workload.run: ",
        ),
    ],
)
def test_what_cannot_be_started_is_told_by_its_key(around: Surroundings, workload: Workload | None, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_workload(config(workload), around)
    assert str(caught.value).startswith(words)


def launcher(workload: Workload, around: Surroundings, run: RunDir) -> Launcher:
    return Launcher(workload, around, run, 100_000)


def variables(log: Path) -> Mapping[str, str]:
    found: Mapping[str, str] = json.loads(log.read_text())
    return found


def test_a_command_knows_its_iteration_and_leaves_its_output_there(around: Surroundings, run: RunDir) -> None:
    folder = run.begin_iteration(3)
    start = launcher(workload_of(run=python(TELL, "${SOAK_ITERATION}")), around, run)
    assert start.command(folder, 3, timeout=LONG, stop=StopRequest()).outcome == "ok"
    assert folder.stderr.read_text().strip() == "3"
    assert variables(folder.stdout) == {
        "LEVEL": "debug",
        "SOAK_OUT": str(folder.out),
        "SOAK_ITERATION": "3",
        "SOAK_RUN_DIR": str(run.path),
        "SOAK_ACTIVE_PROFILE": "smoke",
        "SOAK_PYTHON": sys.executable,
        "SOAK_RUN_MARK": run.mark(3),
    }


def test_a_tuner_reads_its_input_knows_its_iteration_and_leaves_its_output_beside_it(
    around: Surroundings, run: RunDir
) -> None:
    folder = run.begin_iteration(3).tuner
    folder.path.mkdir()
    folder.input.write_text("what it is asked", "utf-8")
    command = python(TELL + "print(sys.stdin.read(), file=sys.stderr)", "${SOAK_ITERATION}")
    finished = launcher(workload_of(run=python("")), around, run).tuner(
        command, folder, 3, timeout=LONG, stop=StopRequest()
    )
    assert (finished.outcome, finished.exit_code) == ("ok", 0)
    assert folder.stderr.read_text().splitlines() == ["3", "what it is asked"]
    assert variables(folder.stdout) == {
        "LEVEL": "debug",
        "SOAK_ITERATION": "3",
        "SOAK_RUN_DIR": str(run.path),
        "SOAK_ACTIVE_PROFILE": "smoke",
        "SOAK_PYTHON": sys.executable,
        "SOAK_RUN_MARK": f"{run.mark(3)}/tuner",
    }
    names = [f"tuner/{name}" for name in ("input.json", "stderr.log", "stdout.log")]
    assert sorted(digests_below(run.iteration(3))) == names


@pytest.mark.parametrize(
    ("tuning", "problem"),
    [
        (Tuning(True, (), ("no_such_program_x",), LONG), "tuning.command: the program 'no_such_program_x' was not"),
        (Tuning(True, (), python("", "${SOAK_OUT}"), LONG), "tuning.command: unknown variable '${SOAK_OUT}'"),
        (Tuning(False, (), ("no_such_program_x",), LONG), None),
        (Tuning(True, (), python("", "${SOAK_ITERATION}"), LONG), None),
        (Tuning(True, (), None, LONG), None),
    ],
)
def test_a_tuner_that_cannot_be_started_is_told_before_anything_runs(
    around: Surroundings, tuning: Tuning, problem: str | None
) -> None:
    workload = workload_of(run=python(""))
    if problem is None:
        assert check_workload(replace(config(workload), tuning=tuning), around) is workload
        return
    with pytest.raises(UsageError) as caught:
        check_workload(replace(config(workload), tuning=tuning), around)
    assert str(caught.value).startswith(problem)


def test_a_service_knows_its_run_and_leaves_its_output_in_the_folder_of_its_start(
    around: Surroundings, run: RunDir
) -> None:
    start = launcher(workload_of(service_of(*python(TELL, "${SOAK_RUN_DIR}"))), around, run)
    finished = start.service(2, StopRequest(), unwatched)
    assert (finished.outcome, finished.exit_code) == ("ok", 0)
    folder = run.service(2)
    assert folder.stderr.read_text().strip() == str(run.path)
    assert variables(folder.stdout) == {
        "LEVEL": "debug",
        "SOAK_RUN_DIR": str(run.path),
        "SOAK_ACTIVE_PROFILE": "smoke",
        "SOAK_PYTHON": sys.executable,
        "SOAK_RUN_MARK": run.service_mark(2),
    }


def test_the_folder_of_a_start_is_soaks_own(around: Surroundings, run: RunDir) -> None:
    run.service(1).path.mkdir(parents=True)
    with pytest.raises(SurroundingsError, match="somebody else created it"):
        launcher(workload_of(service_of(*python(""))), around, run).service(1, StopRequest(), unwatched)


def test_somebody_else_in_the_place_of_the_service_is_told_and_nothing_is_started(
    around: Surroundings, run: RunDir
) -> None:
    with serving(answered(b"")) as address:
        for ready in (Readiness("http", f"http://{address}/", LONG), Readiness("tcp", address, LONG)):
            start = launcher(workload_of(service_of(*python(""), ready=ready)), around, run)
            with pytest.raises(SurroundingsError) as caught:
                start.service(1, StopRequest(), unwatched)
            assert str(caught.value).startswith(f"{ready.target} answers before the service was started; stop the")
    assert not run.service(1).path.exists()


def test_only_the_first_start_looks_for_somebody_else(around: Surroundings, run: RunDir) -> None:
    address = unused()
    start = launcher(workload_of(service_of(*python(""), ready=Readiness("tcp", address, LONG))), around, run)
    assert start.service(1, StopRequest(), unwatched).outcome == "ok"
    with serving(answered(b"")) as other:
        start = launcher(workload_of(service_of(*python(""), ready=Readiness("tcp", other, LONG))), around, run)
        start._has_served = True
        assert start.service(2, StopRequest(), unwatched).outcome == "ok"


def test_a_service_that_says_nothing_of_its_readiness_is_not_asked(around: Surroundings, run: RunDir) -> None:
    assert launcher(workload_of(service_of(*python(""))), around, run).probe(1, StopRequest()) is None
    assert launcher(workload_of(run=python("")), around, run).probe(1, StopRequest()) is None


@pytest.mark.parametrize(
    ("code", "told"), [("pass", None), ("raise SystemExit(3)", "the command exited with 3")], ids=["ready", "not yet"]
)
def test_a_readiness_command_is_run_and_its_output_kept(
    around: Surroundings, run: RunDir, code: str, told: str | None
) -> None:
    ready = Readiness("command", python(f"print('asked'); {code}"), LONG)
    start = launcher(workload_of(service_of(*python(""), ready=ready)), around, run)
    run.begin_service(1)
    probe = start.probe(1, StopRequest())
    assert probe is not None
    assert (probe(LONG), probe(LONG)) == (told, told)
    assert (run.service(1).path / "ready.stdout.log").read_text().strip() == "asked"


def test_a_readiness_command_that_takes_too_long_is_stopped(around: Surroundings, run: RunDir) -> None:
    ready = Readiness("command", python("import time; time.sleep(600)"), LONG)
    start = launcher(workload_of(service_of(*python(""), ready=ready)), around, run)
    run.begin_service(1)
    probe = start.probe(1, StopRequest())
    assert probe is not None
    told = probe(0.2)
    assert told is not None
    assert told.startswith("the command ")
    assert "timeout" in told


def test_a_stop_ends_a_readiness_command(around: Surroundings, run: RunDir) -> None:
    ready = Readiness("command", python("import time; time.sleep(600)"), LONG)
    start = launcher(workload_of(service_of(*python(""), ready=ready)), around, run)
    run.begin_service(1)
    stop = StopRequest()
    stop.request(signal.SIGTERM)
    probe = start.probe(1, stop)
    assert probe is not None
    assert probe(LONG) is not None


def test_a_readiness_pattern_is_looked_for_in_the_output_of_that_start(around: Surroundings, run: RunDir) -> None:
    ready = Readiness("log", "up", LONG)
    start = launcher(workload_of(service_of(*python(""), ready=ready)), around, run)
    for number, text in ((1, "up\n"), (2, "down\n")):
        run.begin_service(number).stdout.write_text(text)
    first, second = start.probe(1, StopRequest()), start.probe(2, StopRequest())
    assert first is not None
    assert second is not None
    assert (first(LONG), second(LONG)) == (None, "no line of the output matches 'up'")


def test_the_record_of_an_end_holds_what_the_start_left(around: Surroundings, run: RunDir) -> None:
    start = launcher(workload_of(service_of(*python("print('x'); raise SystemExit(3)"))), around, run)
    finished = replace(start.service(1, StopRequest(), unwatched), seconds=1.23456789)
    record = record_of_end(Ended(1, 12.5, ready=True, finished=finished), run)
    assert record == {
        "start": 1,
        "offset_seconds": 12.5,
        "seconds": 1.234568,
        "ready": True,
        "exit_code": 3,
        "signal": None,
        "detail": "exited with 3",
        "leftovers": [],
        "peak_rss_mib": finished.peak_rss_mib,
        "results": digests_below(run.service(1)),
    }
    assert set(record["results"]) == {"stdout.log", "stderr.log"}


def test_processes_are_started_by_whoever_is_asked_to(around: Surroundings, run: RunDir) -> None:
    assert around.start is run_process
    assert os.environ.get("SOAK_RUN_MARK") is None
