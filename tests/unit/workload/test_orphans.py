"""Orphans of a killed soak are found by their mark and nobody else is touched."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.conftest import clean_environment
from tests.integration.watching import alive

from soak_action.workload.orphans import is_marked, stop_orphans

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
GENTLE = "import time; print(flush=True); time.sleep(60)"


@pytest.fixture
def marked():
    started = []

    def start(mark: str, code: str) -> subprocess.Popen[bytes]:
        env = clean_environment(SOAK_RUN_MARK=mark)
        process = subprocess.Popen([sys.executable, "-S", "-c", code], env=env, stdout=subprocess.PIPE)
        process.stdout.readline()
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("code", [GENTLE, STUBBORN], ids=["gentle", "stubborn"])
def test_the_marked_process_is_stopped_and_another_one_is_not(marked, code):
    mine, other = marked("run-a/3", code), marked("run-a/4", GENTLE)
    assert stop_orphans("run-a/3", grace=0.3) == []
    assert not alive(mine.pid)
    assert other.poll() is None


def test_without_orphans_nothing_happens():
    assert stop_orphans("nobody/1") == []


def test_who_cannot_be_stopped_is_named(marked, monkeypatch):
    process = marked("run-b/1", GENTLE)
    monkeypatch.setattr("psutil.Process.terminate", lambda self: None)
    monkeypatch.setattr("psutil.Process.kill", lambda self: None)
    assert stop_orphans("run-b/1", grace=0.01, hard=0.01) == [f"pid {process.pid}"]


@pytest.mark.parametrize(
    ("found", "mark", "is_one"),
    [
        ("run-a/service/1", "run-a/service/1", True),
        ("run-a/service/1", "run-a/service", True),
        ("run-a/service/1/ready", "run-a/service", True),
        ("run-a/service/12", "run-a/service/1", False),
        ("run-a/services", "run-a/service", False),
        ("run-a", "run-a/service", False),
        ("", "run-a/service", False),
        (None, "run-a/service", False),
    ],
)
def test_a_mark_stands_for_all_below_it(found, mark, is_one):
    assert is_marked(found, mark) is is_one


def test_what_a_mark_stands_for_is_stopped_and_the_rest_is_not(marked):
    first, asked, load = (marked(f"run-c/{mark}", GENTLE) for mark in ("service/1", "service/2/ready", "1"))
    assert stop_orphans("run-c/service", grace=0.3) == []
    assert not alive(first.pid)
    assert not alive(asked.pid)
    assert load.poll() is None
