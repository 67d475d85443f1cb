"""The launcher's first start on a machine against the same installation by the bare installer."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from functools import partial
from itertools import count
from pathlib import Path

from measuring import Comparison, NeededError, Report, in_turns, run_quietly, seconds_of
from surroundings import LOCK, SCRIPTS, Bench

LIMIT = 1.5
WITH_UV = 0.7
OPTIONS = ("--require-hashes", "--only-binary", ":all:", "--no-deps", "-r", LOCK)
UV_NAMES = ("uv", "uv.exe")


def run(bench: Bench) -> Report:
    """Compare with pip, and with uv where there is one."""
    bench.ready_launcher()
    turns = bench.turns or bench.of(1, 5, 11)
    checkout = bench.folder("checkout")
    shutil.copytree(SCRIPTS, checkout / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    comparisons = [_with_pip(bench, checkout, turns)]
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        return Report(comparisons, ["the comparison with uv needs uv on PATH"])
    return Report([*comparisons, _with_uv(bench, checkout, turns, Path(uv))])


def _with_pip(bench: Bench, checkout: Path, turns: int) -> Comparison:
    pip = [sys.executable, "-m", "pip"]
    try:
        run_quietly([*pip, "--version"], bench.scratch, bench.environ())
    except RuntimeError:
        raise NeededError(f"needs pip: {sys.executable} -m ensurepip") from None
    path = os.pathsep.join(folder for folder in _path() if not any((Path(folder) / name).exists() for name in UV_NAMES))
    environ = bench.environ(PATH=path)
    ours, beside = _measure(bench, checkout, turns, environ, [*pip, "install", "--quiet"])
    target = f"ratio at most {LIMIT}"
    return Comparison("cold set-up with pip", ours, beside, "pip install --target", limit=LIMIT, target=target)


def _with_uv(bench: Bench, checkout: Path, turns: int, uv: Path) -> Comparison:
    path = os.pathsep.join([str(uv.parent), *_path()])
    install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", sys.executable]
    # The launcher leaves uv alone where only pip is told about a package source, because uv would not know it.
    environ = {name: value for name, value in bench.environ(PATH=path).items() if not name.startswith("PIP_")}
    ours, beside = _measure(bench, checkout, turns, environ, install)
    name, target = "cold set-up with uv", f"about 0.6 s: at most {WITH_UV} s"
    return Comparison(name, ours, beside, "uv pip install", kind="amount", limit=WITH_UV, target=target)


def _measure(
    bench: Bench, checkout: Path, turns: int, environ: dict[str, str], install: Sequence[str | Path]
) -> tuple[list[float], list[float]]:
    numbers = count()

    def launch() -> float:
        # No cache holds a site directory of this lock, for nobody ever saw its digest.
        lock = checkout / "scripts" / LOCK.name
        lock.write_bytes(LOCK.read_bytes() + f"# {next(numbers)} of {bench.scratch.name}\n".encode())
        command = bench.launcher("--version", scripts=lock.parent)
        tools = {"RUNNER_TOOL_CACHE": str(bench.folder("tools"))}
        return seconds_of(partial(run_quietly, command, bench.scratch, {**environ, **tools}))

    def install_alone() -> float:
        command = [*install, "--target", bench.folder("target") / "site", *OPTIONS]
        return seconds_of(partial(run_quietly, command, bench.scratch, environ))

    try:
        install_alone()  # the downloads stay in the installer's cache, for both sides alike
    except RuntimeError as error:
        raise NeededError(f"needs a package index: {error}") from None
    return in_turns(turns, launch, install_alone)


def _path() -> list[str]:
    return os.environ.get("PATH", os.defpath).split(os.pathsep)
