"""Workloads that hang, die, flood or will not end: the right verdict, words and exit code, and no survivor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.conftest import clean_environment, full
from tests.faults.attacking import RUN, only_run, records

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks and sends signals of POSIX; see tests/windows")

MIB = 1 << 20
LOG_LIMIT = MIB  # the default of evidence.log_limit
# A daemon as daemons are made: forked twice, in a session of its own, with nothing of its parent's environment.
DAEMON = """
import os, signal, sys, time
def note():
    with open("pids", "a") as file:
        file.write(f"{os.getpid()}\\n")
def ignore():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
def daemon(deaf):
    if os.fork():
        os.wait()
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    note()
    if deaf:
        ignore()
    os.execve(sys.executable, [sys.executable, "-S", "-c", "import time; time.sleep(600)"], {})
"""


@dataclass
class Soaked:
    """What a soak of one workload came to."""

    code: int
    summary: dict[str, Any]
    records: list[dict[str, Any]]
    err: str
    peak_rss_bytes: int

    @property
    def verdict(self) -> str:
        return str(self.summary["verdict"])


class Soak:
    """Soaks a Python text and knows who of it is alive."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.script = folder / "workload.py"

    def __call__(self, text: str, *words: str, iterations: int = 1, timeout: str = "60s") -> Soaked:
        self.script.write_text(text)
        command = [
            *RUN,
            "run",
            "--json",
            "--iterations",
            str(iterations),
            "--set",
            f"workload.timeout={timeout}",
            *words,
        ]
        command += ["--", sys.executable, "-S", str(self.script)]
        out, err = self.folder / "soak.out", self.folder / "soak.err"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(command, cwd=self.folder, env=clean_environment(), stdout=stdout, stderr=stderr)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        said = err.read_text("utf-8")
        assert "Traceback" not in said, said
        summary = json.loads(out.read_bytes())
        peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        return Soaked(process.returncode, summary, records(self.folder), said, peak)

    def verified(self) -> int:
        """The exit code of a verification of the only run."""
        done = subprocess.run(
            [*RUN, "verify", str(only_run(self.folder))], env=clean_environment(), capture_output=True, check=False
        )
        return done.returncode

    def survivors(self) -> list[str]:
        """Who of the workload is alive: by the pids that were noted, and by the script on the command line."""
        pids = self.folder / "pids"
        noted = {int(line) for line in pids.read_text().split()} if pids.exists() else set()
        found = []
        for process in psutil.process_iter():
            try:
                ours = process.pid in noted or str(self.script) in process.cmdline()
                if ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(str(process))
            except psutil.Error:
                continue
        return found


@pytest.fixture
def soak(tmp_path: Path) -> Iterator[Soak]:
    soak = Soak(tmp_path)
    yield soak
    assert soak.survivors() == []


def test_the_survivor_search_finds_what_lives(tmp_path: Path) -> None:
    soak = Soak(tmp_path)
    soak.script.write_text("import time; time.sleep(600)")
    with subprocess.Popen([sys.executable, str(soak.script)]) as by_name, subprocess.Popen(["sleep", "600"]) as by_pid:
        (tmp_path / "pids").write_text(f"{by_pid.pid}\n")
        while len(soak.survivors()) < 2:
            assert by_name.poll() is None
        by_name.kill()
        by_pid.kill()
    assert soak.survivors() == []


@pytest.mark.parametrize("deaf", [False, True], ids=["listens", "deaf"])
def test_trap_53_daemons_end_with_the_iteration_that_made_them_and_are_recorded(soak: Soak, deaf: bool) -> None:
    done = soak(f"{DAEMON}\nfor _ in range(3): daemon({deaf})", iterations=2)
    assert (done.code, done.verdict) == (0, "pass")
    assert [record["outcome"] for record in done.records] == ["ok", "ok"]
    assert [len(record["leftovers"]) for record in done.records] == [3, 3]
    assert len((soak.folder / "pids").read_text().split()) == 6
    assert soak.verified() == 0


def test_trap_53_daemons_of_a_workload_that_hangs_do_not_outlive_its_timeout(soak: Soak) -> None:
    done = soak(f"{DAEMON}\nfor _ in range(3): daemon(True)\nignore(); note(); time.sleep(600)", timeout="2s")
    (record,) = done.records
    assert (record["outcome"], record["exit_code"], record["signal"]) == ("timeout", None, None)
    assert record["detail"] == "stopped after 2s (timeout)"
    assert (done.code, done.verdict) == (1, "fail")
    assert "schedule.failures" in done.summary["failed_rules"]
    assert "stopped after 2s (timeout)" in done.err
    assert soak.verified() == 1


def test_trap_53_who_ignores_every_signal_is_killed(soak: Soak) -> None:
    done = soak(f"{DAEMON}\nignore(); note(); time.sleep(600)", timeout="1s")
    (record,) = done.records
    assert (record["outcome"], record["detail"]) == ("timeout", "stopped after 1s (timeout)")
    assert (done.code, done.verdict) == (1, "fail")


def test_one_hang_is_tolerated_if_one_failure_is(soak: Soak) -> None:
    text = "import os, time\nif os.environ['SOAK_ITERATION'] == '2': time.sleep(600)"
    done = soak(text, "--set", "schedule.failures=1", iterations=3, timeout="5s")
    assert [record["outcome"] for record in done.records] == ["ok", "timeout", "ok"]
    assert (done.code, done.verdict, done.summary["failed_rules"]) == (0, "pass", [])
    assert soak.verified() == 0


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("SIGSEGV", "killed by SIGSEGV (invalid memory access)"),
        ("SIGABRT", "killed by SIGABRT (the program gave up by itself)"),
        ("SIGTERM", "killed by SIGTERM"),
        ("SIGKILL", "killed by SIGKILL ("),
    ],
)
def test_trap_53_a_death_by_signal_is_a_crash_in_words(soak: Soak, name: str, words: str) -> None:
    done = soak(f"import os, resource, signal\nresource.setrlimit(4, (0, 0))\nos.kill(os.getpid(), signal.{name})")
    (record,) = done.records
    assert (record["outcome"], record["exit_code"], record["signal"]) == ("crashed", None, name)
    assert record["detail"].startswith(words)
    assert (done.code, done.verdict) == (1, "fail")
    assert words in done.err
    assert soak.verified() == 1


def test_an_exit_code_is_a_failure_and_no_crash(soak: Soak) -> None:
    done = soak("raise SystemExit(143)")
    (record,) = done.records
    assert (record["outcome"], record["exit_code"], record["signal"]) == ("failed", 143, None)
    assert record["detail"] == "exited with 143: usually killed by SIGTERM"
    assert (done.code, done.verdict) == (1, "fail")


def test_who_writes_nothing_measured_nothing(soak: Soak) -> None:
    kpi = ("--set", "kpis.x.from=m.json#x", "--set", "kpis.x.better=lower", "--set", "kpis.x.hard=100")
    done = soak("import sys; sys.stdout.close(); sys.stderr.close()", *kpi, iterations=2)
    assert [record["outcome"] for record in done.records] == ["ok", "ok"]
    assert [record["missing"] for record in done.records] == [{"x": "file_missing"}] * 2
    assert (done.code, done.verdict) == (4, "invalid")
    assert soak.verified() == 4


@pytest.mark.parametrize("stream", [1, 2], ids=["stdout", "stderr"])
def test_a_flood_costs_neither_memory_nor_disk(soak: Soak, stream: int, tmp_path: Path) -> None:
    size = full(1024, 128) * MIB
    quiet = Soak(tmp_path / "quiet")
    quiet.folder.mkdir()
    little = quiet("print('hello')")
    done = soak(f"""
import json
import os
block = b"x" * 65535 + b"\\n"
for _ in range({size} // 65536):
    os.write({stream}, block)
""")
    (record,) = done.records
    assert (done.code, done.verdict, record["outcome"]) == (0, "pass", "ok")
    assert record["output_bytes"] == {"stdout": size if stream == 1 else 0, "stderr": size if stream == 2 else 0}
    kept = sum(path.stat().st_size for path in only_run(soak.folder).rglob("*") if path.is_file())
    assert kept < LOG_LIMIT + MIB
    # Half of what is kept is held until the end, as nobody knows before which half is the last.
    assert done.peak_rss_bytes - little.peak_rss_bytes < LOG_LIMIT + 8 * MIB
    assert soak.verified() == 0


def test_trap_49_nothing_of_soak_needs_a_program_that_packs(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("tar", "gzip", "gunzip", "zip", "unzip", "zstd", "xz", "bzip2", "7z", "cygpath", "sh", "bash"):
        (programs / name).write_text(f"#!/bin/sh\necho {name} >>'{tmp_path}/called'\nexit 127\n")
        (programs / name).chmod(0o755)
    environment = {**clean_environment(), "PATH": str(programs)}

    def call(*words: str) -> int:
        done = subprocess.run([*RUN, *words], cwd=tmp_path, env=environment, capture_output=True, check=False)
        assert b"Traceback" not in done.stderr
        return done.returncode

    assert call("run", "--iterations", "2", "--segment", "1ms", "--", sys.executable, "-S", "-c", "") == 0
    assert call("run", "--resume", str(only_run(tmp_path))) == 0
    assert call("verify", str(only_run(tmp_path))) == 0
    assert call("gate", str(only_run(tmp_path)), "--output", "judged") == 0
    assert not (tmp_path / "called").exists()
