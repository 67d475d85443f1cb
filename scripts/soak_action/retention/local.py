"""Pruning an output directory: look, decide, then do what was decided, so that a kill at any moment loses nothing."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from soak_action import canonical
from soak_action.config.model import Retention
from soak_action.errors import ExitCode, SoakError, SurroundingsError
from soak_action.evidence.compressed import SUFFIX
from soak_action.files import LockedError, step, surroundings
from soak_action.retention.compressing import estimator, make_archive
from soak_action.retention.disk_use import disk_use
from soak_action.retention.inventory import Found, Inventory, take_inventory
from soak_action.retention.log import LogOperation, RetentionLog
from soak_action.retention.pins import is_pinned
from soak_action.retention.policy import Decision, Plan, make_plan
from soak_action.retention.removal import remove
from soak_action.retention.root import lock, name_of_leftover, trash_for
from soak_action.system import sync_directory

STEPS = (
    "compress:written",
    "compress:synced",
    "compress:compared",
    "compress:renamed",
    "compress:archived",
    "compress:moved",
    "compress:logged",
    "compress:removed",
    "delete:moved",
    "delete:logged",
    "delete:removed",
    "trash:logged",
    "trash:removed",
)


@dataclass(frozen=True)
class Skipped:
    """What was not done as planned, and why; `is_failure` when the system refused, not when somebody was quicker."""

    id: str
    reason: str
    is_failure: bool


@dataclass
class Outcome:
    """What came of a plan: how many items were compressed and deleted, the bytes of disk space that this freed.

    `left_bytes` is what all items take now; what a killed prune had left is freed as well, and was none of them.
    """

    compressed: int = 0
    deleted: int = 0
    freed_bytes: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    left_bytes: int = 0


@dataclass(frozen=True)
class Prune:
    """One root with what it holds and what is to become of it."""

    inventory: Inventory
    policy: Retention
    plan: Plan
    now: datetime

    @property
    def policy_digest(self) -> str:
        """The SHA-256 of the policy, in hexadecimal."""
        return canonical.digest(self.policy.to_dict())


def plan_prune(root: Path, policy: Retention, now: datetime, in_use: Collection[str] = ()) -> Prune:
    """Return what would become of everything in a checked root; nothing is changed.

    The runs `in_use` stay as if they were running. Raises UsageError when the policy or what it would do is refused,
    SurroundingsError when the disk refuses.
    """
    seconds = now.timestamp()
    inventory = take_inventory(root, seconds)
    items = [replace(item, is_running=True) if item.id in in_use else item for item in inventory.items]
    plan = make_plan(items, policy, seconds, estimator(root, inventory.found.__getitem__))
    return Prune(inventory, policy, plan, now)


def carry_out(prune: Prune, now: Callable[[], datetime]) -> Outcome:
    """Do what was planned; hold the root's lock since before it was. What cannot be done is skipped and told.

    Deleting comes first, so that there is room to compress. Raises SurroundingsError when not even the log can be
    written.
    """
    return _Pruner(prune, now).carry_out()


def exit_code(prune: Prune, outcome: Outcome | None) -> ExitCode:
    """Return the exit code: 5 when the system refused something, 1 when the limit does not hold, else 0."""
    if outcome is not None and any(skipped.is_failure for skipped in outcome.skipped):
        return ExitCode.SURROUNDINGS
    limit = prune.policy.max_total
    left = prune.plan.bytes_after if outcome is None else outcome.left_bytes
    return ExitCode.FAIL if limit is not None and left > limit else ExitCode.DONE


class _SkippedError(SoakError):
    """Something is no longer as it was when the plan was made."""


class _Pruner:
    def __init__(self, prune: Prune, now: Callable[[], datetime]) -> None:
        self._prune = prune
        self._root = prune.inventory.root
        self._device = os.lstat(self._root).st_dev
        self._log = RetentionLog(self._root, prune.policy_digest, now)
        self._now = now
        self._outcome = Outcome(left_bytes=prune.plan.bytes_before)

    def carry_out(self) -> Outcome:
        self._log.check()
        self._empty_trash()
        for decision in reversed(self._prune.plan.of("delete")):
            with self._skipping(decision):
                self._delete(decision, self._prune.inventory.found[decision.item.id])
        for decision in reversed(self._prune.plan.of("compress")):
            with self._skipping(decision):
                self._compress(decision, self._prune.inventory.found[decision.item.id])
        return self._outcome

    @contextlib.contextmanager
    def _skipping(self, decision: Decision) -> Iterator[None]:
        """Go on with the next item when this one cannot be dealt with, and note why."""
        try:
            yield
        except SoakError as error:
            expected = isinstance(error, (_SkippedError, LockedError))
            self._outcome.skipped.append(Skipped(decision.item.id, str(error), is_failure=not expected))
            # Should the log be what fails, what was skipped is still told at the end.
            with contextlib.suppress(SurroundingsError):
                self._tell("skip", decision, decision.item.bytes, (str(error),))

    def _empty_trash(self) -> None:
        """Remove what a killed prune left on its way out."""
        for name in self._prune.inventory.leftovers:
            path = self._root / name
            try:
                size = disk_use(path, self._device).bytes
            except OSError:
                continue
            try:
                self._remove_told(path, "trash", partial(self._tell_leftover, name_of_leftover(name), size))
            except SurroundingsError as error:
                self._outcome.skipped.append(Skipped(name, str(error), is_failure=True))
            else:
                self._outcome.freed_bytes += size

    def _delete(self, decision: Decision, found: Found) -> None:
        with self._undisturbed(found):
            moved = self._move_to_trash(self._root / found.name)
            twin = None if found.twin is None else self._move_to_trash(self._root / (found.name + SUFFIX))
        step("delete:moved")
        self._outcome.deleted += 1
        self._remove_told(moved, "delete", partial(self._tell, "delete", decision, 0, decision.reasons))
        if twin is not None:
            self._remove(twin)
        self._free(decision.item.bytes)

    def _compress(self, decision: Decision, found: Found) -> None:
        with self._undisturbed(found):
            archive = make_archive(self._root, found)
            self._check_unchanged(found)
            after = disk_use(archive, self._device).bytes
            moved = self._move_to_trash(self._root / found.name)
        step("compress:moved")
        self._outcome.compressed += 1
        self._remove_told(moved, "compress", partial(self._tell, "compress", decision, after, decision.reasons))
        self._free(decision.item.bytes - after)

    def _remove_told(self, moved: Path, kind: str, tell: Callable[[], None]) -> None:
        """Log what happens to something, then remove it; on a full disk the log needs the very room that this makes."""
        try:
            tell()
            is_told = True
        except SurroundingsError:
            is_told = False
        step(f"{kind}:logged")
        self._remove(moved)
        step(f"{kind}:removed")
        if not is_told:
            tell()

    def _free(self, size: int) -> None:
        self._outcome.freed_bytes += size
        self._outcome.left_bytes -= size

    @contextlib.contextmanager
    def _undisturbed(self, found: Found) -> Iterator[None]:
        """Keep others from going on with a run, having made sure that it is what the plan was made for."""
        path = self._root / found.name
        if is_pinned(self._root, found.item.id) and not found.item.is_pinned:
            raise _SkippedError("it was pinned since the plan was made")
        self._check_unchanged(found)
        if not path.is_dir():
            yield
            return
        with lock(path, self._now().isoformat(timespec="seconds")):
            # It may have been gone on with and finished in between.
            self._check_unchanged(found)
            if sys.platform != "win32":
                yield
        if sys.platform == "win32":  # pragma: platform - there a folder with an open file in it cannot be renamed
            yield

    def _check_unchanged(self, found: Found) -> None:
        try:
            if disk_use(self._root / found.name, self._device).stamp == found.stamp:
                return
        except OSError:
            pass
        raise _SkippedError("it changed since the plan was made")

    def _move_to_trash(self, path: Path) -> Path:
        """Move something to where nobody takes it for a run any more. Raises SurroundingsError."""
        try:
            moved = path.rename(trash_for(self._root, path.name))
            sync_directory(self._root)
        except OSError as error:
            raise surroundings(error, f"move {path} out of the way") from error
        return moved

    def _remove(self, moved: Path) -> None:
        try:
            remove(moved)
        except FileNotFoundError:
            return
        except OSError as error:
            raise surroundings(error, f"remove {moved}") from error

    def _tell(self, operation: LogOperation, decision: Decision, bytes_after: int, reasons: Sequence[str]) -> None:
        group = decision.item.group
        self._log.append(
            operation,
            decision.item.id,
            group=None if group is None else str(group),
            bytes_before=decision.item.bytes,
            bytes_after=bytes_after,
            reasons=reasons,
        )

    def _tell_leftover(self, name: str, size: int) -> None:
        reasons = ["left by a killed prune"]
        self._log.append("empty_trash", name, group=None, bytes_before=size, bytes_after=0, reasons=reasons)
