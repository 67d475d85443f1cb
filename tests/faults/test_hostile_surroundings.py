"""Pipes, closed streams, vanished folders and odd environments: no hang, no traceback, no lost run."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import clean_environment
from tests.faults.attacking import GOOD, KPI, RUN, Soak, attack, only_run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the attacks are POSIX shell scripts")


@pytest.mark.parametrize("name", ["iterations.jsonl", "run.json"])
def test_a_pipe_in_place_of_evidence_does_not_hang_the_run(tmp_path: Path, name: str) -> None:
    script = GOOD + f'rm "$SOAK_RUN_DIR/{name}"; mkfifo "$SOAK_RUN_DIR/{name}"'
    assert attack(tmp_path, script, iterations=1, seconds=15).code == 4


@pytest.mark.parametrize("name", ["iterations.jsonl", "config.json", "verdict.json", "receipt.json"])
def test_a_pipe_in_place_of_evidence_does_not_hang_verify(tmp_path: Path, name: str) -> None:
    assert attack(tmp_path, GOOD).code == 0
    run = only_run(tmp_path)
    (run / name).unlink()
    os.mkfifo(run / name)
    done = subprocess.run(
        [*RUN, "verify", str(run)], env=clean_environment(), capture_output=True, check=False, timeout=15
    )
    assert done.returncode in (3, 4)


def test_a_very_deep_tree_of_results_is_evidence_and_no_defect(soak: Soak, tmp_path: Path) -> None:
    deep = "cd $SOAK_OUT; i=0; while [ $i -lt 40 ]; do mkdir $n; cd -P ./$n || exit; i=$((i+1)); done; : > leaf; exit 0"
    done = attack(tmp_path, f"{GOOD} n=$(printf d%.0s $(seq 200)); {deep}", iterations=1)
    assert done.code in (0, 4)
    assert soak("verify", only_run(tmp_path)).code == done.code


def test_a_run_goes_on_when_nobody_reads_its_progress(soak: Soak, tmp_path: Path) -> None:
    with subprocess.Popen(
        [*RUN, "run", "--iterations", "3", *KPI, "--", "/bin/sh", "-c", GOOD],
        cwd=tmp_path,
        env=clean_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        process.stderr.close()
        assert process.wait(60) == 0
    assert soak("verify", only_run(tmp_path)).code == 0


def test_a_hang_up_while_nobody_reads_leaves_a_sealed_run(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*RUN, "run", "--iterations", "9", *KPI, "--", "/bin/sh", "-c", GOOD + "sleep 60"],
        cwd=tmp_path,
        env=clean_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        while not list(tmp_path.glob(".soak/2*/iterations/00001/out/m.json")):
            assert process.poll() is None
        process.stderr.close()
        os.kill(process.pid, signal.SIGHUP)
        assert process.wait(60) == 143
    assert (only_run(tmp_path) / "receipt.json").is_file()


def test_a_closed_terminal_is_no_failed_verdict(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    with subprocess.Popen(
        [*RUN, "run", "--iterations", "50", "--", "sleep", "0.1"],
        cwd=tmp_path,
        env=clean_environment(),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    ) as process:
        os.close(slave)
        while not list(tmp_path.glob(".soak/2*/iterations/00002")):
            assert process.poll() is None
        os.kill(process.pid, signal.SIGHUP)
        os.close(master)
        assert process.wait(60) == 143
    assert (only_run(tmp_path) / "receipt.json").is_file()


@pytest.mark.parametrize("redirect", ["2>&-", "2>/dev/full", ">&-"])
def test_streams_that_cannot_be_written_change_no_verdict(tmp_path: Path, redirect: str) -> None:
    command = f'"$0" -m soak_action run --iterations 1 -- true {redirect}'
    done = subprocess.run(
        ["/bin/sh", "-c", command, sys.executable],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    assert (only_run(tmp_path) / "receipt.json").is_file()


def test_a_document_that_cannot_be_printed_exits_5(tmp_path: Path) -> None:
    command = '"$0" -m soak_action run --json --iterations 1 -- true >/dev/full'
    done = subprocess.run(
        ["/bin/sh", "-c", command, sys.executable],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, b"Traceback" in done.stderr) == (5, False)


@pytest.mark.parametrize("name", [b"GITHUB_SHA", b"ImageOS", b"SOAK_CONFIG"])
def test_an_environment_that_is_not_utf8_is_no_defect(tmp_path: Path, name: bytes) -> None:
    environment = {
        **{os.fsencode(key): os.fsencode(value) for key, value in clean_environment().items()},
        name: b"\xff",
    }
    done = subprocess.run(
        [*RUN, "run", "--json", "--iterations", "1", "--", "true"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == (2 if name == b"SOAK_CONFIG" else 0)
    assert isinstance(json.loads(done.stdout), dict)


@pytest.mark.parametrize("words", ["run -- true", "gate a.json --kpi 'x=x hard=1 better=lower'"])
def test_a_current_directory_that_is_gone_is_one_clear_line(tmp_path: Path, words: str) -> None:
    script = f'mkdir gone; cd gone; rmdir ../gone; exec "$0" -m soak_action {words}'
    done = subprocess.run(
        ["/bin/sh", "-c", script, sys.executable],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        check=False,
    )
    assert done.returncode in (2, 5)
    assert b"is a defect" not in done.stderr


def test_a_run_directory_that_vanishes_ends_the_run_at_once(tmp_path: Path) -> None:
    done = attack(tmp_path, 'echo >> count; rm -rf "$SOAK_RUN_DIR"', iterations=20)
    assert done.code in (4, 5)
    assert (tmp_path / "count").read_bytes().count(b"\n") < 3
    assert str(tmp_path) in done.err


def test_evidence_that_became_a_directory_is_invalid(soak: Soak, tmp_path: Path) -> None:
    assert attack(tmp_path, GOOD).code == 0
    run = only_run(tmp_path)
    (run / "iterations.jsonl").unlink()
    (run / "iterations.jsonl").mkdir()
    assert soak("verify", run).code == 4


def test_a_folder_that_exists_already_is_not_called_a_file(tmp_path: Path):
    done = attack(tmp_path, GOOD + 'mkdir -p "$SOAK_RUN_DIR/iterations/00002"')
    assert done.code == 5
    assert "something that is not a directory" not in done.err


def test_control_backslash_leaves_nothing_running_and_a_sealed_run(tmp_path: Path):
    done = attack(tmp_path, GOOD + "kill -QUIT $PPID; sleep 30", iterations=1)
    assert done.code == 143
    assert (only_run(tmp_path) / "receipt.json").is_file()
