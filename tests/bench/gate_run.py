"""`soak gate` on a long run against nothing but reading its records."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from measuring import Comparison, Report, in_turns, run_quietly, seconds_of
from surroundings import Bench, make_package_importable

KPIS = 10
LIMIT = 1.0
READ = "import json, sys\nfor line in open(sys.argv[1], 'rb'): json.loads(line)"
KPI = "  kpi_%d: {from: metrics.json#values.kpi_%d, better: lower, range: [0, 1000], hard: 400, soft: 350, stat: p95}\n"
CONFIGURATION = """\
version: 1
workload: {run: ["true"]}
schedule: {iterations: %d}
kpis:
%s"""


def run(bench: Bench) -> Report:
    """Write a synthetic run with the package's own ledger, then judge it as a user does."""
    make_package_importable()
    iterations = bench.of(50, 10_000, 10_000)
    directory = make_run(bench.folder("run"), iterations)
    gate = bench.module("gate", directory, "--json")
    read = [sys.executable, "-c", READ, directory / "iterations.jsonl"]
    ours, beside = in_turns(
        bench.turns or bench.of(2, 9, 25),
        partial(seconds_of, partial(run_quietly, gate, bench.scratch, bench.module_environ())),
        partial(seconds_of, partial(run_quietly, read, bench.scratch, bench.module_environ())),
    )
    name = f"soak gate on {iterations} iterations x {KPIS} KPIs"
    target = f"amount under {LIMIT:.0f} s for 10000 iterations"
    return Report([Comparison(name, ours, beside, "json.loads alone", kind="amount", limit=LIMIT, target=target)])


def make_run(folder: Path, iterations: int) -> Path:
    """Write a finished, sealed run of `iterations` and return its directory."""
    from soak_action.begin import begin_run
    from soak_action.config.load import Request, load
    from soak_action.evidence.ledger import ITERATIONS, Ledger
    from soak_action.evidence.ledger import seal as sealed
    from soak_action.verify import seal

    kpis = "".join(KPI % (number, number) for number in range(KPIS))
    (folder / "soak.yaml").write_text(CONFIGURATION % (iterations, kpis), encoding="utf-8")
    loaded = load(Request(folder), lambda _: None)
    suffixes = (f"{number:06x}" for number in count())
    now = datetime.now(UTC)
    run, head = begin_run(loaded, folder / ".soak", argv=["run"], environ={}, now=now, random_suffixes=suffixes)
    # The same bytes as Ledger.add_iteration writes, without a sync for each of them.
    with (run.path / ITERATIONS).open("wb") as file:
        for number in range(1, iterations + 1):
            line, head = sealed({"schema_version": 1, **_iteration(number)}, head)
            file.write(line + b"\n")
    with Ledger(run.path, head) as ledger:
        ledger.end_segment(
            {
                "segment": 1,
                "started_at": "2026-01-01T00:00:00.000Z",
                "ended_at": "2026-01-02T00:00:00.000Z",
                "state": "finished",
                "reason": "schedule met",
                "iterations": iterations,
                "measured_seconds": iterations * 2.0,
            }
        )
    if (verdict := seal(run).verdict).verdict != "pass":
        raise RuntimeError(f"the synthetic run is {verdict.verdict}: {verdict.reasons}")
    return run.path


def _iteration(number: int) -> dict[str, Any]:
    digest = f"{number:064x}"
    return {
        "iteration": number,
        "segment": 1,
        "started_at": "2026-01-01T00:00:00.000Z",
        "offset_seconds": (number - 1) * 2.0,
        "seconds": 1.5 + number % 7 / 100,
        "clock_step_seconds": 0.0,
        "outcome": "ok",
        "exit_code": 0,
        "signal": None,
        "detail": "exited 0",
        "leftovers": [],
        "kpis": {f"kpi_{kpi}": 100 + (number * 31 + kpi * 17) % 101 + 0.125 for kpi in range(KPIS)},
        "missing": {},
        "details": {},
        "mock": False,
        "output_bytes": {"stdout": 12, "stderr": 0},
        "results": {"out/metrics.json": digest, "stdout.log": digest, "stderr.log": digest},
    }
