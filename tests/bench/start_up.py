"""A warm `soak run` of three trivial iterations against the bare shell loop of the same command."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from statistics import median

from measuring import Comparison, Report, in_turns, run_quietly, seconds_of, shell_loop, trivial_command
from surroundings import Bench

ITERATIONS = 3
LIMIT = 0.35
TARGET = f"difference at most {LIMIT} s"
LIBRARIES = "import argparse, dataclasses, subprocess, jsonschema, rfc8785, yaml"
CONFIGURATION = """\
version: 1
workload: {run: [%s]}
schedule: {iterations: 3}
kpis:
  wall_seconds: {better: lower, hard: 30}
  peak_rss_mib: {better: lower, hard: 1000}
"""


def run(bench: Bench) -> Report:
    """Measure the launcher, the package, and the package with a configuration file."""
    bench.ready_launcher()
    command = trivial_command()
    bare, configured = bench.folder("bare"), bench.folder("configured")
    words = ", ".join(f'"{word}"' for word in command)
    (configured / "soak.yaml").write_text(CONFIGURATION % words, encoding="utf-8")
    iterations = ("run", "--iterations", str(ITERATIONS), "--", *command)
    cases = [
        ("scripts/soak.py run -- COMMAND", bare, bench.launcher(*iterations), bench.environ()),
        ("python -m soak_action run -- COMMAND", bare, bench.module(*iterations), bench.module_environ()),
        ("scripts/soak.py run, with a soak.yaml", configured, bench.launcher("run"), bench.environ()),
    ]
    comparisons = []
    for name, folder, words_of_soak, environ in cases:
        soak = partial(run_quietly, words_of_soak, folder, environ)
        loop = partial(run_quietly, shell_loop(command, ITERATIONS), folder, environ)
        soak()
        ours, beside = in_turns(
            bench.turns or bench.of(2, 15, 41), partial(seconds_of, soak), partial(seconds_of, loop)
        )
        comparisons.append(
            Comparison(f"warm {name}", ours, beside, "shell loop", kind="difference", limit=LIMIT, target=TARGET)
        )
    return Report([*comparisons, _beside_its_libraries(bench, bare)], _imports(bench, bare))


def _beside_its_libraries(bench: Bench, folder: Path) -> Comparison:
    """Compare with a Python that only imports what soak needs, which is as slow on a slow machine as soak is."""
    words = ("run", "--iterations", str(ITERATIONS), "--", *trivial_command())
    soak = partial(run_quietly, bench.module(*words), folder, bench.module_environ())
    imports = partial(run_quietly, [sys.executable, "-c", LIBRARIES], folder, bench.module_environ())
    imports()
    ours, beside = in_turns(bench.turns or bench.of(2, 15, 41), partial(seconds_of, soak), partial(seconds_of, imports))
    return Comparison("warm python -m soak_action run -- COMMAND", ours, beside, "importing its libraries")


def _imports(bench: Bench, folder: Path) -> list[str]:
    """Return which distributions cost what at import: own times summed, the median of several starts, in ms."""
    command = bench.module("run", "--iterations", "1", "--", *trivial_command())
    starts = [_own_milliseconds(command, folder, bench.module_environ()) for _ in range(bench.of(1, 5, 15))]
    names = {name for start in starts for name in start}
    cost = Counter({name: median(start[name] for start in starts) for name in names})
    lines = [f"  {milliseconds:6.1f} ms  {name}" for name, milliseconds in cost.most_common(15)]
    return [f"imports of soak run, {sum(cost.values()):.0f} ms under -X importtime, the 15 dearest:", *lines]


def _own_milliseconds(command: list[str | Path], folder: Path, environ: dict[str, str]) -> Counter[str]:
    python, *rest = map(str, command)
    done = subprocess.run(
        [python, "-X", "importtime", *rest], cwd=folder, env=environ, capture_output=True, text=True, check=True
    )
    found: Counter[str] = Counter()
    for line in done.stderr.splitlines():
        own, _, name = line.removeprefix("import time:").split("|") if line.count("|") == 2 else ("", "", "")
        if own.strip().isdecimal():
            parts = name.strip().split(".")
            found[".".join(parts[:2]) if parts[0] == "soak_action" else parts[0]] += int(own) / 1000
    return found
