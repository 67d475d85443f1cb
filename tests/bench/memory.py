"""The resident memory of the soak process against that of a bare Python that starts the same command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from measuring import Comparison, NeededError, Report, in_turns, trivial_command
from surroundings import Bench

LIMIT_MIB = 45.0
FLAT = 1.1
LIMIT_GROWTH_MIB = 2.0
SAMPLED = ("--set", "resources.interval=1s")
TARGET = f"amount at most {LIMIT_MIB:.0f} MiB"
LOOP = "import subprocess, sys\nfor _ in range(int(sys.argv[1])): subprocess.run(sys.argv[2:], check=True)"


def run(bench: Bench) -> Report:
    """Measure the peak, judging included, for growing numbers of iterations, and what one process adds meanwhile."""
    if sys.platform == "win32":
        raise NeededError("needs a POSIX system, whose wait4 tells the peak memory of a process")
    sizes = bench.of((5, 20), (100, 1_000, 10_000), (100, 1_000, 10_000, 100_000))
    folder = bench.folder("memory")
    _soak(bench, folder, sizes[0])  # compiling the modules needs memory too, once
    comparisons = []
    for size in sizes:
        # The peak hardly varies, and 10^4 iterations take minutes.
        turns = bench.turns or (bench.of(1, 5, 11) if size <= 100 else 1)
        ours, beside = in_turns(
            turns, lambda size=size: _soak(bench, folder, size), lambda: _peak_mib(_bare(sizes[0]), folder, bench)
        )
        comparisons.append(
            Comparison(
                f"peak memory over {size} iterations",
                ours,
                beside,
                "bare Python loop",
                unit="MiB",
                kind="amount",
                limit=LIMIT_MIB,
                target=TARGET,
            )
        )
    comparisons += [_growth(bench, folder, "growth", ()), _growth(bench, folder, "growth with sampling", SAMPLED)]
    first, last = comparisons[0].ours, comparisons[len(sizes) - 1].ours
    turns = min(len(first), len(last))
    flat = Comparison(
        f"growth from {sizes[0]} to {sizes[-1]} iterations",
        last[:turns],
        first[:turns],
        f"{sizes[0]} iterations",
        unit="MiB",
        limit=FLAT,
        target=f"flat: ratio at most {FLAT}",
    )
    return Report([*comparisons, flat])


def _growth(bench: Bench, folder: Path, name: str, words: Sequence[str]) -> Comparison:
    """Compare what one soak process holds after few iterations with what it holds after many."""
    few, many = bench.of((5, 20), (100, 10_000), (100, 10_000))
    found = [_resident_mib(bench, folder, few, many, words) for _ in range(bench.turns or 1)]
    return Comparison(
        f"{name} from iteration {few} to {many}",
        [late for _, late in found],
        [early for early, _ in found],
        f"iteration {few}",
        unit="MiB",
        kind="difference",
        limit=LIMIT_GROWTH_MIB,
        target=f"difference at most {LIMIT_GROWTH_MIB:.0f} MiB",
    )


def _resident_mib(bench: Bench, folder: Path, few: int, many: int, words: Sequence[str]) -> tuple[float, float]:
    """Return the resident memory when the line of each of two iterations is printed; one more follows them."""
    import psutil

    total = many + 1
    found = {}
    with subprocess.Popen(
        list(map(str, bench.module("run", "--iterations", str(total), *words, "--", *trivial_command()))),
        cwd=folder,
        env=bench.module_environ(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            for number in (few, many):
                if line.startswith(f"iteration {number}/{total} ".encode()):
                    found[number] = psutil.Process(process.pid).memory_info().rss / (1 << 20)
    if process.returncode != 0:
        raise RuntimeError(f"soak run exited {process.returncode}")
    return found[few], found[many]


def _soak(bench: Bench, folder: Path, iterations: int) -> float:
    words = bench.module("run", "--iterations", str(iterations), "--", *trivial_command())
    return _peak_mib(words, folder, bench)


def _bare(iterations: int) -> list[str | Path]:
    return [sys.executable, "-c", LOOP, str(iterations), *trivial_command()]


def _peak_mib(command: Sequence[str | Path], folder: Path, bench: Bench) -> float:
    """Return the largest resident memory of a process, as the kernel counted it."""
    process = subprocess.Popen(
        list(map(str, command)),
        cwd=folder,
        env=bench.module_environ(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))} exited {process.returncode}")
    return usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
