"""A service from its start to its end, with real processes."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest
from tests.conftest import clean_environment
from tests.integration.watching import alive, wait_for

from soak_action.config.model import Readiness, Workload
from soak_action.config.model import Service as Settings
from soak_action.errors import SurroundingsError
from soak_action.evidence.run_dir import OutputDir, RunDir
from soak_action.workload.launching import Launcher, Surroundings
from soak_action.workload.readiness import Probe
from soak_action.workload.service import Service
from soak_action.workload.stop import LinkedStop, StopRequest

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="POSIX signals; tests/wine/test_wine_service.py soaks services on Windows"
)

LONG = 120.0
READY = Readiness("log", "^up$", LONG)
SERVE = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SERVE
FORKING = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    open("daemon", "w").write(str(os.getpid()))
    time.sleep(600)
while not os.path.exists("daemon"):
    time.sleep(0.01)
print("up", flush=True)
time.sleep(600)
"""
# Ends as long as there is a file "fail" with a number in it, which it counts down.
FAILING = """
import pathlib, sys, time
left = int(pathlib.Path("fail").read_text())
pathlib.Path("fail").write_text(str(left - 1))
if left > 0:
    sys.exit(3)
print("up", flush=True)
time.sleep(600)
"""


class Bench:
    """A service in a folder of its own, and the two stop requests around it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "run").mkdir()
        self.run = RunDir(folder / "run")
        self.stop = StopRequest()
        self.halt = LinkedStop(self.stop)
        self.services: list[Service] = []

    def service(
        self,
        text: str,
        ready: Readiness | None = READY,
        *,
        restarts: int = 0,
        grace: float = LONG,
        starts: int = 0,
        exits: int = 0,
        probe: Callable[[int, StopRequest], Probe | None] | None = None,
    ) -> Service:
        settings = Settings((sys.executable, "-S", "-c", text), ready, restarts, grace, 60.0)
        around = Surroundings(self.folder, clean_environment(), sys.executable, None)
        launcher = Launcher(Workload(None, LONG, {}, None, settings), around, self.run, 100_000)
        service = Service(
            settings,
            launcher.service,
            launcher.probe if probe is None else probe,
            stop=self.stop,
            halt=self.halt,
            elapsed=time.monotonic,
            starts=starts,
            exits=exits,
        )
        self.services.append(service)
        return service


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    built = Bench(tmp_path)
    yield built
    built.stop.request(signal.SIGTERM)
    for service in built.services:
        if service._thread.is_alive():
            service._thread.join()


def test_a_service_is_ready_when_begun_and_its_end_is_planned(bench: Bench) -> None:
    service = bench.service(SERVE)
    assert service.start == 0
    service.begin()
    assert service.wait_until_ready()
    assert (service.start, service.window, service.gave_up) == (1, 60.0, None)
    (member,) = service.tree.present()
    assert member.pid == service.tree.main
    ended = service.end()
    assert ended is not None
    assert (ended.start, ended.ready, ended.finished.outcome) == (1, True, "cancelled")
    assert ended.finished.detail.startswith("stopped by soak after ")
    assert (service.take_exits(), service.gave_up, service.not_ready) == ([], None, None)
    assert not alive(member.pid)
    assert not bench.halt.requested


def test_a_service_that_says_nothing_of_its_readiness_is_ready_at_once(bench: Bench) -> None:
    service = bench.service("import time; time.sleep(600)", None)
    service.begin()
    assert service.wait_until_ready()
    assert service.end() is not None


def test_before_anything_was_started_nobody_is_present(bench: Bench) -> None:
    assert bench.service(SERVE).tree.present() == []


@pytest.mark.parametrize("code", [0, 3])
def test_a_service_that_ends_at_once_is_given_up(bench: Bench, code: int) -> None:
    service = bench.service(f"raise SystemExit({code})")
    service.begin()
    assert not service.wait_until_ready()
    assert service.end() is None
    (ended,) = service.take_exits()
    assert (ended.start, ended.ready, ended.finished.exit_code) == (1, False, code)
    assert service.gave_up is not None
    assert service.gave_up.startswith(f"the service exited with {code} after ")
    assert service.gave_up.endswith("s, before it was ready; tolerated: 0 unplanned exits")
    assert (service.not_ready, service.take_exits()) == (None, [])


def test_a_service_that_dies_after_it_was_ready_wakes_whoever_waits(bench: Bench) -> None:
    service = bench.service("import os, time; print('up', flush=True); time.sleep(1); os.kill(os.getpid(), 9)")
    service.begin()
    assert bench.halt.wait(LONG)
    assert not bench.stop.requested
    assert service.end() is None
    (ended,) = service.take_exits()
    assert (ended.ready, ended.finished.exit_code, ended.finished.signal) == (True, None, "SIGKILL")
    assert service.gave_up is not None
    assert "before it was ready" not in service.gave_up


def test_exits_within_the_budget_are_recorded_and_the_service_started_again(bench: Bench) -> None:
    (bench.folder / "fail").write_text("2")
    service = bench.service(FAILING, restarts=2)
    service.begin()
    assert service.wait_until_ready()
    assert (service.start, service.gave_up) == (3, None)
    assert [ended.start for ended in service.take_exits()] == [1, 2]
    assert service.take_exits() == []
    ended = service.end()
    assert ended is not None
    assert (ended.start, bench.run.starts()) == (3, 3)


def test_an_answer_that_comes_after_the_end_makes_nobody_ready(bench: Bench) -> None:
    asked, answer = Event(), Event()

    def probe(start: int, _stop: StopRequest) -> Probe | None:
        def ask(_seconds: float) -> str | None:
            asked.set()
            answer.wait(LONG)
            return None if start == 1 else "not yet"

        return ask

    (bench.folder / "fail").write_text("1")
    service = bench.service(FAILING, restarts=1, probe=probe)
    service._thread.start()
    asked.wait(LONG)
    wait_for(lambda: service.start == 2)
    answer.set()
    assert not service._ready.wait(0.5)
    (ended,) = service.take_exits()
    assert (ended.start, ended.ready) == (1, False)
    service.end()


def test_one_exit_more_than_the_budget_is_too_many(bench: Bench) -> None:
    (bench.folder / "fail").write_text("3")
    service = bench.service(FAILING, restarts=2)
    service.begin()
    assert not service.wait_until_ready()
    assert [ended.start for ended in service.take_exits()] == [1, 2, 3]
    assert service.gave_up is not None
    assert service.gave_up.endswith("; tolerated: 2 unplanned exits")
    assert service.end() is None


def test_earlier_segments_use_up_the_budget_and_count_the_starts(bench: Bench) -> None:
    service = bench.service("raise SystemExit(3)", restarts=2, starts=7, exits=2)
    service.begin()
    assert [ended.start for ended in service.take_exits()] == [8]
    assert service.gave_up is not None
    assert service.end() is None


def test_a_service_that_is_not_ready_in_time_is_given_up_and_stopped(bench: Bench) -> None:
    service = bench.service("import time; time.sleep(600)", Readiness("log", "^up$", 0.5))
    service.begin()
    assert not service.wait_until_ready()
    ended = service.end()
    assert service.not_ready == "the service was not ready within 500ms: no line of the output matches '^up$'"
    assert service.gave_up == service.not_ready
    assert ended is not None
    assert (ended.ready, service.take_exits()) == (False, [])


def test_a_stop_while_the_service_is_not_ready_ends_the_wait(bench: Bench) -> None:
    service = bench.service("import time; time.sleep(600)")
    bench.stop.request(signal.SIGTERM)
    service.begin()
    assert not service.wait_until_ready()
    assert service.end() is None or service.take_exits() == []
    assert (service.gave_up, service.not_ready) == (None, None)


def test_a_stop_while_the_service_is_asked_ends_it(bench: Bench) -> None:
    asked = []

    def probe(start: int, stop: StopRequest) -> Probe:
        def ask(seconds: float) -> str | None:
            asked.append(seconds)
            bench.stop.request(signal.SIGTERM)
            return "not yet"

        return ask

    service = bench.service(SERVE, probe=probe)
    service.begin()
    ended = service.end()
    assert ended is not None
    assert (len(asked), ended.ready, service.gave_up) == (1, False, None)


def test_a_stop_while_the_service_is_about_to_be_started_again_starts_nothing(bench: Bench) -> None:
    (bench.folder / "fail").write_text("1000")
    service = bench.service(FAILING, restarts=10_000)
    service._thread.start()
    wait_for(lambda: service._exits >= 1)
    assert service.end() is None
    assert len(service.take_exits()) == service.start == bench.run.starts()
    assert service.gave_up is None


def test_who_ignores_the_request_to_end_is_killed_after_its_grace(bench: Bench) -> None:
    service = bench.service(STUBBORN, grace=0.3)
    service.begin()
    pid = service.tree.main
    ended = service.end()
    assert ended is not None
    assert not alive(pid)
    assert ended.finished.detail.startswith("stopped by soak after ")


def test_a_service_may_use_its_grace(bench: Bench) -> None:
    text = """
import signal, sys, time
def end(*_):
    time.sleep(1)
    print("down", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
time.sleep(600)
"""
    service = bench.service(text)
    service.begin()
    assert service.end() is not None
    assert bench.run.service(1).stdout.read_text() == "up\ndown\n"


def test_what_the_service_forked_away_is_stopped_with_it(bench: Bench) -> None:
    service = bench.service(FORKING)
    service.begin()
    daemon = int((bench.folder / "daemon").read_text())
    assert alive(daemon)
    assert service.end() is not None
    assert not alive(daemon)


def test_a_service_that_forks_away_and_ends_has_ended(bench: Bench) -> None:
    text = FORKING.removesuffix("time.sleep(600)\n")
    service = bench.service(text)
    service.begin()
    assert bench.halt.wait(LONG)
    daemon = int((bench.folder / "daemon").read_text())
    assert service.end() is None
    (ended,) = service.take_exits()
    assert not alive(daemon)
    assert len(ended.finished.leftovers) == 1


@pytest.mark.parametrize("moment", ["before", "between"])
def test_a_folder_that_cannot_be_made_is_raised_where_the_service_is_ended(bench: Bench, moment: str) -> None:
    if moment == "before":
        (bench.run.path / "service").touch()
    else:
        (bench.run.path / "service" / "00002").mkdir(parents=True)
    service = bench.service("raise SystemExit(3)", restarts=3)
    service.begin()
    assert not service.wait_until_ready()
    with pytest.raises(SurroundingsError, match="cannot create"):
        service.end()
    assert len(service.take_exits()) == (moment == "between")
    assert service.gave_up == "the service could not be seen to"


@pytest.mark.parametrize("moment", ["made", "asked"])
def test_asking_that_goes_wrong_is_raised_where_the_service_is_ended(bench: Bench, moment: str) -> None:
    def ask(seconds: float) -> str | None:
        raise SurroundingsError("no room")

    def probe(start: int, stop: StopRequest) -> Probe:
        return ask(0) or ask if moment == "made" else ask  # type: ignore[return-value]

    service = bench.service(SERVE, probe=probe)
    service.begin()
    pid = service.tree.main
    with pytest.raises(SurroundingsError, match="no room"):
        service.end()
    assert service.gave_up == "whether the service is ready could not be asked"
    assert not alive(pid)


class FullRun(RunDir):
    """A run on a full disk."""

    def begin_service(self, start: int) -> OutputDir:
        return FullFolder(super().begin_service(start).path)


class FullFolder(OutputDir):
    @property
    def stdout(self) -> Path:
        return Path("/dev/full")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_is_full_is_raised_where_the_service_is_ended(bench: Bench) -> None:
    bench.run = FullRun(bench.run.path)
    service = bench.service("print('up')", None)
    service.begin()
    assert bench.halt.wait(LONG)
    with pytest.raises(SurroundingsError, match="output cannot be written"):
        service.end()
