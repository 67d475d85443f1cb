"""One output stream of the workload, drained always and kept up to a limit."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path
from threading import Lock, Thread

from soak_action.errors import EvidenceError, SurroundingsError

_CHUNK = 1 << 16


@dataclass(frozen=True)
class Captured:
    """How much a stream wrote and how much of it is in the log file, in bytes without the line that marks the cut."""

    bytes_total: int
    bytes_kept: int
    cut: bool


class _Tail:
    """The last `size` bytes of a stream, in a ring."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._ring = bytearray()
        self._next = 0

    def add(self, data: memoryview) -> None:
        data = data[-self._size :] if self._size else data[:0]
        room = self._size - len(self._ring)
        if room:
            self._ring += data[:room]
            data = data[room:]
        while data:
            part = data[: self._size - self._next]
            self._ring[self._next : self._next + len(part)] = part
            self._next = (self._next + len(part)) % self._size
            data = data[len(part) :]

    def parts(self) -> tuple[memoryview, memoryview]:
        """The bytes in the order in which they came, as two views that copy nothing."""
        view = memoryview(self._ring)
        return view[self._next :], view[: self._next]

    def __len__(self) -> int:
        return len(self._ring)


class Capture:
    """Reads a stream in a thread of its own until it ends and keeps its first and last half of `limit` bytes in `path`.

    The thread goes on reading when the limit is reached or the disk is full: a workload never waits for its reader.
    Memory is bounded by half of `limit`.
    """

    def __init__(self, path: Path, limit: int) -> None:
        """Open the log file. Raises SurroundingsError when that is not possible."""
        self._path = path
        self._head_room = (limit + 1) // 2
        self._tail = _Tail(limit // 2)
        self._total = 0
        self._head = 0
        self._ends_with_newline = True
        self._written = 0
        self._digest = hashlib.sha256()
        self._intact = True
        self._error: OSError | None = None
        self._closed = False
        self._lock = Lock()
        self._thread: Thread | None = None
        try:
            self._file = path.open("w+b", buffering=0)
        except OSError as error:
            raise SurroundingsError(f"{path}: the workload's output cannot be written: {error.strerror}") from error

    def start(self, stream: RawIOBase) -> None:
        """Begin to read `stream`, which is closed at its end."""
        self._thread = Thread(target=self._drain, args=(stream,), name=f"soak-{self._path.name}", daemon=True)
        self._thread.start()

    def _drain(self, stream: RawIOBase) -> None:
        buffer = bytearray(_CHUNK)
        view = memoryview(buffer)
        with stream:
            while count := stream.readinto(buffer):
                with self._lock:
                    if self._closed:
                        return
                    self._take(view[:count])

    def _take(self, data: memoryview) -> None:
        self._total += len(data)
        head = data[: self._head_room]
        if head:
            self._head_room -= len(head)
            self._head += len(head)
            self._ends_with_newline = head[-1] == ord("\n")
            self._write(head)
        self._tail.add(data[len(head) :])

    def _write(self, data: memoryview | bytes) -> None:
        if self._error is not None:
            return
        try:
            view = memoryview(data)
            while view:
                count = self._file.write(view)
                self._digest.update(view[:count])
                self._written += count
                view = view[count:]
        except OSError as error:
            self._error = error

    def finish(self, patience: float) -> Captured:
        """Wait for the stream's end, at most `patience` seconds, then complete and close the log file.

        Raises SurroundingsError when a write failed (disk full), and EvidenceError when the log file is no longer what
        was written: only the workload can have done that.
        """
        if self._thread is not None:
            self._thread.join(patience)
        with self._lock:
            self._closed = True
            kept = self._head + len(self._tail)
            if kept < self._total:
                line = f"[soak: {self._total - kept} bytes cut here]\n"
                self._write((line if self._ends_with_newline else "\n" + line).encode())
            for part in self._tail.parts():
                self._write(part)
            self._close()
        if self._error is not None:
            raise SurroundingsError(f"{self._path}: the workload's output cannot be written: {self._error.strerror}")
        if not self._intact:
            raise EvidenceError(f"{self._path} was replaced or changed while the workload ran")
        return Captured(self._total, kept, kept < self._total)

    def _close(self) -> None:
        try:
            with self._file:
                self._intact = self._error is not None or self._is_intact()
        except OSError as error:
            self._error = self._error or error

    def _is_intact(self) -> bool:
        """Whether the log file is still in its place and holds what was written, nothing else."""
        status = os.fstat(self._file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size != self._written:
            return False
        if sys.platform != "win32":  # Windows replaces no file that is open
            try:
                there = self._path.lstat()
            except (FileNotFoundError, NotADirectoryError):
                return False
            if (there.st_dev, there.st_ino) != (status.st_dev, status.st_ino):
                return False
        self._file.seek(0)
        return hashlib.file_digest(self._file, "sha256").digest() == self._digest.digest()
