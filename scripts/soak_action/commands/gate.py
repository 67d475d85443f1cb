"""soak gate: judge existing results."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from soak_action import canonical
from soak_action.commands.settings import (
    add_configuration_arguments,
    add_json_argument,
    configuration,
    current_directory,
)
from soak_action.config.load import Loaded, Setting
from soak_action.errors import EvidenceError, UsageError, exit_code_of

NAME = "gate"
SUMMARY = "judge results that exist already: a run, or JSON, JSONL and CSV files"
DESCRIPTION = """\
Judges a run directory by its own rules (or by those of --config), or result files
by --kpi or the configuration's KPIs. One file is one iteration, in natural order;
a row of a JSONL or CSV file likewise. Rules that need a schedule do not apply to files."""
EXAMPLE = "soak gate results.jsonl --kpi 'p95_ms=latency.p95 better=lower hard=400 unit=ms'"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("results", metavar="RESULTS", nargs="+", help="a run directory, or result files")
    add_configuration_arguments(parser)
    parser.add_argument(
        "--kpi",
        metavar="'NAME=PATH [key=value]...'",
        action="append",
        default=[],
        help="judge this KPI; the keys are those of kpis in soak.yaml",
    )
    add_json_argument(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Judge the results and return the exit code of the verdict."""
    directories = [word for word in arguments.results if Path(word).is_dir()]
    if not directories:
        return _gate_files(arguments)
    if len(arguments.results) > 1:
        raise UsageError("give either one run directory or result files, not several directories or both")
    return _gate_run(arguments, Path(directories[0]))


def _gate_run(arguments: argparse.Namespace, path: Path) -> int:
    from soak_action.evidence.run_dir import find
    from soak_action.verify import judge_run

    run = find(path)
    if arguments.kpi:
        raise UsageError("--kpi reads result files; a run has its KPIs recorded, use --config to judge by other rules")
    other = configuration(arguments) if arguments.config or arguments.set or arguments.profile else None
    judged = judge_run(run, other)
    config = judged.config if other is None else other.config
    for note in judged.outcome.notes:
        print(f"soak: {note}", file=sys.stderr)
    units = {kpi.name: kpi.unit for kpi in config.kpis}
    _print(arguments, judged.verdict.to_dict(), units, config.gate.fail_on)
    return int(exit_code_of(judged.verdict.verdict, config.gate.fail_on))


def _gate_files(arguments: argparse.Namespace) -> int:
    from soak_action.kpi.file_arguments import find_files
    from soak_action.results import judge_files

    loaded = configuration(arguments, _inline(arguments.kpi), result_files=True)
    if loaded.file is None and not arguments.kpi:
        raise UsageError("no KPI to judge: give --kpi 'NAME=PATH hard=LIMIT better=lower', or --config soak.yaml")
    files = find_files(arguments.results, current_directory())
    if not files:
        raise EvidenceError("no result file was found")
    judged = judge_files(files, loaded, _reproduce(arguments))
    for note in judged.notes:
        print(f"soak: {note}", file=sys.stderr)
    fail_on = loaded.config.gate.fail_on
    _print(arguments, judged.verdict.to_dict(), _units(loaded), fail_on)
    return int(exit_code_of(judged.verdict.verdict, fail_on))


def _inline(words: Sequence[str]) -> list[Setting]:
    from soak_action.kpi.inline import parse_inline

    settings = []
    names = set()
    for word in words:
        name, values = parse_inline(word)
        if name in names:
            raise UsageError(f"--kpi {name}: this KPI is given twice; keep one of them")
        names.add(name)
        settings += [Setting(f"kpis.{name}.{key}", value, f"--kpi {name}") for key, value in values.items()]
    return settings


def _reproduce(arguments: argparse.Namespace) -> str:
    import shlex

    return shlex.join(["soak", *arguments.words])


def _units(loaded: Loaded) -> dict[str, str | None]:
    return {kpi.name: kpi.unit for kpi in loaded.config.kpis}


def _print(
    arguments: argparse.Namespace, verdict: Mapping[str, Any], units: Mapping[str, str | None], fail_on: Sequence[str]
) -> None:
    if arguments.json:
        print(canonical.compact(verdict))
        return
    from soak_action.report.console import verdict_text

    print(verdict_text(verdict, units, fail_on))
