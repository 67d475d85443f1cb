"""How long the tests take: shortened by default, with all stated seeds and repetitions under `check.py --full`.

A test asks with `from tests.conftest import full`. A test that needs a program which this machine lacks skips itself
with a reason that begins with ``needs`` and says how to install it (``needs chromium: apt-get install chromium``);
`check.py --require-all` turns such a skip into a failure.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import configuration, settings

Amount = TypeVar("Amount")
IS_FULL = bool(os.environ.get("SOAK_CHECK_FULL"))


def full(stated: Amount, shortened: Amount) -> Amount:
    """Return the stated amount of work under `--full`, else the shortened one."""
    return stated if IS_FULL else shortened


# No deadline: a slow machine is no defect. The short profile draws the same examples every time, so that a pull request
# turns red by what it changes; the full one draws new examples and keeps those that failed.
configuration.set_hypothesis_home_dir(Path(__file__).resolve().parent.parent / ".cache" / "hypothesis")
settings.register_profile("short", max_examples=50, deadline=None, derandomize=True, database=None)
settings.register_profile("full", max_examples=1000, deadline=None, print_blob=True)
settings.load_profile(full("full", "short"))


SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"


@dataclass(frozen=True)
class Done:
    """What one call of the command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The JSON document on standard output."""
        return json.loads(self.out)


def clean_environment(**more: str) -> dict[str, str]:
    """Return this process's environment without what would steer soak or git, plus `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SOAK_", "GITHUB_", "GIT_"))}
    return {**kept, "PYTHONPATH": str(SCRIPTS), "GIT_CEILING_DIRECTORIES": "/", **more}


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep child processes from being measured for coverage, which doubles what each costs.

    For suites of many processes that do again and again what others measure.
    """
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@pytest.fixture
def soak(tmp_path: Path) -> Callable[..., Done]:
    """Call the command line in a process of its own, in `tmp_path` unless told otherwise."""

    def call(*words: str | Path, cwd: Path = tmp_path, env: Mapping[str, str] | None = None) -> Done:
        command = [sys.executable, "-m", "soak_action", *map(str, words)]
        done = subprocess.run(command, cwd=cwd, env=clean_environment(**(env or {})), capture_output=True, check=False)
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    return call
