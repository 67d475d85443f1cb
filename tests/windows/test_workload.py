"""The workload's process on Windows: how it is started, what it sees, and that its end is told truly."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from soak_action.workload.command import find_program, resolve_command
from soak_action.workload.environment import child_environment
from soak_action.workload.portable_usage import PortableReader
from soak_action.workload.process import Finished, run
from soak_action.workload.sampler import Sampler
from soak_action.workload.stop import StopRequest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "with space & \u00fc"
    path.mkdir()
    return path


def started(folder: Path, argv: list[str], timeout: float | None = 60.0, **more: str) -> Finished:
    return run(
        argv,
        cwd=folder,
        env={**os.environ, **more},
        stdout=folder / "stdout.log",
        stderr=folder / "stderr.log",
        log_limit=1 << 16,
        timeout=timeout,
        stop=StopRequest(),
        grace=0.2,
        mark=folder.name,
    )


def python(folder: Path, text: str, *arguments: str, timeout: float | None = 60.0, **more: str) -> Finished:
    return started(folder, [sys.executable, "-S", "-c", text, *arguments], timeout, **more)


def test_exit_code_memory_and_both_streams_are_recorded(folder: Path) -> None:
    text = "import os, sys; os.write(1, b'out'); os.write(2, b'err'); sys.exit(7)"
    done = python(folder, text)
    assert (done.outcome, done.exit_code, done.signal) == ("failed", 7, None)
    assert (folder / "stdout.log").read_bytes() == b"out"
    assert (folder / "stderr.log").read_bytes() == b"err"
    assert done.peak_rss_mib is not None
    assert done.peak_rss_mib > 1


@pytest.mark.parametrize("argument", ["a b", 'quo"te', "back\\slash\\", "&|<>^%PATH%", "\u00fc\u65e5", ""])
def test_arguments_arrive_as_they_were_given(folder: Path, argument: str) -> None:
    done = python(folder, "import sys; sys.stdout.buffer.write(sys.argv[1].encode())", argument)
    assert done.outcome == "ok"
    assert (folder / "stdout.log").read_bytes().decode() == argument


def test_a_text_goes_to_cmd_as_it_is(folder: Path) -> None:
    command = 'echo one two>"out file.txt" && echo "%SOAK_OUT%" && exit /b 5'
    done = started(folder, resolve_command(command, None, {}), SOAK_OUT="C:\\a b\\out")
    assert (done.outcome, done.exit_code) == ("failed", 5)
    assert (folder / "out file.txt").read_bytes().split() == [b"one", b"two"]
    assert b'"C:\\a b\\out"' in (folder / "stdout.log").read_bytes()


def test_a_process_that_runs_too_long_is_killed(folder: Path) -> None:
    text = "import time; time.sleep(100); open('survived', 'w')"
    done = python(folder, text, timeout=0.5)
    assert done.outcome == "timeout"
    assert "timeout" in done.detail
    assert "could not be stopped" not in done.detail
    assert done.seconds < 90
    assert not (folder / "survived").exists()


def test_output_without_end_is_cut_and_counted(folder: Path) -> None:
    done = python(folder, "import sys; sys.stdout.buffer.write(b'x' * 1_000_000)")
    assert (done.stdout.bytes_total, done.stdout.cut) == (1_000_000, True)
    assert (folder / "stdout.log").stat().st_size < 70_000


def test_a_program_is_found_as_windows_finds_it(folder: Path) -> None:
    (folder / "Tool.BAT").write_text("@echo from the batch file\r\n@exit /b 3\r\n")
    environment = {"Path": str(folder), "PATHEXT": ".EXE;.BAT"}
    assert find_program(["tool"], folder, environment) is None
    assert find_program(["TOOL.bat"], folder, environment) is None
    assert find_program([".\\tool"], folder, {}) is None
    assert "was not found on PATH" in str(find_program(["other"], folder, environment))
    done = started(folder, ["tool"], Path=str(folder))
    assert (done.outcome, done.exit_code) == ("failed", 3)
    assert (folder / "stdout.log").read_bytes() == b"from the batch file\r\n"


def test_a_program_that_is_gone_crashes_the_iteration_and_not_soak(folder: Path) -> None:
    done = started(folder, ["no-such-program"])
    assert (done.outcome, done.exit_code) == ("crashed", None)
    assert "could not be started" in done.detail


def test_names_of_variables_are_case_blind(folder: Path) -> None:
    base = {"Path": "p", "soak_schedule__iterations": "3", "Github_Token": "secret", "Keep": "1"}
    seen = child_environment(base, {"PATH": "mine"}, {"SOAK_OUT": "o"})
    assert seen == {"PATH": "mine", "Keep": "1", "SOAK_OUT": "o"}
    assert python(folder, "import os, sys; sys.exit(os.environ['soak_out'] != 'x')", SOAK_OUT="x").outcome == "ok"


def test_what_it_uses_is_sampled_while_it_runs(folder: Path) -> None:
    sampler = Sampler(0.2, PortableReader())
    done = run(
        [sys.executable, "-S", "-c", "import time; memory = bytearray(b'x') * (50 << 20); time.sleep(1)"],
        cwd=folder,
        env=os.environ,
        stdout=folder / "stdout.log",
        stderr=folder / "stderr.log",
        log_limit=1 << 16,
        timeout=60,
        stop=StopRequest(),
        mark=folder.name,
        watch=sampler.watch,
    )
    assert (done.outcome, sampler.failure) == ("ok", None)
    assert 50 < sampler.totals.highest["rss_mib"] < 200
    assert sampler.totals.highest["threads"] >= 1
    assert "fds" in sampler.reader.lacks
