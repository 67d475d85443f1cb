"""What one iteration costs against starting the same process bare and syncing the same bytes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from statistics import mean

from measuring import Comparison, Report, in_turns, run_quietly, seconds_of, trivial_command
from surroundings import Bench

LIMIT = 0.010


def run(bench: Bench) -> Report:
    """Compare block by block; a sample is the mean of a block."""
    folder = bench.folder("iterations")
    iterations = bench.of(5, 60, 200)
    records = _soak(bench, folder, iterations)
    ours, beside = in_turns(
        bench.turns or bench.of(2, 15, 41),
        lambda: _seconds_each(_soak(bench, folder, iterations)),
        lambda: _bare(folder / "bare.jsonl", records),
    )
    target = "difference at most 10 ms"
    comparison = Comparison(
        "one iteration", ours, beside, "bare start + fsync", kind="difference", limit=LIMIT, target=target
    )
    return Report([comparison], [f"{len(records[0])} bytes a record, blocks of {iterations} iterations"])


def _soak(bench: Bench, folder: Path, iterations: int) -> list[bytes]:
    """Soak the trivial command and return the records of its iterations."""
    words = ("run", "--json", "--iterations", str(iterations), "--", *trivial_command())
    done = json.loads(run_quietly(bench.module(*words), folder, bench.module_environ()))
    return (Path(done["run_dir"]) / "iterations.jsonl").read_bytes().splitlines(keepends=True)


def _seconds_each(records: list[bytes]) -> float:
    """Return the mean time from the start of one iteration to the start of the next, as recorded."""
    starts = [json.loads(record)["offset_seconds"] for record in records]
    return (starts[-1] - starts[0]) / (len(starts) - 1)


def _bare(path: Path, records: list[bytes]) -> float:
    """Start the command and append and sync a record, as often as there are records; return the mean time."""
    sync = getattr(os, "fdatasync", os.fsync)
    command = trivial_command()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)

    def once(record: bytes) -> None:
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
        os.write(descriptor, record)
        sync(descriptor)

    try:
        return mean(seconds_of(lambda record=record: once(record)) for record in records)
    finally:
        os.close(descriptor)
