"""soak gate: judge existing results."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from soak_action import canonical
from soak_action.commands.settings import (
    add_configuration_arguments,
    add_json_argument,
    current_directory,
    load_and_warn,
    request_of,
)
from soak_action.commands.verify import one_line
from soak_action.config.load import Loaded, Request, Setting
from soak_action.errors import UsageError, exit_code_of
from soak_action.evidence.run_dir import RECEIPT, RunDir

if TYPE_CHECKING:
    from soak_action.judgement import Judgement, Occasion
    from soak_action.subject import Subject

NAME = "gate"
SUMMARY = "judge results that exist already: a run, or JSON, JSONL and CSV files"
DESCRIPTION = """\
Judges a run directory by its own rules (or by those of --config), or result files
by --kpi or the configuration's KPIs. One file is one iteration, in natural order;
a row of a JSONL or CSV file likewise. Rules that need a schedule do not apply to files.
With --output it copies the files, judges the copies and seals the judgement with a
receipt; soak verify recomputes it."""
EXAMPLE = "soak gate results.jsonl --kpi 'p95_ms=latency.p95 better=lower hard=400 unit=ms'"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        "results",
        metavar="RESULTS",
        nargs="+",
        help="a run directory, or result files; patterns such as results/*.json too",
    )
    add_configuration_arguments(parser)
    parser.add_argument(
        "--output", metavar="DIR", help="keep the evidence of the judgement in a new directory below DIR"
    )
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
    from soak_action.judgement import SealedJudgement, judge, judge_for_the_record
    from soak_action.subject import find_subject

    if arguments.output is not None and not arguments.output.strip():
        raise UsageError("--output: the value is empty; leave the option out or name a directory")
    here = current_directory()
    subject = find_subject(arguments.results, here)
    rules = rules_for(subject, request_of(arguments), arguments.kpi, "--kpi")
    asked = occasion(arguments.words, here)
    found = (
        judge_for_the_record(subject, rules, Path(arguments.output).absolute(), asked)
        if arguments.output
        else judge(subject, rules, asked)
    )
    for note in found.notes:
        print(f"soak: {one_line(note)}", file=sys.stderr)
    _print(arguments, found)
    if isinstance(found, SealedJudgement):
        # With --json nothing but the verdict stands on standard output.
        stream = sys.stderr if arguments.json else sys.stdout
        print(f"\nevidence:     {found.directory.path}", file=stream)
        print(f"receipt:      {found.directory.path / RECEIPT}", file=stream)
    return int(exit_code_of(found.verdict.verdict, found.config.gate.fail_on))


def occasion(argv: Sequence[str], directory: Path) -> Occasion:
    """Return the occasion of a judgement that is asked for now by the words `argv`, from `directory`."""
    from soak_action.judgement import Occasion

    return Occasion(
        argv=argv,
        environ=os.environ,
        directory=directory,
        now=datetime.now(UTC),
        random_suffixes=iter(lambda: secrets.token_hex(3), ""),
    )


def rules_for(subject: Subject, request: Request, kpis: Sequence[str], kpis_from: str) -> Loaded | None:
    """Return the rules that `request` and the KPIs in `kpis`, one line each, ask for; None for a run's own rules.

    `kpis_from` is how messages call the place where these lines were given (``--kpi``). Raises ConfigurationError, and
    UsageError when the subject cannot be judged like that.
    """
    if isinstance(subject, RunDir):
        if kpis:
            raise UsageError(
                f"{kpis_from} reads result files; a run has its KPIs recorded, use a configuration to judge by other "
                "rules"
            )
        asked = request.config or request.profile or request.settings
        return load_and_warn(request) if asked else None
    settings = (*request.settings, *inline_settings(kpis, kpis_from))
    inline_only = bool(kpis) and request.config is None
    loaded = load_and_warn(replace(request, settings=settings, lookup=not inline_only, result_files=True))
    if loaded.file is None and not kpis:
        raise UsageError(f"no KPI to judge: give {kpis_from} 'NAME=PATH hard=LIMIT better=lower', or a configuration")
    return loaded


def inline_settings(words: Sequence[str], source: str) -> list[Setting]:
    """Return the settings of KPIs written in one line each, which `source` (``--kpi``) gave. Raises UsageError."""
    from soak_action.kpi.inline import parse_inline

    settings = []
    names = set()
    for word in words:
        name, values = parse_inline(word)
        if name in names:
            raise UsageError(f"{source} {name}: this KPI is given twice; keep one of them")
        names.add(name)
        settings += [Setting(f"kpis.{name}.{key}", value, f"{source} {name}") for key, value in values.items()]
    return settings


def _print(arguments: argparse.Namespace, found: Judgement) -> None:
    verdict = found.verdict.to_dict()
    if arguments.json:
        print(canonical.compact(verdict))
    else:
        from soak_action.report.console import verdict_text

        units = {kpi.name: kpi.unit for kpi in found.config.kpis}
        print(verdict_text(verdict, units, found.config.gate.fail_on))
