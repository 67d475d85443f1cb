"""One dry iteration of the workload, in a directory that is removed, made by the loop that makes those of a run."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from soak_action import canonical
from soak_action.config.model import Config, KeepOutputs, Schedule
from soak_action.doctor.dry_run import DryRun
from soak_action.evidence.ledger import ITERATIONS, SEGMENTS, Ledger
from soak_action.evidence.run_dir import RunDir
from soak_action.files import make_directory
from soak_action.loop import Clock, Loop
from soak_action.parameters_in_use import copy_of_parameters
from soak_action.workload.launching import Surroundings
from soak_action.workload.stop import StopRequest

_BLOCK = 4096
_ONCE = Schedule(1, None, None, None, 0, 0, None, None)
_GENESIS = "0" * 64


class _Witness:
    """Keeps the record of the iteration, as the loop tells of it."""

    def __init__(self) -> None:
        self.record: Mapping[str, Any] | None = None

    def begin_iteration(self, number: int) -> None:
        """Wait: the iteration is told when it ends."""

    def end_iteration(self, record: Mapping[str, Any], _: float) -> None:
        """Keep the record."""
        self.record = record


def dry_iteration(config: Config, surroundings: Surroundings, clock: Clock, stop: StopRequest) -> DryRun | None:
    """Run the workload once and return what it came to; None when a stop was requested before it began.

    Raises UsageError when it cannot be started at all, EvidenceError when it changed what is not its own,
    SurroundingsError when the disk refuses.
    """
    witness = _Witness()
    with tempfile.TemporaryDirectory(prefix="soak-doctor-", ignore_cleanup_errors=True) as name:
        run = RunDir(Path(name).resolve())
        make_directory(run.path / "iterations")
        # The workload may read them, but nobody moves them, and a run that is under way keeps its file.
        parameters = copy_of_parameters(config, surroundings.directory, run.path)
        surroundings = replace(surroundings, parameters=parameters)
        with Ledger(run.path, _GENESIS) as ledger:
            once = replace(config, schedule=_ONCE, evidence=replace(config.evidence, keep_outputs=KeepOutputs()))
            Loop(run, once, ledger, surroundings, clock, stop, witness).execute()
        if witness.record is None:
            return None if stop.requested else _without_iteration(config, run)
        folder = run.iteration(1)
        return DryRun(
            record=witness.record,
            result_bytes=_bytes_below(folder.out) + _bytes_below(folder.answers),
            log_bytes=sum(_occupied(path) for path in (folder.stdout, folder.stderr)),
            record_bytes=(run.path / ITERATIONS).stat().st_size,
        )


def _without_iteration(config: Config, run: RunDir) -> DryRun:
    """Return what is known when there was no iteration, because the service was lost before."""
    segment = canonical.parse((run.path / SEGMENTS).read_bytes().splitlines()[-1], SEGMENTS)
    why = segment["reason"] if isinstance(segment, dict) else ""
    names = [kpi.name for kpi in config.kpis]
    record = {
        "outcome": "crashed",
        "detail": why,
        "seconds": 0.0,
        "kpis": {},
        "missing": dict.fromkeys(names, "workload_failed"),
        "details": dict.fromkeys(names, "the workload failed, so there is nothing to measure"),
    }
    return DryRun(record, 0, 0, 0)


def _bytes_below(root: Path) -> int:
    return sum(
        _occupied(Path(directory, name)) for directory, names, files in os.walk(root) for name in (*names, *files)
    )


def _occupied(path: Path) -> int:
    """Return the bytes that a file takes in whole blocks, 0 when it is gone."""
    try:
        size = path.lstat().st_size
    except OSError:
        return 0
    return -(-size // _BLOCK) * _BLOCK
