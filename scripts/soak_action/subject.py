"""What is to be judged: a run, or result files that something else produced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from soak_action.errors import EvidenceError, UsageError
from soak_action.evidence import gate_dir
from soak_action.evidence.compressed import archive_of, opened
from soak_action.evidence.run_dir import RUN_ID, RunDir, is_run
from soak_action.evidence.run_dir import find as find_run
from soak_action.files import surroundings
from soak_action.kpi.file_arguments import find_results

_MOST_NAMED = 3


@dataclass(frozen=True)
class ResultFiles:
    """Result files as they were found, in the order of their iterations."""

    files: tuple[Path, ...]


Subject = RunDir | ResultFiles


def find_subject(results: Sequence[str], cwd: Path) -> Subject:
    """Return what the paths and patterns in `results`, relative to `cwd`, name: one run, or result files.

    Raises EvidenceError when something is not there, a pattern matches nothing or a directory is no run, and UsageError
    for more than one run, or a run beside files. SurroundingsError: the system does not let look at one.
    """
    if len(results) == 1 and archive_of(cwd / results[0]) is not None:
        return _run_of(opened(cwd / results[0]))
    try:
        found = find_results(results, cwd, is_run)
    except OSError as error:
        raise surroundings(error, "look for the results that were named") from error
    if not found.directories:
        _refuse_kept_ones(found.files)
        return ResultFiles(found.files)
    if len(found.directories) > 1 or found.files:
        named = [str(path) for path in found.directories[:_MOST_NAMED]]
        more = len(found.directories) - len(named)
        listed = ", ".join(named) + (f" and {more} more" if more else "")
        beside = f", besides {len(found.files)} result files" if found.files else ""
        raise UsageError(f"give either one run directory or result files; these are directories: {listed}{beside}")
    (directory,) = found.directories
    return _run_of(directory)


def _run_of(directory: Path) -> RunDir:
    if gate_dir.find(directory) is not None:
        raise EvidenceError(f"{directory}: this is a judgement, not a run; soak verify judges it again")
    return find_run(directory)


def _refuse_kept_ones(files: Sequence[Path]) -> None:
    """Raise EvidenceError when what an earlier judgement kept is among other results: it would count once more."""
    judgements = {
        folder.parent if folder.name == gate_dir.RESULTS and RUN_ID.fullmatch(folder.parent.name) else None
        for folder in {path.parent for path in files}
    }
    kept = sorted(judgement for judgement in judgements if judgement is not None)
    if kept and len(judgements) > 1:
        raise EvidenceError(
            f"{kept[0]} keeps results that were judged before, and they are named besides others: leave them out, or "
            "name them alone to judge them by other rules"
        )
