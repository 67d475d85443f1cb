"""What a slot pays to find out that a checkpoint is whole, against reading and hashing its files alone."""

from __future__ import annotations

import hashlib
import shutil
from functools import partial
from pathlib import Path

from gate_run import make_run
from measuring import Comparison, Report, in_turns, seconds_of
from surroundings import Bench, make_package_importable

LIMIT = 10.0


def run(bench: Bench) -> Report:
    """Lay a long run down as an artifact, then choose it as the next slot does; copying it comes on top."""
    make_package_importable()
    iterations = bench.of(50, 2_000, 10_000)
    found = bench.folder("found")
    shutil.copytree(make_run(bench.folder("run"), iterations), found / "slot-1")
    ours, beside = in_turns(
        bench.turns or bench.of(2, 9, 25),
        partial(seconds_of, partial(_choose, found)),
        partial(seconds_of, partial(_hash, found)),
    )
    files = [path for path in found.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files) / 2**20
    copy = seconds_of(partial(shutil.copytree, found, bench.scratch / "copy"))
    target = f"ratio at most {LIMIT:.0f}"
    name = f"choosing a checkpoint of {iterations} iterations"
    return Report(
        [Comparison(name, ours, beside, "hashing its files", kind="ratio", limit=LIMIT, target=target)],
        [f"the checkpoint has {len(files)} files with {size:.1f} MiB; a copy of them took {copy:.1f} s, once"],
    )


def _choose(found: Path) -> None:
    from soak_action.checkpoints import choose

    choice = choose(found)
    if choice.run is None:
        raise RuntimeError(f"the checkpoint cannot be used: {choice.passed_over}")


def _hash(found: Path) -> None:
    for path in sorted(found.rglob("*")):
        if path.is_file():
            hashlib.sha256(path.read_bytes()).digest()
