"""Whether the evidence of a whole soak fits the disk."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from soak_action.doctor.dry_run import DryRun
from soak_action.doctor.finding import Finding
from soak_action.units import format_size

_STREAMS = 2
_ADVICE = "free some space, write fewer results to SOAK_OUT, or set a smaller evidence.log_limit"


def free_bytes(directory: Path, usage: Callable[[Path], tuple[int, int, int]] = shutil.disk_usage) -> int | None:
    """Return the free bytes at an existing directory, None when the system does not tell."""
    try:
        return usage(directory)[2]
    except OSError:
        return None


def judge_disk(free: int | None, iterations: int | None, dry: DryRun | None, log_limit: int) -> Finding:
    """Judge `free` bytes by what one dry iteration wrote times the promised `iterations`; None is what is not known.

    `log_limit` bounds each output stream of an iteration, whatever the dry one printed. Without a dry iteration that
    succeeded only the logs have a bound.
    """
    if free is None:
        return Finding("disk", "unknown", "the system does not tell how much space is free", "look for yourself")
    room = f"{format_size(free)} are free"
    logs = _STREAMS * log_limit
    measured = dry if dry is not None and dry.ok else None
    if iterations is None:
        told = f"{room}, but how many iterations there will be is not known"
        if measured is not None:
            told = f"{told}; the free space takes {free // max(1, measured.total_bytes)} like the dry one"
        return Finding("disk", "unknown", told, "write schedule.iterations or schedule.every")
    if measured is None:
        if free < logs * iterations:
            told = f"{room}, and the logs of {iterations} iterations may take {format_size(logs * iterations)}"
            return Finding("disk", "warning", told, _ADVICE)
        told = f"{room}; what the results take is only known after a dry iteration that succeeds"
        return Finding("disk", "unknown", told, "let soak doctor run the workload once")
    expected = measured.total_bytes * iterations
    most = (measured.total_bytes - measured.log_bytes + logs) * iterations
    told = f"{room}, and {iterations} iterations like the dry one take {format_size(expected)}"
    if free < expected:
        return Finding("disk", "problem", told, _ADVICE)
    if free < most:
        return Finding("disk", "warning", f"{told}, with full logs {format_size(most)}", _ADVICE)
    return Finding("disk", "ok", told)
