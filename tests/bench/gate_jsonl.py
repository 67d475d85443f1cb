"""`soak gate` on rows of JSONL against `json.loads` over the same file."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

from measuring import Comparison, Report, in_turns, run_quietly, seconds_of
from surroundings import Bench

LIMIT = 3.0
READ = "import json, sys\nfor line in open(sys.argv[1], 'rb'): json.loads(line)"
KPI = "p95_ms=latency.p95 better=lower hard=400 soft=350 unit=ms"


def run(bench: Bench) -> Report:
    """Compare two processes, each with its own start-up."""
    rows = bench.of(200, 100_000, 1_000_000)
    file = bench.folder("rows") / "rows.jsonl"
    _write(file, rows)
    gate = bench.module("gate", file, "--kpi", KPI, "--json")
    read = [sys.executable, "-c", READ, file]
    ours, beside = in_turns(
        bench.turns or bench.of(2, 7, 7),
        partial(seconds_of, partial(run_quietly, gate, bench.scratch, bench.module_environ())),
        partial(seconds_of, partial(run_quietly, read, bench.scratch, bench.module_environ())),
    )
    name = f"soak gate on {rows} rows of JSONL"
    target = f"ratio at most {LIMIT:.0f} for 1000000 rows"
    note = f"{file.stat().st_size / rows:.0f} bytes a row, one KPI"
    return Report([Comparison(name, ours, beside, "json.loads alone", limit=LIMIT, target=target)], [note])


def _write(file: Path, rows: int) -> None:
    with file.open("w", encoding="utf-8") as stream:
        for number in range(rows):
            latency = {"p50": 80.5 + number % 13, "p95": 201.25 + number % 101, "p99": 310.0 + number % 7}
            row = {"iteration": number, "latency": latency, "errors": {"rate": 0.0, "count": 0}, "requests": 1200}
            stream.write(json.dumps(row) + "\n")
