"""Checkpoints: copies of a run as its earlier slots left them, and which of them is gone on with.

Copies are never mixed: one of them is taken as it is. Of copies of one run that is the one which is furthest on in
evidence, however new its files look. Of copies of several runs it is one of the run that began last: a run only begins
anew when nothing usable was left of those before, so it is the one that everything since then went on with.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path

from soak_action import canonical
from soak_action.errors import EvidenceError, SoakError, UsageError
from soak_action.evidence.ledger import ITERATIONS, SEGMENTS
from soak_action.evidence.reading import read_promise
from soak_action.evidence.run_dir import RECEIPT, RUN, RUN_ID, RunDir, is_run, prepare_output
from soak_action.evidence.standing import standing_of
from soak_action.files import (
    LOCK_NAME,
    DirectoryLock,
    describe_owner,
    is_temporary,
    make_directory,
    read_evidence,
    surroundings,
)
from soak_action.resuming import has_ended
from soak_action.system import open_regular
from soak_action.units import counted
from soak_action.verify import read_run, verify

_DEEPEST = 6


@dataclass(frozen=True)
class PassedOver:
    """A checkpoint that is not used, and why; `is_broken` when its evidence is not whole."""

    path: Path
    reason: str
    is_broken: bool

    def __str__(self) -> str:
        return f"checkpoint {self.path}: passed over, {self.reason}"


@dataclass(frozen=True)
class Choice:
    """The checkpoint to go on with, if there is one. `has_ended` when its run came to its end and was sealed."""

    run: RunDir | None
    has_ended: bool
    passed_over: tuple[PassedOver, ...]


@dataclass(frozen=True)
class _Candidate:
    """A copy of a run, and what it claims about itself."""

    run: RunDir
    run_id: str
    began: str
    genesis: str
    iterations: int
    segments: int
    is_sealed: bool

    @property
    def order(self) -> tuple[str, str, str, int, int]:
        """What makes one copy come before another; the greater the better."""
        return self.began, self.run_id, self.genesis, self.iterations, self.segments

    @property
    def preference(self) -> tuple[bool, bool]:
        """What decides between copies that are equally far on.

        A directory with the run's name is where the run itself was made, perhaps on this machine, where processes of a
        killed soak may be left; then comes one whose soak had the time to seal it.
        """
        return self.run.path.name == self.run_id, self.is_sealed


def choose(folder: Path) -> Choice:
    """Return the checkpoint of those below `folder` to go on with; there may be none, and no such folder either.

    Raises UsageError when `folder` is no directory, SurroundingsError when the system does not let look into it.
    """
    passed_over: list[PassedOver] = []
    candidates: list[_Candidate] = []
    for path in _runs_below(folder):
        try:
            candidates.append(_read(RunDir(path.resolve())))
        except SoakError as error:
            passed_over.append(PassedOver(path, str(error), is_broken=True))
    chosen: _Candidate | None = None
    for candidate in sorted(candidates, key=lambda one: (one.order, one.preference), reverse=True):
        if chosen is not None:
            passed_over.append(PassedOver(candidate.run.path, _why_not(candidate, chosen), is_broken=False))
        elif reason := _wrong_with(candidate.run):
            passed_over.append(PassedOver(candidate.run.path, reason, is_broken=True))
        else:
            chosen = candidate
    if chosen is None:
        return Choice(None, has_ended=False, passed_over=tuple(passed_over))
    promise, config = read_run(chosen.run)
    ended = chosen.is_sealed and has_ended(standing_of(chosen.run, promise.genesis, config.schedule))
    return Choice(chosen.run, has_ended=ended, passed_over=tuple(passed_over))


def bring(run: RunDir, output: Path, now: datetime) -> RunDir:
    """Return the run `run` as a directory of `output`: itself if it is there, else a copy, complete or not at all.

    An older copy that is there is moved aside. Raises LockedError when somebody is running that one, SurroundingsError
    when the disk refuses.
    """
    run_id = str(read_promise(run).run["run_id"])
    prepare_output(output)
    target = output.resolve() / run_id
    if run.path == target:
        return run
    if os.path.lexists(target):
        with DirectoryLock(target, describe_owner(now.isoformat(timespec="seconds"))):
            pass
        _set_aside(target)
    unfinished = target.with_name(f".tmp-{os.getpid()}-{run_id}")
    try:
        shutil.copytree(run.path, unfinished, symlinks=True, ignore=partial(_not_evidence, run.path))
        # An artifact holds no empty folders.
        make_directory(unfinished / "iterations")
        unfinished.rename(target)
    except BaseException as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        if isinstance(error, OSError):
            raise surroundings(_first(error), f"copy {run.path} to {target}") from error
        raise
    return RunDir(target)


def _runs_below(folder: Path) -> Iterator[Path]:
    """Yield the directories of runs at or below `folder`, without following a link and without looking into one."""
    if not os.path.lexists(folder):
        return
    if not folder.is_dir():
        raise UsageError(f"{folder}: this is not a directory; name the one that the checkpoints are in")

    def refuse(error: OSError) -> None:
        raise surroundings(error, f"look for checkpoints in {folder}") from error

    for place, names, _ in os.walk(folder, onerror=refuse):
        here = Path(place)
        if is_run(here):
            yield here
            names.clear()
        depth = len(here.relative_to(folder).parts)
        names[:] = sorted(name for name in names if depth < _DEEPEST and not is_temporary(name))


def _read(run: RunDir) -> _Candidate:
    """Return what a copy claims. Raises EvidenceError or SurroundingsError when it cannot be read."""
    content = read_evidence(run.path / RUN)
    try:
        document = canonical.parse(content, RUN)
    except canonical.CanonicalError as error:
        raise EvidenceError(f"its {RUN} is no document that soak wrote: {error}") from None
    run_id, began = (document.get(key) if isinstance(document, dict) else None for key in ("run_id", "started_at"))
    if not (isinstance(run_id, str) and RUN_ID.fullmatch(run_id) and isinstance(began, str)):
        raise EvidenceError(f"its {RUN} does not tell which run it is of and when that began")
    return _Candidate(
        run=run,
        run_id=run_id,
        began=began,
        genesis=canonical.digest_of_bytes(content),
        iterations=_count_lines(run.path / ITERATIONS),
        segments=_count_lines(run.path / SEGMENTS),
        is_sealed=(run.path / RECEIPT).is_file(),
    )


def _count_lines(path: Path) -> int:
    try:
        with open_regular(path) as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise surroundings(error, f"read {path}") from error


def _wrong_with(run: RunDir) -> str | None:
    """Return why nothing can go on from here, or None when the evidence is whole."""
    try:
        problems = verify(run).problems
    except SoakError as error:
        return f"its evidence cannot be read: {error}"
    if not problems:
        return None
    more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
    return f"its evidence does not verify: {problems[0]}{more}"


def _why_not(other: _Candidate, chosen: _Candidate) -> str:
    if other.genesis != chosen.genesis:
        return f"it is of another run, {other.run_id}, which began at {other.began}"
    if other.order == chosen.order:
        return "it is no further on than the one that is used"
    told = f"{counted(other.iterations, 'iteration')} in {counted(other.segments, 'ended segment')}"
    return f"it is not as far on: {told}, against {chosen.iterations} in {chosen.segments}"


def _not_evidence(root: Path, folder: str, names: list[str]) -> set[str]:
    """Return what is not copied: the lock, what a killed write left, and what is neither file, folder nor link."""
    here = Path(folder)
    modes = {name: (here / name).lstat().st_mode for name in names}
    kinds = (stat.S_ISREG, stat.S_ISDIR, stat.S_ISLNK)
    strange = {name for name, mode in modes.items() if not any(kind(mode) for kind in kinds)}
    top = {name for name in names if name == LOCK_NAME or is_temporary(name)} if here == root else set()
    return strange | top


def _set_aside(target: Path) -> None:
    names = (target.with_name(f"{target.name}.passed-over-{number}") for number in count(1))
    try:
        target.rename(next(name for name in names if not os.path.lexists(name)))
    except OSError as error:
        raise surroundings(error, f"move {target} out of the way of what is further on") from error


def _first(error: OSError) -> OSError:
    """Return the first error of a whole copy, which tells the reason only in words."""
    if isinstance(error, shutil.Error) and error.args and error.args[0]:
        return OSError(None, str(error.args[0][0][-1]))
    return error
