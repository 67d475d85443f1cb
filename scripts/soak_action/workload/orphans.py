"""What a killed soak left running of its workload, found again by the mark in the environment and stopped."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

_LOOKS = 5


def stop_orphans(mark: str, *, grace: float = 4.0, hard: float = 5.0) -> list[str]:
    """Ask every process that carries `mark` in SOAK_RUN_MARK to end, after `grace` seconds kill it; return who is left.

    What a mark begins with, up to a slash, stands for all of these marks. A process that hides its environment from
    this user cannot be found.
    """
    import psutil

    left: list[psutil.Process] = []
    # Who was not there yet at the first look, because it was just being started, is there at the next one.
    for _ in range(_LOOKS):
        found = [process for process in psutil.process_iter() if is_marked(_mark_of(process), mark)]
        if not found:
            return []
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.terminate()
        _, stubborn = psutil.wait_procs(found, timeout=grace)
        for process in stubborn:
            with contextlib.suppress(psutil.Error):
                process.kill()
        _, left = psutil.wait_procs(stubborn, timeout=hard)
    return [f"pid {process.pid}" for process in left]


def is_marked(found: str | None, mark: str) -> bool:
    """Whether what a process carries is `mark`, or a mark below it."""
    return found is not None and f"{found}/".startswith(f"{mark}/")


def _mark_of(process: psutil.Process) -> str | None:
    import psutil

    try:
        mark: str | None = process.environ().get("SOAK_RUN_MARK")
    except (psutil.Error, OSError):
        return None
    return mark
