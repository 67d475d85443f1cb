"""Nothing of a workload survives on Windows: not the end of its main process, not its timeout, not a killed soak."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from soak_action.workload.child import Child
from soak_action.workload.outcome import KILLED_BY_SOAK
from soak_action.workload.portable_usage import PortableReader
from soak_action.workload.process import Finished, run
from soak_action.workload.process_tree import Outlived, stop_tree
from soak_action.workload.stop import StopRequest
from soak_action.workload.windows_console import creation_flags, has_console, send_break
from soak_action.workload.windows_job import Job, confine, job_of
from soak_action.workload.windows_tree import WindowsTree, _member

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
IS_WINE = hasattr(ctypes.WinDLL("ntdll"), "wine_get_version")
NEW_GROUP, DETACHED, BREAK_AWAY, NO_WINDOW = 0x200, 0x8, 0x1000000, 0x8000000
# Says its pid, starts a child that does the same, and so on for some generations; then all stay or the first one ends.
FAMILY = """
import os, subprocess, sys, time
flags, generations, then = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
with open("pids", "a") as file:
    file.write(f"{os.getpid()}\\n")
if generations:
    words = [sys.executable, "-S", __file__, str(flags), str(generations - 1), "stay"]
    subprocess.Popen(words, creationflags=flags, stdin=-3, stdout=-3, stderr=-3)
while then == "end" and len(open("pids").read().split()) <= generations:
    time.sleep(0.02)
time.sleep(600 if then == "stay" else 0)
"""
SOAK = """
import os, sys
from pathlib import Path
from soak_action.workload.process import run
from soak_action.workload.stop import StopRequest
here = Path(sys.argv[1])
run([sys.executable, "-S", *sys.argv[2:]], cwd=here, env=os.environ, stdout=here / "o", stderr=here / "e",
    log_limit=1000, timeout=600, stop=StopRequest(), mark="killed")
"""


def python(folder: Path, *words: str, until: Callable[[], bool] | None = None, grace: float = 0.2) -> Finished:
    """Run a Python as a workload to its end, or have it stopped as soon as `until` holds."""
    stop, ended = StopRequest(), threading.Event()

    def watch() -> None:
        while until is not None and not until() and not ended.wait(0.02):
            pass
        stop.request(signal.SIGTERM)

    watcher = threading.Thread(target=watch, daemon=True)
    if until is not None:
        watcher.start()
    try:
        return run(
            [sys.executable, "-S", *words],
            cwd=folder,
            env=os.environ,
            stdout=folder / "stdout.log",
            stderr=folder / "stderr.log",
            log_limit=1 << 16,
            timeout=120,
            stop=stop,
            grace=grace,
            mark=folder.name,
        )
    finally:
        ended.set()


def family(folder: Path) -> str:
    (folder / "family.py").write_text(FAMILY)
    return str(folder / "family.py")


def pids(folder: Path) -> list[int]:
    path = folder / "pids"
    return [int(word) for word in path.read_text().split()] if path.exists() else []


def living(folder: Path) -> list[int]:
    return [pid for pid in pids(folder) if psutil.pid_exists(pid)]


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


@pytest.mark.parametrize("flags", [0, NEW_GROUP, NEW_GROUP | DETACHED], ids=["plain", "own group", "detached"])
def test_trap_53_no_generation_outlives_a_stop(tmp_path: Path, flags: int) -> None:
    done = python(tmp_path, family(tmp_path), str(flags), "2", "stay", until=lambda: len(living(tmp_path)) == 3)
    assert (done.outcome, done.exit_code) == ("cancelled", None)
    assert "could not be stopped" not in done.detail
    assert (len(pids(tmp_path)), living(tmp_path)) == (3, [])


@pytest.mark.parametrize("flags", [0, NEW_GROUP, NEW_GROUP | DETACHED], ids=["plain", "own group", "detached"])
def test_trap_53_no_generation_outlives_the_first_one(tmp_path: Path, flags: int) -> None:
    done = python(tmp_path, family(tmp_path), str(flags), "2", "end")
    assert (done.outcome, done.exit_code, living(tmp_path)) == ("ok", 0, [])
    _, *others = pids(tmp_path)
    assert len(others) == 2
    assert sorted(done.leftovers) == sorted(f"{Path(sys.executable).name} (pid {pid})" for pid in others)


def test_trap_53_a_child_of_a_main_process_that_ends_at_once_is_in_the_job(tmp_path: Path) -> None:
    text = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"], creationflags=0x208, stdout=-3)
os.write(1, str(child.pid).encode())
os._exit(3)
"""
    for _ in range(5):
        done = python(tmp_path, "-c", text, grace=0)
        assert (done.outcome, done.exit_code, len(done.leftovers)) == ("failed", 3, 1)
        assert not psutil.pid_exists(int((tmp_path / "stdout.log").read_text()))


def test_trap_53_nobody_breaks_away(tmp_path: Path) -> None:
    done = python(tmp_path, family(tmp_path), str(BREAK_AWAY), "1", "stay", until=lambda: len(living(tmp_path)) == 2)
    # Windows refuses it to the parent, which then fails; a system that knows no better starts the child in the job.
    refused = "PermissionError" in (tmp_path / "stderr.log").read_text()
    assert (done.outcome, len(pids(tmp_path))) == (("failed", 1) if refused else ("cancelled", 2))
    assert living(tmp_path) == []


def test_a_workload_may_have_jobs_of_its_own(tmp_path: Path) -> None:
    text = f"""
import subprocess, sys, time
sys.path.insert(0, {str(SCRIPTS)!r})
from soak_action.workload.windows_job import Job
child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
job = Job()
job.take(int(child._handle))
with open("pids", "a") as file:
    print(child.pid if job.pids() == [child.pid] else 0, file=file)
time.sleep(600)
"""
    done = python(tmp_path, "-c", text, until=lambda: len(living(tmp_path)) == 1)
    assert done.outcome == "cancelled", (tmp_path / "stderr.log").read_text()
    assert living(tmp_path) == []


def test_trap_53_nothing_survives_a_soak_that_is_killed(tmp_path: Path) -> None:
    words = [family(tmp_path), str(NEW_GROUP | DETACHED), "2", "stay"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SCRIPTS), *sys.path])}
    with subprocess.Popen([sys.executable, "-c", SOAK, str(tmp_path), *words], env=environment) as soak:
        try:
            wait_for(lambda: len(living(tmp_path)) == 3)
        finally:
            soak.kill()
    wait_for(lambda: not living(tmp_path))


def test_trap_53_a_hundred_children(tmp_path: Path) -> None:
    text = f"""
import subprocess, time
children = [
    subprocess.Popen(["cmd", "/d", "/c", "pause"], creationflags={NEW_GROUP}, stdin=subprocess.PIPE, stdout=-3)
    for _ in range(100)
]
with open("pids", "a") as file:
    print(*(child.pid for child in children), file=file)
time.sleep(600)
"""
    child, tree = started(tmp_path, text)
    wait_for(lambda: len(living(tmp_path)) == 100)
    assert len(tree.members()) == 101
    assert stop_tree(tree, grace=0, hard=60, main_ended=lambda: False, outlived=Outlived()) == []
    tree.close()
    assert child.wait(60)
    assert child.exit_code == KILLED_BY_SOAK
    assert living(tmp_path) == []
    close(child)


def started(folder: Path, text: str) -> tuple[Child, WindowsTree]:
    tree = WindowsTree()
    child = Child([sys.executable, "-S", "-c", text], folder, os.environ)
    tree.started(child.pid)
    child.watch()
    return child, tree


def close(child: Child) -> None:
    child.stdout.close()
    child.stderr.close()


def test_the_tree_and_the_samples_mean_the_same_process(tmp_path: Path) -> None:
    child, tree = started(tmp_path, "import time; time.sleep(600)")
    (member,) = tree.present()
    seen = PortableReader().member(child.pid)
    assert seen is not None
    assert (member.pid, member.started) == (seen.pid, seen.started) == (child.pid, seen.started)
    assert member.name == Path(sys.executable).name
    tree.observe()
    tree.close()
    assert child.wait(60)
    assert tree.members() == []
    tree.kill([member])
    close(child)


def test_an_idle_tree_has_nobody_to_stop() -> None:
    tree = WindowsTree()
    assert tree.members() == []
    tree.ask([])
    tree.kill([])
    tree.close()


def test_a_process_that_no_child_started_has_no_job() -> None:
    with pytest.raises(KeyError):
        job_of(os.getpid())


def test_a_process_that_cannot_be_confined_is_not_started() -> None:
    words = [sys.executable, "-S", "-c", ""]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as popen:
        popen.wait()
        with pytest.raises(OSError, match="Windows does not confine it in a Job Object: "):
            confine(popen)
    with pytest.raises(KeyError):
        job_of(popen.pid)


def test_who_is_gone_is_no_member() -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", ""]) as popen:
        popen.wait()
        assert _member(popen.pid) is None
    assert _member(0x7FFFFFF0) is None


def test_a_job_lists_more_than_it_first_had_room_for() -> None:
    job = Job()
    children = [subprocess.Popen(["cmd", "/d", "/c", "pause"], stdin=subprocess.PIPE, stdout=-3) for _ in range(70)]
    for child in children:
        job.take(int(child._handle))
    assert {child.pid for child in children} <= set(job.pids())
    job.terminate(7)
    assert [child.wait(60) for child in children] == [7] * 70
    job.close()
    assert job.pids() == []
    for child in children:
        assert child.stdin is not None
        child.stdin.close()


def test_a_console_decides_how_a_workload_starts_and_is_asked(tmp_path: Path) -> None:
    assert creation_flags() == NEW_GROUP | (0 if has_console() else NO_WINDOW)
    assert send_break(0, []) is False


@pytest.mark.skipif(IS_WINE, reason="Wine delivers no Ctrl-Break: whoever is asked is killed after the grace")
def test_a_workload_may_use_its_grace(tmp_path: Path) -> None:
    text = """
import signal, sys, time
def end(*_):
    print("saved", flush=True); sys.exit(0)
signal.signal(signal.SIGBREAK, end)
open("ready", "w").close()
while True:
    time.sleep(0.05)
"""
    done = python(tmp_path, "-c", text, until=(tmp_path / "ready").exists, grace=4)
    assert (done.outcome, done.exit_code) == ("cancelled", 0)
    assert (tmp_path / "stdout.log").read_bytes() == b"saved\r\n"
