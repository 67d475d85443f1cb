"""One run from its promise to its receipt: begin, lock, loop, seal."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soak_action.begin import begin_run
from soak_action.config.load import Loaded
from soak_action.config.model import Config
from soak_action.errors import ExitCode, exit_code_of
from soak_action.evidence.ledger import Ledger
from soak_action.evidence.run_dir import OUTPUT_DIRECTORY, RECEIPT, RunDir
from soak_action.files import DirectoryLock, describe_owner
from soak_action.loop import Clock, Loop, Progress, Surroundings, check_workload
from soak_action.verify import Judged, seal
from soak_action.workload.stop import StopRequest


@dataclass(frozen=True)
class Means:
    """What a run needs from outside: clocks, names nobody has used, who may stop it, and who watches.

    `random_suffixes` yields six hexadecimal digits each time. `began` is told the run's directory before the first
    iteration starts; `progress` opens the display of one configuration.
    """

    clock: Clock
    random_suffixes: Iterator[str]
    stop: StopRequest
    progress: Callable[[Config], AbstractContextManager[Progress]]
    began: Callable[[RunDir], None] = lambda _: None


def run(
    loaded: Loaded, output: Path | None, means: Means, *, argv: Sequence[str], environ: Mapping[str, str], python: str
) -> Judged:
    """Run what `loaded` says below `output` (default: .soak beside the configuration), judge it and seal it.

    `argv` is what the run was asked for, `python` the interpreter that SOAK_PYTHON names. Raises UsageError when the
    workload cannot be started at all, SurroundingsError when evidence can no longer be written.
    """
    surroundings = Surroundings(loaded.base, environ, python, loaded.profile)
    check_workload(loaded.config, surroundings)
    now = means.clock.now()
    run_dir, genesis = begin_run(
        loaded,
        output or loaded.base / OUTPUT_DIRECTORY,
        argv=argv,
        environ=environ,
        now=now,
        random_suffixes=means.random_suffixes,
    )
    means.began(run_dir)
    owner = describe_owner(now.isoformat(timespec="seconds"))
    with DirectoryLock(run_dir.path, owner), means.progress(loaded.config) as progress:
        with Ledger(run_dir.path, genesis) as ledger:
            Loop(run_dir, loaded.config, ledger, surroundings, means.clock, means.stop, progress).execute()
        return seal(run_dir)


def exit_code(judged: Judged, stop: StopRequest) -> ExitCode:
    """Return the exit code of a run: that of its verdict, unless a signal ended it."""
    if judged.outcome.conduct.state == "interrupted":
        return ExitCode.INTERRUPTED if stop.signal == signal.SIGINT else ExitCode.TERMINATED
    return exit_code_of(judged.verdict.verdict, judged.config.gate.fail_on)


def summary(judged: Judged, code: ExitCode) -> dict[str, Any]:
    """Return what ``soak run --json`` prints."""
    return {
        "run_dir": str(judged.run.path),
        "run_id": judged.run.run_id,
        "state": judged.outcome.conduct.state,
        "verdict": judged.verdict.verdict,
        "exit_code": int(code),
        "failed_rules": [rule.id for rule in judged.verdict.rules if rule.result in {"fail", "invalid"}],
        "iterations": judged.outcome.measurements.count,
        "measured_seconds": judged.outcome.conduct.measured_seconds,
        "state_hash": None,
        "receipt": str(judged.run.path / RECEIPT),
    }
