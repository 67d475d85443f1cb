"""Two things measured in turns, and what their comparison says about a promise of DESIGN 14."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Literal

Kind = Literal["difference", "ratio", "amount"]


class NeededError(Exception):
    """This machine lacks something without which a benchmark cannot run; the text begins with ``needs``."""


@dataclass(frozen=True)
class Spread:
    """The median of some samples, and the middle half of them around it."""

    median: float
    low: float
    high: float
    samples: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Summarise at least one value."""
        low, _, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
        return cls(median(values), low, high, len(values))

    def text(self, unit: str) -> str:
        """Return the figures with `unit`, ``s`` in the size that suits them."""
        if unit == "s" and self.median < 0.1:
            return Spread(self.median * 1e3, self.low * 1e3, self.high * 1e3, self.samples).text("ms")
        digits = 3 if unit == "s" else 2
        return f"{self.median:.{digits}f} {unit} ({self.low:.{digits}f} to {self.high:.{digits}f})"


@dataclass(frozen=True)
class Comparison:
    """Ours and what ran beside it, sample by sample in turns; `kind` says which figure `limit` bounds."""

    name: str
    ours: Sequence[float]
    beside: Sequence[float]
    beside_name: str
    unit: str = "s"
    kind: Kind = "ratio"
    limit: float | None = None
    target: str = "no target of its own"

    @property
    def ratio(self) -> Spread:
        """Ours as a multiple of the other, pair by pair, so that a slow minute of the machine hits both."""
        return Spread.of([our / other for our, other in zip(self.ours, self.beside, strict=True)])

    @property
    def difference(self) -> Spread:
        """Ours minus the other, pair by pair."""
        return Spread.of([our - other for our, other in zip(self.ours, self.beside, strict=True)])

    @property
    def is_met(self) -> bool | None:
        """Whether the median keeps the promise; None without one."""
        if self.limit is None:
            return None
        figures = {"ratio": self.ratio, "difference": self.difference, "amount": Spread.of(self.ours)}
        return figures[self.kind].median <= self.limit

    def lines(self) -> list[str]:
        """Return what a person reads."""
        verdict = {None: "", True: ": met", False: ": MISSED"}[self.is_met]
        width = max(len("soak"), len(self.beside_name))
        return [
            f"{self.name} (turns: {len(self.ours)})",
            f"  {'soak':{width}}  {Spread.of(self.ours).text(self.unit)}",
            f"  {self.beside_name:{width}}  {Spread.of(self.beside).text(self.unit)}",
            f"  {'ratio':{width}}  {self.ratio.text('times')}, difference {self.difference.text(self.unit)}",
            f"  {'target':{width}}  {self.target}{verdict}",
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain data."""
        spreads = {
            "soak": Spread.of(self.ours),
            "beside": Spread.of(self.beside),
            "ratio": self.ratio,
            "difference": self.difference,
        }
        return {
            "name": self.name,
            "beside_name": self.beside_name,
            "unit": self.unit,
            **{name: vars(spread) for name, spread in spreads.items()},
            "target": self.target,
            "met": self.is_met,
        }


@dataclass(frozen=True)
class Report:
    """What one benchmark found: comparisons, and lines that explain them."""

    comparisons: Sequence[Comparison]
    notes: Sequence[str] = field(default_factory=tuple)


def in_turns(turns: int, ours: Callable[[], float], beside: Callable[[], float]) -> tuple[list[float], list[float]]:
    """Take `turns` samples of each; who goes first changes, because the first may warm a cache for the second."""
    mine: list[float] = []
    theirs: list[float] = []
    for turn in range(turns):
        order = ((ours, mine), (beside, theirs))
        for sample, samples in order if turn % 2 else reversed(order):
            samples.append(sample())
    return mine, theirs


def seconds_of(action: Callable[[], object]) -> float:
    """Return how long `action` takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def run_quietly(command: Sequence[str | Path], cwd: Path, environ: Mapping[str, str]) -> bytes:
    """Run a process to its end and return its standard output; RuntimeError with what it said when it fails."""
    done = subprocess.run([str(word) for word in command], cwd=cwd, env=environ, capture_output=True, check=False)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise RuntimeError(f"{' '.join(map(str, command))} exited {done.returncode}: {said[-600:]}")
    return done.stdout


def trivial_command() -> list[str]:
    """Return the cheapest real process of this system."""
    return ["cmd", "/d", "/c", "exit 0"] if sys.platform == "win32" else ["true"]


def shell_loop(command: Sequence[str], iterations: int) -> list[str]:
    """Return the bare shell loop: `command` started as a process, again and again."""
    if sys.platform == "win32":
        words = subprocess.list2cmdline(command)
        return ["cmd", "/d", "/c", f"for /l %i in (1,1,{iterations}) do @{words}"]
    # A path rather than a name: `true` alone would be the shell's own and start nothing.
    script = f'i=0; while [ "$i" -lt {iterations} ]; do "$@"; i=$((i+1)); done'
    return ["sh", "-c", script, "sh", _which(command[0]), *command[1:]]


def _which(program: str) -> str:
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        if (Path(folder) / program).is_file():
            return str(Path(folder) / program)
    raise NeededError(f"needs the program {program} on PATH")
