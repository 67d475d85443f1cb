"""`soak gate` on a long run against nothing but reading its records."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from measuring import Comparison, Report, in_turns, run_quietly, seconds_of
from surroundings import Bench, make_package_importable

KPIS = 10
LIMIT = 1.0
PACE = 2.0
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
    from soak_action.evidence.run_dir import stamp
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
            line, head = sealed({"schema_version": 1, **_iteration(run, number, now)}, head)
            file.write(line + b"\n")
    with Ledger(run.path, head) as ledger:
        ledger.end_segment(
            {
                "segment": 1,
                "started_at": stamp(now),
                "ended_at": stamp(now + timedelta(seconds=iterations * PACE)),
                "state": "finished",
                "reason": "schedule met",
                "iterations": iterations,
                "measured_seconds": iterations * PACE,
                "clock_drift_seconds": 0.0,
                "missed_slots": 0,
                "suspends": [],
                "suspended_seconds": 0.0,
            }
        )
    if (verdict := seal(run).verdict).verdict != "pass":
        raise RuntimeError(f"the synthetic run is {verdict.verdict}: {verdict.reasons}")
    return run.path


def _iteration(run: Any, number: int, began: datetime) -> dict[str, Any]:
    """Write what an iteration leaves and return its record."""
    from soak_action import canonical
    from soak_action.evidence.run_dir import digests_below, stamp

    values = {f"kpi_{kpi}": 100 + (number * 31 + kpi * 17) % 101 + 0.125 for kpi in range(KPIS)}
    folder = run.begin_iteration(number)
    (folder.out / "metrics.json").write_bytes(canonical.pretty({"values": values}))
    folder.stdout.write_bytes(b"")
    folder.stderr.write_bytes(b"")
    offset = (number - 1) * PACE
    return {
        "iteration": number,
        "segment": 1,
        "started_at": stamp(began + timedelta(seconds=offset)),
        "offset_seconds": offset,
        "seconds": 1.5 + number % 7 / 100,
        "clock_drift_seconds": 0.0,
        "missed_slots": 0,
        "suspends": [],
        "outcome": "ok",
        "exit_code": 0,
        "signal": None,
        "detail": "exited with 0",
        "leftovers": [],
        "kpis": values,
        "missing": {},
        "details": {},
        "mock": False,
        "output_bytes": {"stdout": 0, "stderr": 0},
        "results": digests_below(folder),
    }
