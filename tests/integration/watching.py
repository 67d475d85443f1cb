"""Programs that die or will not die, waiting for something to happen, and whether a process still lives."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from tests.conftest import clean_environment

# Ignores what can be ignored, and so does its daemon, which leaves the session.
STUBBORN = """
import os, pathlib, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
pathlib.Path("pids").open("a").write(f"{os.getpid()}\\n")
print("it runs", flush=True)
time.sleep(300)
"""
# Runs soak with the words after the first one and kills itself at the step of writing with that number; at the end it
# prints all steps.
DYING = """
import os, signal, sys
from soak_action import cli, files
fatal, seen = int(sys.argv[1]), []
def reach(step):
    seen.append(step)
    if len(seen) == fatal:
        os.kill(os.getpid(), signal.SIGKILL)
files.observe(reach)
code = cli.main(sys.argv[2:])
print(" ".join(seen), file=sys.stderr)
sys.exit(code)
"""


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    """Return as soon as `condition` holds; fail when it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for yet does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def dying(fatal: int, folder: Path, *words: str | Path) -> subprocess.CompletedProcess[bytes]:
    """Run soak in `folder` and let it kill itself at the step of writing with the number `fatal`; 0 is none.

    The last line on standard error names all steps when it got to its end.
    """
    # A killed process leaves a broken measurement of the coverage behind, so none is taken of it.
    environ = {name: value for name, value in clean_environment().items() if not name.startswith("COVERAGE")}
    command = [sys.executable, "-c", DYING, str(fatal), *map(str, words)]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, check=False)


def die_at(fatal: int, folder: Path, *words: str | Path) -> tuple[int, list[str]]:
    """Return the exit code of a soak that dies like that and, when it got to its end, the names of all steps."""
    done = dying(fatal, folder, *words)
    return done.returncode, done.stderr.decode().splitlines()[-1].split() if done.returncode >= 0 else []
