"""What Linux' /proc tells of one process, read as cheaply as Python can: after every iteration, for every process."""

from __future__ import annotations

import os
from dataclasses import dataclass

_DEAD = frozenset((b"Z", b"X", b"x"))
_MARK = b"\0SOAK_RUN_MARK="
_STAT_SIZE = 1 << 12
_ENVIRON_SIZE = 1 << 22


@dataclass(frozen=True, slots=True)
class ProcessStat:
    """The fields of /proc/PID/stat that tell who a process belongs to; `started` in clock ticks since boot."""

    pid: int
    name: str
    state: bytes
    parent: int
    group: int
    session: int
    threads: int
    started: int

    @property
    def dead(self) -> bool:
        """Whether nothing of it runs any more, and it only waits to be reaped."""
        # A process lives on in its other threads when its first one has ended, although its state says zombie.
        return self.state in _DEAD and self.threads <= 1


def read_head(path: str, size: int) -> bytes:
    """The first bytes of a file of /proc; empty when the process is gone or not ours to look at."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(handle, size)
    except OSError:
        return b""
    finally:
        os.close(handle)


def read_stat(pid: int, since: int) -> ProcessStat | None:
    """The state of a process that started at `since` or later, None for an older one.

    Raises ProcessLookupError when it is gone.
    """
    head, _, tail = read_head(f"/proc/{pid}/stat", _STAT_SIZE).rpartition(b") ")
    fields = tail.split(None, 20)
    if not head:
        raise ProcessLookupError(pid)
    started = int(fields[19])
    if started < since:
        return None
    name = head.partition(b"(")[2].decode(errors="replace")
    return ProcessStat(pid, name, fields[0], int(fields[1]), int(fields[2]), int(fields[3]), int(fields[17]), started)


def read_mark(pid: int, user: int) -> bytes | None:
    """The value of SOAK_RUN_MARK with which a process of `user` was started; None without one, or when it is gone."""
    try:
        if os.stat(f"/proc/{pid}").st_uid != user:  # noqa: PTH116 - half the cost of pathlib
            return None
    except OSError:
        return None
    environ = b"\0" + read_head(f"/proc/{pid}/environ", _ENVIRON_SIZE)
    _, found, rest = environ.partition(_MARK)
    return rest.partition(b"\0")[0] if found else None
