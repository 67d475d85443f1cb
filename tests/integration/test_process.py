from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import full

from soak_action.errors import SurroundingsError
from soak_action.workload.memory_kills import read_kills
from soak_action.workload.process import Captured, Finished, run
from soak_action.workload.stop import StopRequest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for survivors in /proc")

FOREVER = 600.0
# A kernel that does not count what it ends for lack of memory leaves the question open.
NOT_OF_MEMORY = "out of memory?" if read_kills().anywhere is None else "not out of memory"
DAEMON = """
import os, signal, subprocess, sys, time
def daemon(environment, ignore):
    if os.fork():
        os.wait()
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    if ignore:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.execve(sys.executable, [sys.executable, "-S", "-c", "import time; time.sleep(600)", *sys.argv[1:]], environment)
"""


class Bench:
    """Runs Python texts as workloads and finds what is left of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = f"mark-{secrets.token_hex(8)}"
        self.stop = StopRequest()
        self.stdout = folder / "stdout.log"
        self.stderr = folder / "stderr.log"

    def python(self, text: str, *arguments: str, **options: object) -> Finished:
        return self.run([sys.executable, "-S", "-c", text, *arguments, self.mark], **options)

    def run(self, argv: list[str], **options: object) -> Finished:
        settings: dict[str, object] = {
            "cwd": self.folder,
            "env": {"PATH": os.environ["PATH"]},
            "stdout": self.stdout,
            "stderr": self.stderr,
            "log_limit": 1 << 20,
            "timeout": 120.0,
            "stop": self.stop,
            "grace": 4.0,
            "mark": self.mark,
        }
        return run(argv, **(settings | options))  # type: ignore[arg-type]

    @contextlib.contextmanager
    def stopped_when_ready(self) -> Iterator[None]:
        """Request a stop as soon as the workload has written the file ``ready``."""

        def watch() -> None:
            while not (self.folder / "ready").exists():
                time.sleep(0.005)
            self.stop.request(signal.SIGTERM)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        yield
        watcher.join()

    def survivors(self) -> list[str]:
        """The living processes that hold the mark in their environment or in their arguments."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdecimal() or int(entry.name) == os.getpid():
                continue
            with contextlib.suppress(OSError):
                dead = (entry / "stat").read_bytes().rpartition(b") ")[2][:1] in b"ZX"
                text = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
                if self.mark.encode() in text and not dead:
                    found.append(f"{entry.name} {(entry / 'cmdline').read_bytes()!r}")
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    assert bench.survivors() == []


def test_a_good_run_with_its_figures(bench: Bench) -> None:
    done = bench.python("import sys; print('out'); print('err', file=sys.stderr)")
    assert (done.outcome, done.exit_code, done.signal, done.detail) == ("ok", 0, None, "exited with 0")
    assert (bench.stdout.read_bytes(), bench.stderr.read_bytes()) == (b"out\n", b"err\n")
    assert (done.stdout, done.stderr) == (Captured(4, 4, cut=False), Captured(4, 4, cut=False))
    assert done.leftovers == ()
    assert 0 < done.seconds < FOREVER
    assert done.peak_rss_mib is not None


def test_the_survivor_search_finds_what_lives(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    with subprocess.Popen(["sleep", "600"], env={**os.environ, "SOAK_RUN_MARK": bench.mark}) as alive:
        deadline = time.monotonic() + 60
        while not bench.survivors() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(bench.survivors()) == 1
        alive.kill()
    assert bench.survivors() == []


@pytest.mark.parametrize(
    ("text", "outcome", "exit_code", "signal_name", "detail"),
    [
        ("exit 1", "failed", 1, None, "exited with 1"),
        ("exit 127", "failed", 127, None, "exited with 127: usually a command that was not found"),
        ("kill -SEGV $$", "crashed", None, "SIGSEGV", "killed by SIGSEGV (invalid memory access)"),
        ("kill -KILL $$", "crashed", None, "SIGKILL", f"killed by SIGKILL ({NOT_OF_MEMORY})"),
        ("kill -TERM $$", "crashed", None, "SIGTERM", "killed by SIGTERM"),
    ],
)
def test_bad_ends(
    bench: Bench, text: str, outcome: str, exit_code: int | None, signal_name: str | None, detail: str
) -> None:
    done = bench.run(["/bin/sh", "-c", text])
    assert (done.outcome, done.exit_code, done.signal, done.detail) == (outcome, exit_code, signal_name, detail)


@pytest.mark.parametrize(
    ("text", "exit_code", "detail"),
    [
        ("sh -c 'kill -KILL $$'; exit $?", 137, f"exited with 137: usually killed by SIGKILL, {NOT_OF_MEMORY}"),
        ("sh -c 'kill -TERM $$'; exit $?", 143, "exited with 143: usually killed by SIGTERM"),
    ],
)
def test_trap_53_exit_codes_of_a_shell_stay_failures_and_are_explained(
    bench: Bench, text: str, exit_code: int, detail: str
) -> None:
    done = bench.run(["/bin/sh", "-c", text])
    assert (done.outcome, done.exit_code, done.signal, done.detail) == ("failed", exit_code, None, detail)


def test_what_cannot_be_started_is_an_outcome(bench: Bench, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("no program")
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"\x01\x02\x03\x04")
    garbage.chmod(0o755)
    cases = [
        (bench.run(["no-such-program-at-all"]), "No such file or directory: 'no-such-program-at-all'"),
        (bench.run([str(plain)]), "Permission denied"),
        (bench.run([str(garbage)]), "Exec format error"),
        (bench.run(["true", "x" * 5_000_000]), "Argument list too long"),
        (bench.run(["true", "nul\0byte"]), "null byte"),
        (bench.run(["true"], cwd=tmp_path / "nowhere"), "No such file or directory: '"),
    ]
    for done, reason in cases:
        assert (done.outcome, done.exit_code, done.signal, done.peak_rss_mib) == ("crashed", None, None, None)
        assert done.detail.startswith("could not be started: ")
        assert reason in done.detail
        assert bench.stdout.read_bytes() == b""


def test_unicode_and_spaces_in_folder_and_arguments(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "süß & 飲む folder"
    folder.mkdir()
    text = "import os, sys; sys.stdout.buffer.write(os.fsencode(os.getcwd() + '|' + sys.argv[1]))"
    done = bench.python(text, "ein 'Ärgument' \"mit\" $HOME *", cwd=folder)
    assert done.outcome == "ok"
    assert bench.stdout.read_text("utf-8") == f"{folder}|ein 'Ärgument' \"mit\" $HOME *"


def test_standard_input_is_empty_and_the_environment_is_the_given_one(bench: Bench) -> None:
    text = """
import os, sys
print(repr(sys.stdin.read()), os.environ["SOAK_RUN_MARK"], "HOME" in os.environ, os.getsid(0) == os.getpid())
"""
    bench.python(text)
    assert bench.stdout.read_text() == f"'' {bench.mark} False True\n"


def test_trap_53_a_timeout_stops_the_whole_tree(bench: Bench) -> None:
    done = bench.run(["/bin/sh", "-c", "sleep 600 & sh -c 'sleep 600; true' & sleep 600; true"], timeout=0.3)
    assert (done.outcome, done.exit_code, done.signal) == ("timeout", None, None)
    assert done.detail == "stopped after 300ms (timeout)"


def test_a_workload_may_use_its_grace(bench: Bench) -> None:
    text = """
import signal, sys, time
def end(*_):
    print("saved"); sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("ready", file=open("ready", "w"))
time.sleep(600)
"""
    with bench.stopped_when_ready():
        done = bench.python(text)
    assert (done.outcome, done.exit_code) == ("cancelled", 0)
    assert done.detail.endswith("(SIGTERM received)")
    assert bench.stdout.read_text() == "saved\n"


def test_sigterm_is_sent_once(bench: Bench) -> None:
    text = """
import signal, time
count = 0
def note(*_):
    global count
    count += 1
signal.signal(signal.SIGTERM, note)
print("ready", file=open("ready", "w"))
while not count:
    time.sleep(0.01)
time.sleep(0.5)
print(count)
"""
    with bench.stopped_when_ready():
        assert bench.python(text).outcome == "cancelled"
    assert bench.stdout.read_text() == "1\n"


@pytest.mark.parametrize("how", ["ignores SIGTERM", "is stopped"])
def test_trap_53_who_does_not_listen_is_killed(bench: Bench, how: str) -> None:
    act = {
        "ignores SIGTERM": "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
        "is stopped": "os.kill(os.getpid(), signal.SIGSTOP)",
    }
    done = bench.python(f"import os, signal, time; {act[how]}; time.sleep(600)", timeout=0.5, grace=0.3)
    assert (done.outcome, done.exit_code) == ("timeout", None)


@pytest.mark.parametrize("environment", ["dict(os.environ)", "{}"], ids=["marked", "unmarked"])
@pytest.mark.parametrize("ignore", [False, True], ids=["listens", "deaf"])
@pytest.mark.parametrize("ends", [False, True], ids=["timeout", "normal end"])
def test_trap_53_daemons_do_not_survive(bench: Bench, environment: str, ignore: bool, ends: bool) -> None:
    text = f"{DAEMON}\nfor _ in range(3):\n    daemon({environment}, {ignore})\n"
    text += "print('done')" if ends else "time.sleep(600)"
    done = bench.python(text, timeout=FOREVER if ends else 1.0, grace=0.3)
    assert done.outcome == ("ok" if ends else "timeout")
    if ends:
        assert len(done.leftovers) == 3
        assert all("(pid " in name for name in done.leftovers)


def test_trap_53_a_child_right_before_the_end_is_found(bench: Bench) -> None:
    for _ in range(full(50, 8)):
        done = bench.run(["/bin/sh", "-c", "(setsid sh -c 'setsid sleep 600' &) & exit 3"], grace=0.3)
        assert (done.outcome, done.exit_code) == ("failed", 3)
        assert bench.survivors() == []


def test_trap_53_a_hundred_children(bench: Bench) -> None:
    text = """
import subprocess
for _ in range(100):
    subprocess.Popen(["/bin/sh", "-c", "trap '' TERM; while true; do sleep 1; done"])
"""
    done = bench.python(text, grace=0.3)
    assert done.outcome == "ok"
    assert len(done.leftovers) == 21
    assert done.leftovers[-1].startswith("and ")
    assert done.leftovers[-1].endswith(" more")


def test_trap_53_a_storm_of_forks_in_ever_new_sessions(bench: Bench) -> None:
    text = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
deadline = time.monotonic() + 3
if os.fork():
    os._exit(0)
while time.monotonic() < deadline:
    os.setsid()
    if os.fork():
        os._exit(0)
time.sleep(600)
"""
    assert bench.python(text, grace=0.2).outcome == "ok"


def test_trap_53_a_storm_of_forks_in_one_group(bench: Bench) -> None:
    text = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
deadline = time.monotonic() + 4
while time.monotonic() < deadline:
    if os.fork() == 0:
        time.sleep(600)
    time.sleep(0.005)
time.sleep(600)
"""
    assert bench.python(text, timeout=0.5, grace=0.2).outcome == "timeout"


def test_a_daemon_that_holds_the_pipe_does_not_hang_us(bench: Bench) -> None:
    done = bench.run(["/bin/sh", "-c", "echo before; setsid sleep 600 & sleep 0.5; echo after"])
    assert done.outcome == "ok"
    assert len(done.leftovers) == 1
    assert bench.stdout.read_bytes() == b"before\nafter\n"


def test_a_workload_that_closes_its_output_lives_on(bench: Bench) -> None:
    text = "import os, time; os.write(1, b'bye'); os.close(1); os.close(2); time.sleep(0.4); os._exit(7)"
    done = bench.python(text)
    assert (done.outcome, done.exit_code) == ("failed", 7)
    assert done.seconds >= 0.4
    assert bench.stdout.read_bytes() == b"bye"


def test_a_flood_is_drained_and_cut(bench: Bench) -> None:
    size = full(1 << 30, 1 << 26)
    text = f"""
import os
os.write(1, b"first line\\n")
block = b"x" * 65535 + b"\\n"
for _ in range({size} // 65536):
    os.write(1, block)
os.write(1, b"last line\\n")
"""
    done = bench.python(text, log_limit=200_000)
    total = 11 + size + 10
    assert done.outcome == "ok"
    assert done.stdout == Captured(total, 200_000, cut=True)
    log = bench.stdout.read_bytes()
    marker = f"\n[soak: {total - 200_000} bytes cut here]\n".encode()
    head, found, tail = log.partition(marker)
    assert found
    assert (len(head), len(tail)) == (100_000, 100_000)
    assert head.startswith(b"first line\nxxx")
    assert tail.endswith(b"xxx\nlast line\n")


def test_a_real_signal_cancels(bench: Bench) -> None:
    previous = signal.signal(signal.SIGUSR1, lambda number, _frame: bench.stop.request(number))
    timer = threading.Timer(0.4, os.kill, (os.getpid(), signal.SIGUSR1))
    try:
        timer.start()
        text = f"{DAEMON}\ndaemon({{}}, True)\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(600)"
        done = bench.python(text, grace=0.5)
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, previous)
    assert (done.outcome, done.exit_code, done.signal) == ("cancelled", None, None)
    assert done.detail.endswith("(SIGUSR1 received)")
    assert done.seconds < 60


def test_trap_53_a_cancelled_shell_script_does_not_go_on(bench: Bench) -> None:
    with bench.stopped_when_ready():
        done = bench.run(["/bin/sh", "-c", "touch ready; sleep 600; touch went-on; exit 0"])
    assert (done.outcome, done.exit_code) == ("cancelled", None)
    assert not (bench.folder / "went-on").exists()


def test_a_stop_before_the_start_starts_nothing(bench: Bench, tmp_path: Path) -> None:
    bench.stop.request(signal.SIGTERM)
    done = bench.run(["/bin/sh", "-c", f"touch '{tmp_path}/started'"])
    assert (done.outcome, done.exit_code, done.seconds) == ("cancelled", None, 0.0)
    assert not (tmp_path / "started").exists()


def test_an_exception_leaves_nothing_behind(bench: Bench) -> None:
    class InterruptionError(Exception):
        pass

    def interrupt(_number: int, _frame: object) -> None:
        raise InterruptionError

    previous = signal.signal(signal.SIGUSR1, interrupt)
    timer = threading.Timer(0.4, os.kill, (os.getpid(), signal.SIGUSR1))
    try:
        timer.start()
        with pytest.raises(InterruptionError):
            bench.python("import time; time.sleep(600)")
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, previous)
    assert bench.survivors() == []


def test_other_children_are_left_alone(bench: Bench) -> None:
    with (
        subprocess.Popen(["sleep", "600"]) as before,
        subprocess.Popen(["sleep", "600"], start_new_session=True) as before_apart,
    ):
        started: list[subprocess.Popen[bytes]] = []
        timer = threading.Timer(0.2, lambda: started.append(subprocess.Popen(["sleep", "600"])))
        timer.start()
        done = bench.run(["/bin/sh", "-c", "sleep 600 & sleep 1"])
        timer.join()
        others = [before, before_apart, *started]
        try:
            assert len(done.leftovers) == 1
            assert len(others) == 3
            assert [other.poll() for other in others] == [None, None, None]
        finally:
            for other in others:
                other.kill()
                other.wait()


def test_two_workloads_at_once_do_not_stop_each_other(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Bench(tmp_path / "other")
    results: list[Finished] = []
    text = f"{DAEMON}\ndaemon(dict(os.environ), False)\ntime.sleep(2)\nprint('undisturbed')"
    thread = threading.Thread(target=lambda: results.append(other.python(text)))
    thread.start()
    for _ in range(4):
        done = bench.run(["/bin/sh", "-c", "setsid sleep 600 & sleep 0.2"])
        assert len(done.leftovers) == 1
    thread.join()
    assert (results[0].outcome, len(results[0].leftovers)) == ("ok", 1)
    assert other.stdout.read_text() == "undisturbed\n"
    assert other.survivors() == []


def open_files() -> list[str]:
    return sorted(path.name for path in Path("/proc/self/fd").iterdir())


def test_nothing_is_leaked_here(bench: Bench) -> None:
    bench.run(["true"])
    files, threads, known = open_files(), threading.active_count(), children()
    for _ in range(10):
        bench.run(["/bin/sh", "-c", "sleep 600 &"])
        bench.run(["no-such-program-at-all"])
    assert (open_files(), threading.active_count()) == (files, threads)
    assert children() <= known


def children() -> set[str]:
    """The processes that are ours, those included that an earlier test's orphans became."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == os.getpid():
                found.add(stat.parent.name)
    return found


def test_a_full_disk_is_reported_after_everything_has_ended(bench: Bench) -> None:
    with pytest.raises(SurroundingsError, match=r"/dev/full: .*No space left on device"):
        bench.run(["/bin/sh", "-c", "echo lost; echo kept >&2; sleep 600 &"], stdout=Path("/dev/full"))
    assert bench.stderr.read_bytes() == b"kept\n"


def test_a_log_that_cannot_be_opened_starts_nothing(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(SurroundingsError, match="cannot be written: No such file or directory"):
        bench.run(["touch", str(tmp_path / "started")], stdout=tmp_path / "no" / "folder.log")
    assert not (tmp_path / "started").exists()


def test_peak_memory_is_exact_for_what_is_larger_than_soak(bench: Bench) -> None:
    done = bench.python("block = bytearray(300 << 20); print(len(block))")
    assert done.peak_rss_mib is not None
    # A kernel that takes idle pages back at once lets fewer of them be resident at a time.
    assert 150 < done.peak_rss_mib < 400


def test_peak_memory_is_not_inherited_from_soak(bench: Bench) -> None:
    done = bench.run(["sleep", "0.5"])
    assert done.peak_rss_mib is not None
    assert 0.1 < done.peak_rss_mib < 12


def test_peak_memory_counts_orphans(bench: Bench) -> None:
    text = """
import os, time
if os.fork() == 0:
    if os.fork() == 0:
        block = bytearray(300 << 20)
        open("ready", "w").close()
        time.sleep(600)
    os._exit(0)
os.wait()
while not os.path.exists("ready"):
    time.sleep(0.01)
"""
    done = bench.python(text)
    assert len(done.leftovers) == 1
    assert done.peak_rss_mib is not None
    assert 150 < done.peak_rss_mib < 400  # as above


def test_exit_statuses_are_kept_although_our_parent_ignored_sigchld_and_psutil_is_not_loaded(tmp_path: Path) -> None:
    text = """
import os, sys
from pathlib import Path
from soak_action.workload.memory_kills import read_kills
from soak_action.workload.process import run
from soak_action.workload.stop import StopRequest
here = Path(sys.argv[1])
done = run(["/bin/sh", "-c", "sleep 600 & exit 3"], cwd=here, env=os.environ, stdout=here / "o", stderr=here / "e",
           log_limit=10, timeout=60, stop=StopRequest(), mark="sigchld")
print(done.exit_code, len(done.leftovers), "psutil" in sys.modules)
"""
    scripts = Path(__file__).resolve().parents[2] / "scripts"
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", text, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(scripts)},
        preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (result.stdout, result.stderr) == ("3 1 False\n", "")
