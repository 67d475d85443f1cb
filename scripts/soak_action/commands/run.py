"""soak run: run the workload, judge it, keep the evidence."""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from soak_action import canonical
from soak_action.commands.progress import open_progress
from soak_action.commands.settings import add_configuration_arguments, add_json_argument, configuration
from soak_action.config.load import Loaded, Setting
from soak_action.errors import ExitCode, UsageError, exit_code_of

NAME = "run"
SUMMARY = "run a workload again and again, judge it, keep the evidence"
DESCRIPTION = """\
Runs the workload of soak.yaml, or the COMMAND after --, judges every iteration
by the configured rules and writes the evidence below .soak/. A COMMAND without
any configuration is measured by exit_code, wall_seconds and peak_rss_mib."""
EXAMPLE = "soak run --iterations 5 -- python3 job.py"

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGBREAK")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.usage = "soak run [options] [-- COMMAND ...]"
    add_configuration_arguments(parser)
    parser.add_argument("--iterations", metavar="N", help="run this many iterations, such as 24")
    parser.add_argument("--duration", metavar="D", help="soak for this long, such as 90s, 30m or 24h")
    parser.add_argument("--output", metavar="DIR", help="where runs are kept (default: .soak beside the configuration)")
    add_json_argument(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    from soak_action.begin import begin_run
    from soak_action.evidence.ledger import Ledger
    from soak_action.evidence.run_dir import OUTPUT_DIRECTORY
    from soak_action.files import DirectoryLock, describe_owner
    from soak_action.loop import Clock, Loop, Surroundings, check_workload
    from soak_action.verify import seal
    from soak_action.workload.stop import StopRequest

    stop = StopRequest()
    for name in _SIGNALS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda number, _: stop.request(number))
    loaded = configuration(arguments, _settings(arguments))
    surroundings = Surroundings(loaded.base, os.environ, sys.executable, loaded.profile)
    check_workload(loaded.config, surroundings)
    output = Path(arguments.output).absolute() if arguments.output else loaded.base / OUTPUT_DIRECTORY
    run, genesis = begin_run(
        loaded,
        output,
        argv=arguments.words,
        environ=os.environ,
        now=datetime.now(UTC),
        random_suffixes=_random_suffixes(),
    )
    clock = Clock(time.monotonic, lambda: datetime.now(UTC))
    owner = describe_owner(datetime.now(UTC).isoformat(timespec="seconds"))
    with DirectoryLock(run.path, owner), open_progress(loaded.config, sys.stderr) as progress:
        with Ledger(run.path, genesis) as ledger:
            Loop(run, loaded.config, ledger, surroundings, clock, stop, progress).execute()
        judged = seal(run)
    code = exit_code_of(judged.verdict.verdict, loaded.config.gate.fail_on)
    if judged.outcome.conduct.state == "interrupted":
        code = ExitCode.INTERRUPTED if stop.signal == signal.SIGINT else ExitCode.TERMINATED
    summary = {
        "run_dir": str(run.path),
        "run_id": run.run_id,
        "state": judged.outcome.conduct.state,
        "verdict": judged.verdict.verdict,
        "exit_code": int(code),
        "failed_rules": [rule.id for rule in judged.verdict.rules if rule.result in {"fail", "invalid"}],
        "iterations": judged.outcome.measurements.count,
        "measured_seconds": judged.outcome.conduct.measured_seconds,
        "state_hash": None,
        "receipt": str(run.path / "receipt.json"),
    }
    try:
        _print(arguments, loaded, judged.verdict.to_dict(), summary)
    except OSError:
        # The run is sealed and its exit code still holds, even if the terminal is gone.
        return int(code or ExitCode.SURROUNDINGS)
    return int(code)


def _print(arguments: argparse.Namespace, loaded: Loaded, verdict: dict[str, Any], summary: dict[str, Any]) -> None:
    if arguments.json:
        print(canonical.compact(summary))
        return
    from soak_action.report.console import run_text, verdict_text

    units = {kpi.name: kpi.unit for kpi in loaded.config.kpis}
    print(verdict_text(verdict, units, loaded.config.gate.fail_on))
    print(run_text(summary, _program(sys.argv[0])))


def _settings(arguments: argparse.Namespace) -> list[Setting]:
    settings = []
    for key in ("iterations", "duration"):
        value = getattr(arguments, key)
        if value is not None:
            if not value.strip():
                raise UsageError(f"--{key}: the value is empty; leave the option out or give it a value")
            settings.append(Setting(f"schedule.{key}", value, f"--{key}"))
    if arguments.workload:
        settings.append(Setting("workload.run", list(arguments.workload), "the command after --"))
    return settings


def _program(started: str) -> str:
    """Return the words that start soak once more, given the file that the interpreter was started with."""
    name = Path(started).name
    python = "python" if os.name == "nt" else "python3"
    if name == "__main__.py":
        return f"{python} -m soak_action"
    return f"{python} {started}" if name.endswith(".py") else "soak"


def _random_suffixes() -> Iterator[str]:
    while True:
        yield secrets.token_hex(3)
