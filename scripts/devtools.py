"""The locked development tools: the environments that hold them, and the lock files that fix them."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "scripts" / "requirements.lock"
DEVELOPMENT_LOCK = ROOT / "scripts" / "requirements-dev.lock"
ENVIRONMENTS = ROOT / ".cache" / "check"
UNUSED_SECONDS = 14 * 24 * 3600
WEB = ROOT / "tests" / "web"  # package.json and package-lock.json of what only Node can run
NODE_PROJECTS = ROOT / ".cache" / "web"
# Tools that only Go can build: no package index has them. Go checks each against its public log of digests.
GO_PROGRAMS = ROOT / ".cache" / "go"
GO_TOOLS = {
    "act": "github.com/nektos/act@v0.2.87",
    "actionlint": "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12",
}


class ToolsError(Exception):
    """The development tools cannot be had; the text says why and what to do."""


@dataclass(frozen=True)
class Outcome:
    """What one step found: `note` stands on its line, `output` below it when it failed."""

    passed: bool
    output: str = ""
    note: str = ""


def run(command: Sequence[str | Path], folder: Path = ROOT, variables: dict[str, str] | None = None) -> Outcome:
    """Run `command` without input; its two streams come back as one text."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    return Outcome(done.returncode == 0, done.stdout)


@contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Wait for other processes that hold `lock`; SQLite's lock works on every system and dies with its owner."""
    connection = sqlite3.connect(lock, timeout=900, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        yield
    finally:
        connection.close()


def environment() -> Path:
    """Return the folder of the locked tools' programs, building it first if need be."""
    about = DEVELOPMENT_LOCK.read_bytes() + repr((sys.version, sys.base_prefix)).encode()
    target = ENVIRONMENTS / f"{hashlib.sha256(about).hexdigest()[:12]}-{sys.implementation.cache_tag}-{sys.platform}"
    ready = target / "ready"
    programs = target / ("Scripts" if os.name == "nt" else "bin")
    if not ready.exists():
        ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
        with only_one(ENVIRONMENTS / "lock"):
            if not ready.exists():
                build_environment(target, programs)
    ready.touch()  # its time says when the environment was last of use
    return programs


def build_environment(target: Path, programs: Path) -> None:
    """Install the development lock into `target`: with the machine's uv, else with the locked one, else with pip."""
    print("installing the development tools ...", flush=True)
    shutil.rmtree(target, ignore_errors=True)
    for unused in ENVIRONMENTS.glob("*/ready"):
        if time.time() - unused.stat().st_mtime > UNUSED_SECONDS:
            shutil.rmtree(unused.parent, ignore_errors=True)
    python = programs / "python"
    requirements: list[str | Path] = ["--quiet", "--require-hashes", "--requirement", DEVELOPMENT_LOCK]
    uv = shutil.which("uv")
    if (
        uv
        and run([uv, "venv", "--quiet", "--python", sys.executable, target]).passed
        and run([uv, "pip", "install", "--python", python, *requirements]).passed
    ):
        return
    if not run([sys.executable, "-m", "venv", "--clear", target]).passed:
        raise ToolsError(
            "this Python makes no environments: install its venv module (Debian: apt-get install python3-venv)"
        )
    only_uv = target / "uv.txt"
    only_uv.write_text("".join(re.findall(r"^uv==.*(?:\n .*)*", DEVELOPMENT_LOCK.read_text("utf-8"), re.MULTILINE)))
    pip: list[str | Path] = [python, "-m", "pip", "install", "--disable-pip-version-check"]
    run([*pip, "--quiet", "--require-hashes", "--requirement", only_uv])
    if (programs / "uv").exists() and run(
        [programs / "uv", "pip", "install", "--python", python, *requirements]
    ).passed:
        return
    installed = run([*pip, *requirements])
    if not installed.passed:
        raise ToolsError(f"the development tools cannot be installed: {last_line(installed.output)}")


def go_tool(name: str, search: str | None = None) -> Path:
    """Return a program of `GO_TOOLS`, built first if need be, with the Go that is found on the path `search`.

    Raises ToolsError that begins with "needs" when this machine cannot build it.
    """
    package = GO_TOOLS[name]
    place = GO_PROGRAMS / package.rpartition("/")[2]
    program = place / (f"{name}.exe" if os.name == "nt" else name)
    if program.exists():
        return program
    go = shutil.which("go", path=search)
    if not go:
        raise ToolsError(f"needs go: install Go 1.25 or newer, which then builds {package}")
    GO_PROGRAMS.mkdir(parents=True, exist_ok=True)
    with only_one(GO_PROGRAMS / "lock"), tempfile.TemporaryDirectory(dir=GO_PROGRAMS) as built:
        if not program.exists():
            done = run([go, "install", package], Path(built), {**os.environ, "GOBIN": built})
            if not done.passed:
                raise ToolsError(f"needs what go could not build: go install {package}: {last_line(done.output)}")
            place.mkdir(exist_ok=True)
            (Path(built) / program.name).replace(program)
    return program


def node_project(search: str | None = None) -> Path:
    """Return a folder whose `node_modules` holds the locked packages of tests/web, installed first if need be.

    Node and npm are looked for on the path `search`. Raises ToolsError that begins with "needs" when this machine
    cannot have them.
    """
    files = [WEB / "package.json", WEB / "package-lock.json"]
    project = NODE_PROJECTS / hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]
    npm = shutil.which("npm", path=search)
    if not npm or not shutil.which("node", path=search):
        raise ToolsError("needs node and npm: install Node.js 20 or newer")
    if project.exists():
        return project
    NODE_PROJECTS.mkdir(parents=True, exist_ok=True)
    with only_one(NODE_PROJECTS / "lock"):
        if not project.exists():
            built = Path(tempfile.mkdtemp(dir=NODE_PROJECTS))
            for path in files:
                shutil.copy(path, built)
            done = run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], built)
            if not done.passed:
                shutil.rmtree(built, ignore_errors=True)
                raise ToolsError(f"needs what npm could not install: {last_line(done.output)}")
            built.rename(project)
    return project


def last_line(output: str) -> str:
    """Return the last line of what a program printed, which mostly says why it failed."""
    return (output.strip().splitlines() or ["no reason given"])[-1]


def write_locks() -> None:
    """Write both lock files anew from pyproject.toml; versions that still fit stay, delete a file to renew them all."""
    common = ["--quiet", "--universal", "--generate-hashes", "--python-version", "3.11", "--custom-compile-command"]
    for target, extra in ((LOCK, ()), (DEVELOPMENT_LOCK, ("--group", "dev", "--constraint", relative(LOCK)))):
        options = [*common, "python3 scripts/check.py --lock", *extra, "--output-file", relative(target)]
        done = run([shutil.which("uv") or environment() / "uv", "pip", "compile", "pyproject.toml", *options])
        if not done.passed:
            raise ToolsError(f"{relative(target)} cannot be made:\n{done.output.strip()}")
        print(f"wrote {relative(target)}")


def relative(path: Path) -> str:
    """Return `path` as people write it, from the repository's root with slashes."""
    return path.relative_to(ROOT).as_posix()
