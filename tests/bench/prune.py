"""What looking through many runs and planning costs, against `find -printf`, and what a limit makes of a full disk."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random

from measuring import Comparison, NeededError, Report, in_turns, seconds_of
from surroundings import Bench, make_package_importable

FILES_OF_A_RUN = 100
LIMIT = 2.0
NOW = datetime(2026, 11, 26, tzinfo=UTC)
LOG_LINE = "2026-11-26T00:00:{:02d}Z INFO request {} took {:.3f} ms, status {}\n"


def run(bench: Bench) -> Report:
    """Look through long runs and through many small ones, then bring a directory that is too large under its limit."""
    make_package_importable()
    if shutil.which("find") is None:
        raise NeededError("needs find: apt-get install findutils")
    files, many = bench.of(1_000, 20_000, 100_000), bench.of(100, 10_000, 100_000)
    long, small = bench.folder("long"), bench.folder("small")
    make_runs(long, files // FILES_OF_A_RUN, FILES_OF_A_RUN)
    make_runs(small, many, 2)
    turns = bench.turns or bench.of(2, 5, 9)
    comparisons = [
        _compare(turns, long, f"a plan for {files} files in runs of {FILES_OF_A_RUN}", LIMIT),
        _compare(turns, small, f"a plan for {many} runs of 2 files and their manifests", None),
    ]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 2**20)
    return Report(
        comparisons,
        [f"at most {peak:.0f} MiB of memory for both plans", _bring_down(bench.folder("full"), bench.of(4, 60, 1200))],
    )


def _compare(turns: int, root: Path, name: str, limit: float | None) -> Comparison:
    ours, beside = in_turns(turns, partial(seconds_of, partial(_plan, root)), partial(seconds_of, partial(_find, root)))
    target = "no target of its own" if limit is None else f"ratio at most {limit:.0f}"
    return Comparison(name, ours, beside, "find -printf", kind="ratio", limit=limit, target=target)


def _plan(root: Path) -> None:
    from soak_action.config.model import Retention
    from soak_action.retention.local import plan_prune

    plan_prune(root, Retention(compress_after=None), NOW)


def _find(root: Path) -> None:
    command = ["find", root, "-printf", "%p %i %b %s %T@ %m\\n"]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def make_runs(root: Path, number: int, files: int, content: bytes = b"x") -> None:
    """Make so many runs of so many files each, three in the folder of an iteration, a minute apart."""
    from soak_action.evidence.run_dir import prepare_output, stamp

    prepare_output(root)
    for place in range(number):
        started = NOW - timedelta(minutes=place)
        path = root / f"{started:%Y%m%dT%H%M%SZ}-default-{place:06x}"
        path.mkdir()
        facts = {"run_id": path.name, "suite": "bench", "profile": None, "started_at": stamp(started)}
        (path / "run.json").write_text(json.dumps(facts), encoding="utf-8")
        receipt = {**facts, "kind": "run", "verdict": "pass"}
        (path / "receipt.json").write_text(json.dumps(receipt), encoding="utf-8")
        for file in range(files - 2):
            folder = path / "iterations" / f"{file // 3 + 1:05d}" / ("out" if file % 3 == 2 else "")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{file}.log").write_bytes(content)


def _bring_down(root: Path, megabytes: int) -> str:
    """Prune a directory that is larger than its limit, and tell what it took before and after."""
    from soak_action.config.model import Retention
    from soak_action.retention.local import carry_out, plan_prune

    random = Random(1)
    lines = (LOG_LINE.format(n % 60, random.randrange(10**6), random.gauss(50, 9), 200) for n in range(16_000))
    make_runs(root, megabytes, 3, "".join(lines).encode())
    limit = megabytes * 10**6 // 12
    policy = Retention(keep_last=megabytes, compress_after=60.0, max_total=limit)
    prune = plan_prune(root, policy, NOW)
    seconds = seconds_of(lambda: carry_out(prune, lambda: NOW))
    after = plan_prune(root, policy, NOW).plan.bytes_before
    packed = prune.plan.of("compress")
    ratio = sum(one.item.bytes for one in packed) / max(1, sum(one.bytes_after for one in packed))
    before = prune.plan.bytes_before / 10**6
    return (
        f"{before:.0f} MB of text logs under a limit of {limit / 10**6:.1f} MB: {after / 10**6:.1f} MB after "
        f"{seconds:.1f} s, {len(packed)} runs compressed to 1/{ratio:.1f}, {len(prune.plan.of('delete'))} deleted"
    )
