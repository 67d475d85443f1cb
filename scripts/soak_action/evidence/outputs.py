"""What iterations left: whose output stays after it was recorded, and removing that of the others.

Which ones are removed follows from what the run promised and from its records alone. So an output that is gone was
removed on purpose exactly when it had to be, and nothing that somebody else removes can pass for that.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from soak_action.config.model import Config
from soak_action.errors import EvidenceError
from soak_action.evidence.ledger import ITERATIONS
from soak_action.evidence.run_dir import RunDir
from soak_action.files import read_lines, step

Record = Mapping[str, Any]

# Where an output is moved before it is deleted, so that under its own name it is whole or gone.
REMOVED = "removed"
MOVED, DELETED = "output:moved", "output:deleted"


def keeps_output(record: Record, config: Config, last_iteration: int) -> bool:
    """Whether the output of an iteration stays in a run whose last recorded iteration has this number.

    An iteration counts as failed when its outcome is not ok, a KPI is missing, or one lies beyond its hard limit.
    Raises KeyError or TypeError for a misshapen record.
    """
    keep = config.evidence.keep_outputs
    if keep.which == "last":
        return bool(record["iteration"] > last_iteration - keep.iterations)
    return keep.which == "all" or record["outcome"] != "ok" or bool(record["missing"]) or _is_beyond(record, config)


def last_recorded(run: RunDir) -> int:
    """Return how many iterations a run has recorded, 0 when that cannot be read."""
    try:
        return sum(1 for _ in read_lines(run.path / ITERATIONS))
    except EvidenceError:
        return 0


def remove_after(record: Record, run: RunDir, config: Config) -> None:
    """Remove the one output that is not to stay any more now that this iteration is recorded, if there is one."""
    number = record["iteration"]
    if config.evidence.keep_outputs.which == "last":
        number -= config.evidence.keep_outputs.iterations
    if number > 0 and not keeps_output({**record, "iteration": number}, config, record["iteration"]):
        _remove(run, number)


def remove_all(records: Iterable[Record], run: RunDir, config: Config) -> None:
    """Remove every output that is not to stay, also what a killed soak left half removed.

    What the system does not let go stays; it is still evidence, unless it stands below `removed`.
    """
    if config.evidence.keep_outputs.which == "all":
        return
    last = last_recorded(run)
    for record in records:
        if not keeps_output(record, config, last) and os.path.lexists(run.iteration(record["iteration"]).path):
            _remove(run, record["iteration"])
    removed = run.path / REMOVED
    if removed.is_dir() and not removed.is_symlink():
        for left in list(removed.iterdir()):
            _delete(left)
        with contextlib.suppress(OSError):
            removed.rmdir()


def _is_beyond(record: Record, config: Config) -> bool:
    values = record["kpis"]
    return any(
        kpi.hard is not None and kpi.name in values and kpi.is_beyond(values[kpi.name], kpi.hard) for kpi in config.kpis
    )


def _remove(run: RunDir, number: int) -> None:
    folder = run.iteration(number).path
    removed = run.path / REMOVED
    # A workload may have put links there, which must not lead out of the run.
    if folder.parent.is_symlink() or removed.is_symlink():
        return
    try:
        removed.mkdir(exist_ok=True)
        folder.rename(removed / folder.name)
    except OSError:
        return
    step(MOVED)
    _delete(removed / folder.name)
    step(DELETED)


def _delete(path: Path) -> None:
    """Delete a file or a folder as far as the system lets it."""
    if path.is_symlink() or not path.is_dir():
        with contextlib.suppress(OSError):
            path.unlink()
        return
    # Programs leave folders that not even they can write to, and Windows keeps read-only files.
    _unlock(path)
    for here, folders, files in os.walk(path):
        for name in (*folders, *files):
            _unlock(Path(here, name))
    shutil.rmtree(path, ignore_errors=True)


def _unlock(path: Path) -> None:
    if not path.is_symlink():
        with contextlib.suppress(OSError):
            path.chmod(stat.S_IRWXU)
