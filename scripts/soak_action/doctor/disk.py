"""Whether the evidence of a whole soak fits the disk."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from soak_action.config.model import EvidenceSettings, KeepOutputs
from soak_action.doctor.dry_run import DryRun
from soak_action.doctor.finding import Finding
from soak_action.units import format_size

_STREAMS = 2
_ADVICE = (
    "free some space, write fewer results to SOAK_OUT, or set evidence.keep_outputs or a smaller evidence.log_limit"
)


def free_bytes(directory: Path, usage: Callable[[Path], tuple[int, int, int]] = shutil.disk_usage) -> int | None:
    """Return the free bytes at an existing directory, None when the system does not tell."""
    try:
        return usage(directory)[2]
    except OSError:
        return None


def judge_disk(free: int | None, iterations: int | None, dry: DryRun | None, settings: EvidenceSettings) -> Finding:
    """Judge `free` bytes by what one dry iteration wrote times the promised `iterations`; None is what is not known.

    Each output stream of an iteration has a bound, whatever the dry one printed. Without a dry iteration that succeeded
    only the logs have one. Only outputs that stay count: of the last ones and the running one, or, where those of
    failed iterations stay, at best that of the running one and at worst all.
    """
    if free is None:
        return Finding("disk", "unknown", "the system does not tell how much space is free", "look for yourself")
    room = f"{format_size(free)} are free"
    logs = _STREAMS * settings.log_limit
    keep = settings.keep_outputs
    measured = dry if dry is not None and dry.ok else None
    if iterations is None:
        told = f"{room}, but how many iterations there will be is not known"
        if measured is not None:
            told = f"{told}; the free space takes {_room_for(free, measured, keep)} like the dry one"
        return Finding("disk", "unknown", told, "write schedule.iterations or schedule.every")
    fewest, most = _outputs(iterations, keep)
    if measured is None:
        if free < logs * most:
            told = f"{room}, and the logs of {most} iterations may take {format_size(logs * most)}"
            return Finding("disk", "warning", told, _ADVICE)
        told = f"{room}; what the results take is only known after a dry iteration that succeeds"
        return Finding("disk", "unknown", told, "let soak doctor run the workload once")
    records = measured.record_bytes * iterations
    expected = records + (measured.result_bytes + measured.log_bytes) * fewest
    worst = records + (measured.result_bytes + logs) * most
    told = f"{room}, and {iterations} iterations like the dry one take {format_size(expected)}"
    if free < expected:
        return Finding("disk", "problem", told, _ADVICE)
    if free < worst:
        failing = " when all of them fail" if fewest < most else ""
        return Finding("disk", "warning", f"{told}, with full logs {format_size(worst)}{failing}", _ADVICE)
    return Finding("disk", "ok", told)


def _outputs(iterations: int, keep: KeepOutputs) -> tuple[int, int]:
    """Return of how many iterations the output is there at once, at best and at worst."""
    if keep.which == "last":
        held = min(iterations, keep.iterations + 1)
        return held, held
    return (iterations if keep.which == "all" else min(iterations, 1)), iterations


def _room_for(free: int, dry: DryRun, keep: KeepOutputs) -> int:
    """Return how many iterations like the dry one fit."""
    if keep.which == "all":
        return free // max(1, dry.total_bytes)
    held = keep.iterations + 1 if keep.which == "last" else 1
    return max(0, free - held * (dry.result_bytes + dry.log_bytes)) // max(1, dry.record_bytes)
