"""A configuration of five layers: resolved, against parsing its file alone; and shown, by a process of its own."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from measuring import Comparison, Report, in_turns, run_quietly, seconds_of
from surroundings import Bench, make_package_importable

LIMIT = 0.020
SHOW_LIMIT = 0.25
LIBRARIES = "import yaml, jsonschema"
KPI = """\
  kpi_%d:
    from: metrics.json#values.kpi_%d
    unit: ms
    better: lower
    range: [0, 60000]
    window: last 8
    hard: 400
    soft: 350
    sustained: 6 of 8
"""
FILE = f"""\
version: 1
suite: api
workload: {{run: ["true"], timeout: 5m, env: {{LOG_LEVEL: warning}}}}
schedule: {{iterations: 24, every: 1h, warmup: 2, failures: 0, budget: 26h}}
kpis:
{"".join(KPI % (number, number) for number in range(4))}
gate: {{fail_on: [fail, invalid, inconclusive]}}
profiles:
  smoke: {{schedule: {{iterations: 3, pause: 0s, warmup: 0, budget: 2m}}}}
  nightly: {{schedule: {{duration: 24h}}}}
"""


def run(bench: Bench) -> Report:
    """Resolve default, file, profile, environment and command line."""
    make_package_importable()
    import yaml

    from soak_action.commands.settings import problem_of_source
    from soak_action.config.load import Request, Setting, load

    folder = bench.folder("layers")
    (folder / "soak.yaml").write_text(FILE, encoding="utf-8")
    request = Request(
        directory=folder,
        environ={"SOAK_WORKLOAD__TIMEOUT": "4m", "SOAK_SCHEDULE__FAILURES": "1"},
        profile="smoke",
        settings=(Setting("kpis.kpi_1.hard", "450", "--set"), Setting("schedule.iterations", "6", "--iterations")),
    )
    loaded = load(request, problem_of_source)
    layers = {leaf.layer for leaf in loaded.leaves.values()}
    if layers != {"default", "file", "profile", "env", "cli"}:
        raise RuntimeError(f"only these layers are in force: {sorted(layers)}")
    parse = partial(yaml.load, FILE, Loader=yaml.CSafeLoader)
    parse()
    ours, beside = in_turns(
        bench.turns or bench.of(2, 101, 501),
        partial(seconds_of, partial(load, request, problem_of_source)),
        partial(seconds_of, parse),
    )
    name = f"configuration of 5 layers, {len(loaded.leaves)} values"
    comparison = Comparison(
        name,
        ours,
        beside,
        "yaml.load of the file",
        kind="amount",
        limit=LIMIT,
        target="amount under 20 ms after imports",
    )
    return Report([comparison, _show(bench, folder)])


def _show(bench: Bench, folder: Path) -> Comparison:
    """Compare `soak config show` with a Python that only imports the libraries that read and check YAML."""
    show = partial(
        run_quietly,
        bench.module("config", "show", "--profile", "smoke", "--set", "kpis.kpi_1.hard=450"),
        folder,
        bench.module_environ(),
    )
    imports = partial(run_quietly, [sys.executable, "-c", LIBRARIES], folder, bench.module_environ())
    show()
    imports()
    ours, beside = in_turns(bench.turns or bench.of(2, 15, 41), partial(seconds_of, show), partial(seconds_of, imports))
    return Comparison(
        "soak config show, as a process",
        ours,
        beside,
        f"python -c '{LIBRARIES}'",
        kind="amount",
        limit=SHOW_LIMIT,
        target=f"amount at most {SHOW_LIMIT} s",
    )
