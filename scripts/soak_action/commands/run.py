"""soak run: run the workload, judge it, keep the evidence."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from soak_action import canonical, running
from soak_action.checkpoints import PassedOver
from soak_action.commands.after_run import prune_after_run
from soak_action.commands.chained import checkpoint_folder, run_chained
from soak_action.commands.clock import real_clock
from soak_action.commands.progress import open_progress
from soak_action.commands.settings import (
    add_configuration_arguments,
    add_json_argument,
    add_schedule_arguments,
    configuration,
    current_directory,
    read_segment,
    run_to_resume,
    schedule_settings,
)
from soak_action.commands.signals import stop_on_signals
from soak_action.commands.tracker import Tracker
from soak_action.commands.verify import one_line
from soak_action.config.load import Setting
from soak_action.errors import ExitCode, UsageError
from soak_action.evidence.ledger import ITERATIONS, records_of
from soak_action.verify import Judged
from soak_action.workload.stop import StopRequest

NAME = "run"
SUMMARY = "run a workload again and again, judge it, keep the evidence"
DESCRIPTION = """\
Runs the workload of soak.yaml, or the COMMAND after --, judges every iteration
by the configured rules and writes the evidence below .soak/. A COMMAND without
any configuration is measured by exit_code, wall_seconds and peak_rss_mib.
With --segment a run pauses in time, exits 0 unless a rule is breached already,
and goes on with --resume: same count, same soak time, same chain of records. With
--checkpoints the same call serves every segment: it looks for what earlier ones left."""
EXAMPLE = "soak run --iterations 5 -- python3 job.py"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.usage = "soak run [options] [-- COMMAND ...]"
    add_configuration_arguments(parser)
    add_schedule_arguments(parser)
    parser.add_argument(
        "--segment", metavar="D", help="pause before an iteration that would not end within this time, such as 5h"
    )
    parser.add_argument(
        "--resume", metavar="DIR", help="go on with a run that was paused, interrupted or killed; DIR is its directory"
    )
    parser.add_argument(
        "--allow-change",
        action="store_true",
        help="beside --resume: go on although workload or commit differ; evidence and verdict tell it",
    )
    parser.add_argument(
        "--checkpoints",
        metavar="DIR",
        help="go on with the furthest run below DIR that verifies, or begin one; DIR may be empty or missing",
    )
    parser.add_argument("--output", metavar="DIR", help="where runs are kept (default: .soak beside the configuration)")
    add_json_argument(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    stop = stop_on_signals()
    segment = read_segment(arguments.segment, "--segment")
    real = means(stop, lambda config, *rest: open_progress(Tracker(config, *rest), config, sys.stderr))
    if arguments.checkpoints is not None:
        judged = _chain(arguments, real, segment)
    else:
        judged = _begin(arguments, real, segment) if arguments.resume is None else _resume(arguments, real, segment)
    code = running.exit_code(judged, stop)
    try:
        _print(arguments, judged, running.summary(judged, code))
    except OSError:
        # The run is sealed and its exit code still holds, even if the terminal is gone.
        return int(code or ExitCode.SURROUNDINGS)
    prune_after_run(judged)
    return int(code)


def _chain(arguments: argparse.Namespace, real: running.Means, segment: float | None) -> Judged:
    folder = checkpoint_folder(arguments.checkpoints, "--checkpoints", arguments.resume)
    _refuse_change(arguments)

    def tell(what: str, passed_over: Sequence[PassedOver]) -> None:
        for line in (what, *passed_over):
            print(f"soak: {one_line(str(line))}", file=sys.stderr)

    chained = run_chained(
        folder,
        configuration(arguments, _settings(arguments)),
        _output(arguments),
        real,
        argv=arguments.words,
        segment=segment,
        tell=tell,
    )
    return chained.judged


def _refuse_change(arguments: argparse.Namespace) -> None:
    if arguments.allow_change:
        raise UsageError("--allow-change stands beside --resume only: a new run has nothing to differ from")


def _output(arguments: argparse.Namespace) -> Path | None:
    return Path(arguments.output).absolute() if arguments.output else None


def _begin(arguments: argparse.Namespace, real: running.Means, segment: float | None) -> Judged:
    _refuse_change(arguments)
    return running.run(
        configuration(arguments, _settings(arguments)),
        _output(arguments),
        real,
        argv=arguments.words,
        environ=os.environ,
        python=sys.executable,
        segment=segment,
    )


def _resume(arguments: argparse.Namespace, real: running.Means, segment: float | None) -> Judged:
    for name in ("profile", "config", "set", "iterations", "duration", "output"):
        if getattr(arguments, name) not in (None, []):
            raise UsageError(f"--{name} cannot stand beside --resume: a run goes on with what it began with")
    if arguments.workload:
        raise UsageError("a command cannot stand beside --resume: a run goes on with what it began with")
    return running.resume(
        run_to_resume(arguments.resume, "--resume"),
        real,
        environ=os.environ,
        python=sys.executable,
        directory=current_directory(),
        segment=segment,
        allow_change=arguments.allow_change,
    )


def means(stop: StopRequest, progress: running.OpenProgress) -> running.Means:
    """Return the real clocks and names for a run that `stop` can end and `progress` shows."""
    return running.Means(
        clock=real_clock(),
        random_suffixes=_random_suffixes(),
        stop=stop,
        progress=progress,
    )


def _print(arguments: argparse.Namespace, judged: Judged, summary: dict[str, Any]) -> None:
    if arguments.json:
        print(canonical.compact(summary))
        return
    from soak_action.report.console import run_text, verdict_text
    from soak_action.report.tuning import tuning_report

    units = {kpi.name: kpi.unit for kpi in judged.config.kpis}
    print(verdict_text(judged.verdict.to_dict(), units, judged.config.gate.fail_on))
    tuning = tuning_report(judged.config, records_of(judged.run.path / ITERATIONS))
    print(run_text(summary, program_words(sys.argv[0]), tuning))


def _settings(arguments: argparse.Namespace) -> list[Setting]:
    settings = schedule_settings(arguments)
    if arguments.workload:
        settings.append(Setting("workload.run", list(arguments.workload), "the command after --"))
    return settings


def program_words(started: str) -> str:
    """Return the words that start soak once more, given the file that the interpreter was started with."""
    from soak_action.report.console import as_word

    name = Path(started).name
    python = "python" if os.name == "nt" else "python3"
    if name == "__main__.py":
        return f"{python} -m soak_action"
    return f"{python} {as_word(started)}" if name.endswith(".py") else "soak"


def _random_suffixes() -> Iterator[str]:
    while True:
        yield secrets.token_hex(3)
