"""Other libraries that resolve layers of configuration: an environment that holds them, and their turns beside ours."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any

from measuring import Comparison, NeededError, in_turns, run_quietly
from surroundings import SCRIPTS, Bench, make_package_importable

CACHE = SCRIPTS.parent / ".cache"
PROGRAM = Path(__file__).with_name("peers_program.py")
LIBRARIES = {"dynaconf": "dynaconf", "omegaconf": "OmegaConf", "pydantic-settings": "pydantic-settings"}
# Everything that is installed: nothing else is resolved, so that the same versions run tomorrow.
PINS = (
    "annotated-types==0.8.0",
    "dynaconf==3.3.5",
    "omegaconf==2.4.0",
    "pydantic==2.14.4",
    "pydantic-core==2.50.5",
    "pydantic-settings==2.16.3",
    "python-dotenv==1.2.4",
    "pyyaml==6.0.4",
    "typing-extensions==4.16.0",
    "typing-inspection==0.4.5",
)
OPTIONS = ("--quiet", "--no-deps", "--only-binary", ":all:", *PINS)


def compare(
    bench: Bench, ours: Callable[[], float], task: Mapping[str, Any], variables: Mapping[str, str]
) -> list[Comparison]:
    """Take turns with each library; `task` is what peers_program.py is told, `variables` the layer of the environment.

    Raises NeededError when the libraries cannot be had, RuntimeError when one of them reaches other values.
    """
    python = _python(bench)
    turns = bench.turns or bench.of(2, 101, 501)
    comparisons = []
    for library, shown in LIBRARIES.items():
        with _started(bench, [python, "-I", PROGRAM, library], task, variables) as (version, theirs):
            mine, others = in_turns(turns, ours, theirs)
        comparisons.append(Comparison("configuration of 5 layers", mine, others, f"{shown} {version}"))
    return comparisons


@contextmanager
def _started(
    bench: Bench, command: Sequence[str | Path], task: Mapping[str, Any], variables: Mapping[str, str]
) -> Iterator[tuple[str, Callable[[], float]]]:
    """Start the program; yields the library's version and what takes one sample."""
    folder = bench.folder("peer")
    with (
        (folder / "said.txt").open("w+", encoding="utf-8", errors="replace") as said,
        subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            env=bench.environ(**variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            encoding="utf-8",
        ) as process,
    ):
        try:
            ask = partial(_answer, process, said)
            yield ask(json.dumps(task)), lambda: float(ask())
        finally:
            process.kill()
            with suppress(OSError):  # what a program that is gone did not read cannot be flushed
                _pipe(process.stdin).close()


def _answer(process: subprocess.Popen[str], said: IO[str], line: str = "") -> str:
    """Return the program's answer to `line`; RuntimeError with what it said when there is none."""
    with suppress(OSError):  # it ended before it could read, and its missing answer tells
        _pipe(process.stdin).write(f"{line}\n")
        _pipe(process.stdin).flush()
    if answer := _pipe(process.stdout).readline().strip():
        return answer
    process.wait()
    said.seek(0)
    raise RuntimeError(f"{PROGRAM.name} exited {process.returncode}: {said.read().strip()[-600:]}")


def _pipe(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise RuntimeError("the program was started without this pipe")
    return stream


def _python(bench: Bench) -> Path:
    """Return the Python of the environment, made first if need be."""
    make_package_importable()
    from devtools import only_one

    about = repr((PINS, sys.version, sys.base_prefix, sys.platform))
    target = CACHE / f"bench-peers-{hashlib.sha256(about.encode()).hexdigest()[:12]}"
    python = _python_in(target)
    if python.exists():
        return python
    try:
        CACHE.mkdir(parents=True, exist_ok=True)
        with only_one(CACHE / "bench-peers.lock"):
            if not python.exists():
                _install(bench, target)
    except (OSError, sqlite3.Error) as error:
        raise NeededError(f"needs to write to {CACHE}: {error}") from None
    return python


def _python_in(environment: Path) -> Path:
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _install(bench: Bench, target: Path) -> None:
    """Make the environment aside, with uv where there is one that can, else with pip, and give it its name."""
    for abandoned in CACHE.glob("bench-peers-building-*"):  # whoever made it is gone, for the lock is ours
        shutil.rmtree(abandoned, ignore_errors=True)
    aside = Path(tempfile.mkdtemp(prefix="bench-peers-building-", dir=CACHE))
    try:
        environment = _with_uv(bench, aside / "uv") or _with_pip(bench, aside / "pip")
        shutil.rmtree(target, ignore_errors=True)  # its Python is gone, or we would not be here
        environment.rename(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _with_uv(bench: Bench, environment: Path) -> Path | None:
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        return None
    install: list[str | Path] = [uv, "pip", "install", "--python", _python_in(environment), *OPTIONS]
    try:
        run_quietly([uv, "venv", "--quiet", "--python", sys.executable, environment], bench.scratch, bench.environ())
        run_quietly(install, bench.scratch, bench.environ())
    except RuntimeError:
        return None  # it may not know the package source that pip is told about
    return environment


def _with_pip(bench: Bench, environment: Path) -> Path:
    try:
        run_quietly([sys.executable, "-m", "venv", environment], bench.scratch, bench.environ())
    except RuntimeError:
        raise NeededError("needs Python's venv module (Debian: apt-get install python3-venv)") from None
    pip: list[str | Path] = [_python_in(environment), "-m", "pip", "--disable-pip-version-check", "--retries", "1"]
    try:
        run_quietly([*pip, "install", *OPTIONS], bench.scratch, bench.environ())
    except RuntimeError as error:
        raise NeededError(f"needs a package index: {str(error).splitlines()[-1]}") from None
    return environment
