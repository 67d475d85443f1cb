"""A configuration of five layers: resolved, against parsing its file alone; and shown, by a process of its own.

Other libraries resolve the same layers in turns with it, where a package index or an earlier run provides them.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import peers
from measuring import Comparison, NeededError, Report, in_turns, run_quietly, seconds_of
from surroundings import Bench, make_package_importable

if TYPE_CHECKING:
    from soak_action.config.layers import Leaf, Shadowed
    from soak_action.config.load import Loaded

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
PROFILE = "smoke"
VARIABLES = {"SOAK_WORKLOAD__TIMEOUT": "4m", "SOAK_SCHEDULE__FAILURES": "1"}
WORDS = {"kpis.kpi_1.hard": ("450", "--set"), "schedule.iterations": ("6", "--iterations")}


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
        environ=VARIABLES,
        profile=PROFILE,
        settings=tuple(Setting(key, value, option) for key, (value, option) in WORDS.items()),
    )
    loaded = load(request, problem_of_source)
    layers = {leaf.layer for leaf in loaded.leaves.values()}
    if layers != {"default", "file", "profile", "env", "cli"}:
        raise RuntimeError(f"only these layers are in force: {sorted(layers)}")
    parse = partial(yaml.load, FILE, Loader=yaml.CSafeLoader)
    parse()
    resolve = partial(seconds_of, partial(load, request, problem_of_source))
    ours, beside = in_turns(bench.turns or bench.of(2, 101, 501), resolve, partial(seconds_of, parse))
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
    own = [comparison, _show(bench, folder)]
    try:
        return Report([*own, *peers.compare(bench, resolve, _task(loaded), VARIABLES)])
    except NeededError as error:
        return Report(own, [f"the comparison with {', '.join(peers.LIBRARIES.values())} {error}"])


def _task(loaded: Loaded) -> dict[str, Any]:
    """Return the layers as another library is given them, and every value that it has to reach."""
    leaves = loaded.leaves.values()
    values: list[Leaf | Shadowed] = [*leaves, *(hidden for leaf in leaves for hidden in leaf.shadowed)]
    return {
        "text": FILE,
        "profile": PROFILE,
        "settings": {key: value for key, (value, _) in WORDS.items()},
        "defaults": {".".join(value.path): value.value for value in values if value.layer == "default"},
        "expected": {leaf.key: leaf.value for leaf in leaves},
    }


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
