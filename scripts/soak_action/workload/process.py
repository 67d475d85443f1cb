"""One run of the workload's command, from its start until nothing of it is left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from soak_action import units
from soak_action.workload import memory_kills
from soak_action.workload.capture import Capture, Captured
from soak_action.workload.child import Child
from soak_action.workload.memory import PeakMemory
from soak_action.workload.outcome import Ending, Outcome, ending_of, memory_note, signal_name, stopped
from soak_action.workload.process_tree import Outlived, ProcessTree, stop_tree
from soak_action.workload.stop import StopRequest

__all__ = ["Captured", "Finished", "run"]

_TICK = 0.05
_FIRST_TICK = 0.002  # so that the memory of a short workload is seen at all
_GRACE_AFTER_END = 1.0
_LEAST_TIME_TO_KILL = 0.8
_HARD_SECONDS = 5.0
_READER_PATIENCE = 2.0

# Told the tree and its main process; entered when that has been started, left when its end is to be seen to.
Watch = Callable[[ProcessTree, int], AbstractContextManager[None]]


@dataclass(frozen=True)
class Finished:
    """What one process run came to.

    `exit_code` is None when a signal ended the main process or it never started; `signal` names one that ended it by
    itself. `seconds` is the monotonic duration of the main process, `peak_rss_mib` the largest resident memory of any
    single process of the workload that soak waited for. `leftovers` names the processes that outlived the main one and
    were stopped. `cpu_seconds` is what the system accounts to the main process and to the descendants that were
    waited for.
    """

    outcome: Outcome
    exit_code: int | None
    signal: str | None
    detail: str
    seconds: float
    peak_rss_mib: float | None
    leftovers: tuple[str, ...]
    stdout: Captured
    stderr: Captured
    cpu_seconds: float | None = None


def _unwatched(_tree: ProcessTree, _main: int) -> AbstractContextManager[None]:
    return nullcontext()


def run(  # noqa: PLR0913 - what a process needs, each by name
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdout: Path,
    stderr: Path,
    log_limit: int,
    timeout: float | None,
    stop: StopRequest,
    grace: float = 4.0,
    mark: str,
    watch: Watch = _unwatched,
    stdin: Path | None = None,
) -> Finished:
    """Run `argv` in `cwd` and return when it, and everything that it started, is gone.

    The environment is `env` and SOAK_RUN_MARK, whose value `mark` must be unique among the workloads that run at a
    time. The command reads the file `stdin`, or nothing. At most `log_limit` bytes of each output stream are kept in
    the files `stdout` and `stderr`. After `timeout` seconds, or when `stop` is requested, all processes are asked to
    end and after `grace` seconds killed. `watch` sees the processes meanwhile. Raises SurroundingsError when the logs
    cannot be written; a command that cannot be started, or whose `stdin` cannot be read, is an outcome, not an error.
    """
    captures = Capture(stdout, log_limit), Capture(stderr, log_limit)
    tree = _open_tree(mark)
    memory = PeakMemory()
    try:
        if stop.requested:
            return _not_started(Ending("cancelled", None, None, "not started: a stop was requested"), captures)
        out_of_memory = memory_kills.since_now()
        try:
            with tree.starting():
                child = Child(argv, cwd, {**env, "SOAK_RUN_MARK": mark}, stdin)
                tree.started(child.pid)
        except (OSError, ValueError) as error:
            return _not_started(Ending("crashed", None, None, f"could not be started: {_reason(error)}"), captures)
        return _Run(child, tree, memory, captures, out_of_memory).finish(timeout, stop, grace, watch)
    finally:
        memory.close()
        tree.close()


def _not_started(ending: Ending, captures: tuple[Capture, Capture]) -> Finished:
    out, err = (capture.finish(0) for capture in captures)
    return Finished(ending.outcome, None, None, ending.detail, 0.0, None, (), out, err)


def _reason(error: OSError | ValueError) -> str:
    if not isinstance(error, OSError):
        return str(error)
    where = f": '{error.filename}'" if error.filename else ""
    return f"{error.strerror or error}{where}"


def _open_tree(mark: str) -> ProcessTree:
    """The tree of a workload that is about to start and will have `mark` in its environment."""
    if sys.platform == "linux":
        from soak_action.workload.linux_tree import LinuxTree

        return LinuxTree(mark)
    elif sys.platform == "win32":  # noqa: RET505 - a type checker tells the platforms apart by this form  # pragma: platform - Windows only
        from soak_action.workload.windows_tree import WindowsTree

        return WindowsTree()
    else:  # pragma: platform - Linux and Windows have better ways
        from soak_action.workload.portable_tree import PortableTree

        return PortableTree()


class _Run:
    """A started main process and all that is needed to end it well."""

    def __init__(
        self,
        child: Child,
        tree: ProcessTree,
        memory: PeakMemory,
        captures: tuple[Capture, Capture],
        out_of_memory: Callable[[], bool | None],
        hard: float = _HARD_SECONDS,
    ) -> None:
        self._child = child
        self._tree = tree
        self._memory = memory
        self._captures = captures
        self._out_of_memory = out_of_memory
        self._hard = hard
        self._outlived = Outlived()
        self._patience_ends: float | None = None
        self._survivors = ""

    def finish(self, timeout: float | None, stop: StopRequest, grace: float, watch: Watch = _unwatched) -> Finished:
        """Wait for the end, sweep, and say how it was."""
        try:
            self._memory.watch(self._child.pid)
            with watch(self._tree, self._child.pid):
                self._child.watch()
                self._captures[0].start(self._child.stdout)
                self._captures[1].start(self._child.stderr)
                self._await_end(timeout, stop)
            out_of_memory = self._out_of_memory()
            ending = self._end(timeout, stop, grace, out_of_memory=out_of_memory)
            note = memory_note(ending, out_of_memory=out_of_memory)
        except BaseException:
            self._sweep(0.0, self._hard)
            raise
        finally:
            self._child.wait(self._patience())
            self._child.abandon()
            # Each is finished even when the other one's disk is full.
            try:
                out = self._captures[0].finish(self._patience())
            finally:
                err = self._captures[1].finish(self._patience())
        peak = self._memory.mib(self._child.peak_rss_bytes, self._tree.peak_rss_bytes)
        return Finished(
            ending.outcome,
            ending.exit_code,
            ending.signal,
            ending.detail + note + self._survivors,
            self._child.seconds,
            peak,
            self._outlived.names(),
            out,
            err,
            self._child.cpu_seconds,
        )

    def _await_end(self, timeout: float | None, stop: StopRequest) -> None:
        """Return at the end of the main process, at its timeout or when a stop is requested, whatever comes first."""
        tick = _FIRST_TICK
        while not stop.requested:
            left = tick if timeout is None else min(tick, timeout - self._child.seconds)
            if self._child.wait(left) or left <= 0:
                return
            self._memory.observe()
            if tick == _TICK:
                self._tree.observe()
            tick = min(2 * tick, _TICK)

    def _end(self, timeout: float | None, stop: StopRequest, grace: float, *, out_of_memory: bool | None) -> Ending:
        if self._child.ended:
            self._sweep(min(grace, _GRACE_AFTER_END), self._hard)
            return ending_of(self._child.exit_code, out_of_memory=out_of_memory)
        after = units.format_duration(round(self._child.seconds, 1))
        if stop.signal is not None:
            patience = stop.patience
            self._patience_ends = time.monotonic() + patience
            grace = min(grace, patience - _LEAST_TIME_TO_KILL)
            self._sweep(grace, patience - grace)
            detail = f"stopped after {after} ({signal_name(stop.signal)} received)"
            return stopped("cancelled", self._child.exit_code, detail)
        self._sweep(grace, self._hard)
        limit = units.format_duration(timeout) if timeout is not None else after
        return stopped("timeout", self._child.exit_code, f"stopped after {limit} (timeout)")

    def _sweep(self, grace: float, hard: float) -> None:
        left = stop_tree(
            self._tree, grace=grace, hard=hard, main_ended=lambda: self._child.ended, outlived=self._outlived
        )
        # The system lets the waiting thread know a little later than it removes the process.
        self._child.wait(_TICK if left else self._patience())
        if left:
            self._survivors = "; could not be stopped: " + ", ".join(str(member) for member in left[:20])

    def _patience(self) -> float:
        """How long to wait for the end of an output that nobody should hold any more."""
        if self._patience_ends is None:
            return _READER_PATIENCE
        return max(0.05, self._patience_ends - time.monotonic())
