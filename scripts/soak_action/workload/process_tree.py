"""Everything that belongs to one workload: found again, stopped gently, then hard."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

_FIRST_PAUSE = 0.001
_LONGEST_PAUSE = 0.05
_NAMED_AT_MOST = 20


@dataclass(frozen=True)
class Member:
    """A living process of the workload; `started` tells it from a later process with the same pid."""

    pid: int
    started: float
    name: str

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})"


class ProcessTree(Protocol):
    """The processes of one workload, however far they went away from the main one."""

    peak_rss_bytes: int

    def starting(self) -> AbstractContextManager[object]:
        """Keep the trees of other workloads from taking what is just being started for theirs."""

    def started(self, main: int) -> None:
        """Take the process `main`, the leader of a session of its own, for the workload's main one."""

    def close(self) -> None:
        """Forget the main process."""

    def observe(self) -> None:
        """Look at the tree while the main process runs, where that is the only chance to see who belongs to it."""

    def members(self) -> list[Member]:
        """The living processes of the workload now, the main one included."""

    def present(self) -> list[Member]:
        """The same, changing nothing: for another thread, while the main process runs."""

    def ask(self, members: Iterable[Member]) -> None:
        """Ask `members` to end."""

    def kill(self, members: Iterable[Member]) -> None:
        """End `members` without asking."""


class Present(Protocol):
    """Whoever can say which processes are alive."""

    def present(self) -> list[Member]:
        """The living processes now."""


class RunningTree(Present, Protocol):
    """Processes that were running before somebody looks at them."""

    @property
    def main(self) -> int:
        """The pid of the main process."""


@dataclass
class Outlived:
    """The processes that were still alive after the main one had ended."""

    _members: dict[tuple[int, float], Member] = field(default_factory=dict)

    def note(self, members: Iterable[Member]) -> None:
        """Remember `members`."""
        for member in members:
            self._members.setdefault((member.pid, member.started), member)

    def names(self) -> tuple[str, ...]:
        """Name and pid of each, at most 20 of them and then how many more there are."""
        names = [str(member) for member in self._members.values()]
        more = len(names) - _NAMED_AT_MOST
        return (*names[:_NAMED_AT_MOST], f"and {more} more") if more > 0 else tuple(names)


def stop_tree(
    tree: ProcessTree, *, grace: float, hard: float, main_ended: Callable[[], bool], outlived: Outlived
) -> list[Member]:
    """Ask every member to end, wait `grace` seconds, then kill for at most `hard` seconds; return who is left."""
    asked: set[Member] = set()

    def ask(members: list[Member]) -> None:
        # One request each: many programs take the second one for impatience and drop what they were saving.
        tree.ask([member for member in members if member not in asked])
        asked.update(members)

    if not _until_empty(tree, ask, seconds=grace, main_ended=main_ended, outlived=outlived):
        return []
    return _until_empty(tree, tree.kill, seconds=hard, main_ended=main_ended, outlived=outlived)


def _until_empty(
    tree: ProcessTree,
    act: Callable[[list[Member]], None],
    *,
    seconds: float,
    main_ended: Callable[[], bool],
    outlived: Outlived,
) -> list[Member]:
    """Look and act again and again until no member is left or the time is over; return who was there last."""
    deadline = time.monotonic() + seconds
    pause = _FIRST_PAUSE
    while True:
        ended = main_ended()
        members = tree.members()
        if ended:
            outlived.note(members)
        if not members or time.monotonic() >= deadline:
            return members
        act(members)
        time.sleep(max(0.0, min(pause, deadline - time.monotonic())))
        pause = min(2 * pause, _LONGEST_PAUSE)
