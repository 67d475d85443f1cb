"""Whether the kernel ended a process for lack of memory, told by its own counts: those of Linux.

A process that was ended so shows nothing but SIGKILL, which anybody can send.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

_ESCAPED = re.compile(r"\\([0-7]{3})")
_ROOT = Path("/")


@dataclass(frozen=True)
class MemoryKills:
    """How many processes were ended for lack of memory so far; None where the system does not tell.

    `here` counts those of soak's own control group, `anywhere` those of the whole machine.
    """

    here: int | None
    anywhere: int | None


def out_of_memory(before: MemoryKills, after: MemoryKills) -> bool | None:
    """Whether a process was ended for lack of memory in between; None when it may or may not have been of ours."""
    if before.here is not None and after.here is not None and after.here > before.here:
        return True
    if before.anywhere is not None and before.anywhere == after.anywhere:
        return False
    return None


def since_now(root: Path = _ROOT) -> Callable[[], bool | None]:
    """Begin to count; what is returned says whether a process was ended for lack of memory since.

    `root` is where the file systems of the kernel are mounted.
    """
    before = read_kills(root)
    return lambda: out_of_memory(before, read_kills(root))


def read_kills(root: Path = _ROOT) -> MemoryKills:
    """Read the counts; those that cannot be read are None."""
    own = _own_counts(root)
    return MemoryKills(None if own is None else _count(own), _count(root / "proc/vmstat"))


def counts_file(groups: str, mounts: str) -> str | None:
    """The file with the counts of a process' control group; None when no group counts memory.

    `groups` is the text of /proc/PID/cgroup, `mounts` that of /proc/PID/mountinfo.
    """
    for kind, path, name in _memory_groups(groups):
        for root, point in _mounts(mounts, kind):
            if path.is_relative_to(root) and ".." not in path.parts:
                return str(point / path.relative_to(root) / name)
    return None


def _memory_groups(groups: str) -> Iterator[tuple[str, PurePosixPath, str]]:
    """Yield the kind of file system, the group in it and the name of the file: version 1 of control groups, then 2."""
    found = [line.split(":", 2) for line in groups.splitlines() if line.count(":") >= 2]
    for _, controllers, path in found:
        if "memory" in controllers.split(","):
            yield "cgroup", PurePosixPath(path), "memory.oom_control"
    for number, controllers, path in found:
        if (number, controllers) == ("0", ""):
            yield "cgroup2", PurePosixPath(path), "memory.events"


def _mounts(mounts: str, kind: str) -> Iterator[tuple[PurePosixPath, PurePosixPath]]:
    """Yield which directory of the file system is mounted where."""
    for line in mounts.splitlines():
        place, _, system = line.partition(" - ")
        fields, about = place.split(), system.split()
        if len(fields) < 5 or len(about) < 3 or about[0] != kind:
            continue
        if kind == "cgroup2" or "memory" in about[2].split(","):
            yield PurePosixPath(_unescaped(fields[3])), PurePosixPath(_unescaped(fields[4]))


def _unescaped(field: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), field)


@cache
def _own_counts(root: Path) -> Path | None:
    """Where the counts of our own group are, for the life of this process."""
    found = counts_file(_text(root / "proc/self/cgroup"), _text(root / "proc/self/mountinfo"))
    return None if found is None else root / found.lstrip("/")


def _count(path: Path) -> int | None:
    for line in _text(path).splitlines():
        name, _, number = line.partition(" ")
        if name == "oom_kill" and number.isdecimal():
            return int(number)
    return None


def _text(path: Path) -> str:
    """The content of a file; empty when it cannot be read."""
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return ""
