"""One run from its promise to its receipt: begin or go on, lock, loop, seal."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from soak_action.begin import begin_run
from soak_action.config.load import Loaded
from soak_action.config.model import Config
from soak_action.errors import ExitCode, exit_code_of
from soak_action.evidence.ledger import Ledger
from soak_action.evidence.outputs import remove_all
from soak_action.evidence.run_dir import OUTPUT_DIRECTORY, RECEIPT, RunDir
from soak_action.evidence.standing import Standing
from soak_action.files import DirectoryLock, describe_owner
from soak_action.loop import Clock, Loop, Progress, Segment
from soak_action.parameters_in_use import (
    begin_with,
    go_on_with,
    parameters_in_use,
    path_of_parameters,
    tuner_of,
)
from soak_action.resuming import (
    change_of,
    differences_from,
    examine,
    has_ended,
    make_ready,
    recorded_configuration,
)
from soak_action.tuning.parameters import ParametersFile
from soak_action.verify import Judged, seal
from soak_action.workload.awake import Keeper, keeper_of_this_system, kept_awake
from soak_action.workload.launching import Surroundings, check_workload
from soak_action.workload.stop import StopRequest

OpenProgress = Callable[[Config, Segment, Iterable[Mapping[str, Any]]], AbstractContextManager[Progress]]


@dataclass(frozen=True)
class Means:
    """What a run needs from outside: clocks, names nobody has used, who may stop it, and who watches.

    `random_suffixes` yields six hexadecimal digits each time. `configured` is told the configuration before anything
    starts, `began` the run's directory before the next iteration does; `progress` opens the display of one segment, and
    is given the records of earlier ones. `keeper` keeps the machine awake, None where nobody needs to.
    """

    clock: Clock
    random_suffixes: Iterator[str]
    stop: StopRequest
    progress: OpenProgress
    configured: Callable[[Loaded], None] = lambda _: None
    began: Callable[[RunDir], None] = lambda _: None
    keeper: Keeper | None = field(default_factory=keeper_of_this_system)


def run(
    loaded: Loaded,
    output: Path | None,
    means: Means,
    *,
    argv: Sequence[str],
    environ: Mapping[str, str],
    python: str,
    segment: float | None = None,
) -> Judged:
    """Run what `loaded` says below `output` (default: .soak beside the configuration), judge it and seal it.

    `argv` is what the run was asked for, `python` the interpreter that SOAK_PYTHON names. With `segment` the run pauses
    before an iteration that would not end within so many seconds. Raises UsageError when the workload cannot be started
    at all, SurroundingsError when evidence can no longer be written.
    """
    means.configured(loaded)
    surroundings = _surroundings(loaded, environ, python)
    check_workload(loaded.config, surroundings)
    with parameters_in_use(loaded.config, loaded.base, _owner(means)) as parameters:
        run_dir, genesis = begin_run(
            loaded,
            output or loaded.base / OUTPUT_DIRECTORY,
            argv=argv,
            environ=environ,
            now=means.clock.now(),
            random_suffixes=means.random_suffixes,
            parameters=begin_with(loaded.config, parameters),
        )
        means.began(run_dir)
        with _lock(run_dir, means):
            standing = Standing(genesis, genesis)
            return _go_on(run_dir, loaded.config, standing, surroundings, means, segment, parameters)


def resume(  # noqa: PLR0913 - what a run needs, each by name
    run_dir: RunDir,
    means: Means,
    *,
    environ: Mapping[str, str],
    python: str,
    directory: Path,
    segment: float | None = None,
    allow_change: bool = False,
    loaded: Loaded | None = None,
) -> Judged:
    """Go on with a run that was paused, interrupted or killed, as its next segment; judge it and seal it.

    What it began with has to hold still, except for what `allow_change` allows, which is recorded. The configuration is
    `loaded` already, or is looked for in `directory` when it does not lie beside the run's `.soak`. A run that had come
    to its end when soak was killed is only sealed. Raises UsageError when the run has ended or something differs,
    LockedError when somebody else is running it, EvidenceError when its evidence does not verify, SurroundingsError
    when evidence can no longer be written.
    """
    with _lock(run_dir, means):
        standing = examine(run_dir)
        if has_ended(standing):
            means.began(run_dir)
            run_dir.unseal()
            return seal(run_dir)
        if loaded is None:
            loaded = recorded_configuration(run_dir, environ=environ, directory=directory)
        found = differences_from(run_dir, loaded, allow_change=allow_change)
        means.configured(loaded)
        surroundings = _surroundings(loaded, environ, python)
        check_workload(loaded.config, surroundings)
        with parameters_in_use(loaded.config, loaded.base, _owner(means)) as parameters:
            go_on_with(parameters, run_dir, standing)
            means.began(run_dir)
            change = change_of(run_dir, standing, found, means.clock.now())
            make_ready(run_dir, standing)
            remove_all(standing.past(run_dir), run_dir, loaded.config)
            return _go_on(run_dir, loaded.config, standing, surroundings, means, segment, parameters, change)


def _surroundings(loaded: Loaded, environ: Mapping[str, str], python: str) -> Surroundings:
    parameters = path_of_parameters(loaded.config, loaded.base)
    return Surroundings(loaded.base, environ, python, loaded.profile, parameters)


def _owner(means: Means) -> str:
    return describe_owner(means.clock.now().isoformat(timespec="seconds"))


def _lock(run_dir: RunDir, means: Means) -> DirectoryLock:
    return DirectoryLock(run_dir.path, _owner(means))


def _go_on(  # noqa: PLR0913, PLR0917 - what a segment needs
    run_dir: RunDir,
    config: Config,
    standing: Standing,
    surroundings: Surroundings,
    means: Means,
    limit: float | None,
    parameters: ParametersFile | None,
    change: Mapping[str, Any] | None = None,
) -> Judged:
    """Make the next segment of a run, of at most `limit` seconds, and seal the run; record what it changes first."""
    with kept_awake(means.keeper) as awake:
        segment = Segment(standing.next_segment, standing.next_begins, limit, awake, standing.service_exits)
        with means.progress(config, segment, standing.past(run_dir)) as progress:
            with Ledger(run_dir.path, standing.head) as ledger:
                if standing.killed is not None:
                    ledger.end_segment(standing.killed)
                if change is not None:
                    ledger.add_change(change)
                tuner = tuner_of(config, parameters, run_dir, standing, ledger)
                loop = Loop(run_dir, config, ledger, surroundings, means.clock, means.stop, progress, tuner)
                loop.execute(segment, standing.past(run_dir))
            return seal(run_dir)


def exit_code(judged: Judged, stop: StopRequest) -> ExitCode:
    """Return the exit code of a run: that of its verdict, unless a signal ended it or nothing is wrong but a pause."""
    state = judged.outcome.conduct.state
    if state == "interrupted":
        return ExitCode.INTERRUPTED if stop.signal == signal.SIGINT else ExitCode.TERMINATED
    if state == "paused" and judged.verdict.verdict == "inconclusive":
        return ExitCode.DONE
    return exit_code_of(judged.verdict.verdict, judged.config.gate.fail_on)


def summary(judged: Judged, code: ExitCode) -> dict[str, Any]:
    """Return what ``soak run --json`` prints."""
    return {
        "run_dir": str(judged.run.path),
        "run_id": judged.promise.run["run_id"],
        "state": judged.outcome.conduct.state,
        "verdict": judged.verdict.verdict,
        "exit_code": int(code),
        "failed_rules": [rule.id for rule in judged.verdict.rules if rule.result in {"fail", "invalid"}],
        "iterations": judged.outcome.measurements.count,
        "measured_seconds": judged.outcome.conduct.measured_seconds,
        "state_hash": None if judged.outcome.conduct.tuning is None else judged.outcome.conduct.tuning.state_hash,
        "receipt": str(judged.run.path / RECEIPT),
    }
