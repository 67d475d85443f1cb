from __future__ import annotations

import sys

import pytest

from soak_action.workload.outcome import KILLED_BY_SOAK, Ending, ending_of, memory_note, signal_name, stopped

posix = pytest.mark.skipif(sys.platform == "win32", reason="names POSIX signals")


@posix
@pytest.mark.parametrize(
    ("code", "ending"),
    [
        (0, Ending("ok", 0, None, "exited with 0")),
        (1, Ending("failed", 1, None, "exited with 1")),
        (126, Ending("failed", 126, None, "exited with 126: usually a command that cannot be executed")),
        (127, Ending("failed", 127, None, "exited with 127: usually a command that was not found")),
        (128, Ending("failed", 128, None, "exited with 128")),
        (130, Ending("failed", 130, None, "exited with 130: usually killed by SIGINT")),
        (137, Ending("failed", 137, None, "exited with 137: usually killed by SIGKILL, out of memory?")),
        (139, Ending("failed", 139, None, "exited with 139: usually killed by SIGSEGV, invalid memory access")),
        (143, Ending("failed", 143, None, "exited with 143: usually killed by SIGTERM")),
        (168, Ending("failed", 168, None, "exited with 168")),
        (255, Ending("failed", 255, None, "exited with 255")),
        (-9, Ending("crashed", None, "SIGKILL", "killed by SIGKILL (out of memory?)")),
        (-15, Ending("crashed", None, "SIGTERM", "killed by SIGTERM")),
        (-40, Ending("crashed", None, "signal 40", "killed by signal 40")),
        (None, Ending("crashed", None, None, "ended, but the system did not say how")),
    ],
)
def test_posix_ends_with_trap_53(code: int | None, ending: Ending) -> None:
    assert ending_of(code, windows=False) == ending


@posix
@pytest.mark.parametrize(
    ("code", "out_of_memory", "detail", "note"),
    [
        (-9, True, "killed by SIGKILL (out of memory)", False),
        (-9, False, "killed by SIGKILL (not out of memory)", False),
        (-9, None, "killed by SIGKILL (out of memory?)", False),
        (137, True, "exited with 137: usually killed by SIGKILL, out of memory", False),
        (137, False, "exited with 137: usually killed by SIGKILL, not out of memory", False),
        (-11, True, "killed by SIGSEGV (invalid memory access)", True),
        (-11, False, "killed by SIGSEGV (invalid memory access)", False),
        (0, True, "exited with 0", True),
        (1, True, "exited with 1", True),
        (1, False, "exited with 1", False),
        (1, None, "exited with 1", False),
    ],
)
def test_memory_is_a_cause_only_of_a_kill_trap_53(
    code: int, out_of_memory: bool | None, detail: str, note: bool
) -> None:
    ending = ending_of(code, windows=False, out_of_memory=out_of_memory)
    assert ending.detail == detail
    told = memory_note(ending, out_of_memory=out_of_memory)
    assert told == ("; meanwhile the kernel ended a process for lack of memory" if note else "")


@pytest.mark.parametrize(
    ("code", "ending"),
    [
        (0, Ending("ok", 0, None, "exited with 0")),
        (137, Ending("failed", 137, None, "exited with 137")),
        (0xBFFFFFFF, Ending("failed", 0xBFFFFFFF, None, "exited with 3221225471")),
        (0xC0000000, Ending("crashed", 0xC0000000, None, "crashed with 0xC0000000")),
        (0xC0000005, Ending("crashed", 0xC0000005, None, "crashed with 0xC0000005 (access violation)")),
        (-1073741819, Ending("crashed", 0xC0000005, None, "crashed with 0xC0000005 (access violation)")),
    ],
)
def test_windows_ends(code: int, ending: Ending) -> None:
    assert ending_of(code, windows=True) == ending


@posix
def test_names_of_signals() -> None:
    assert signal_name(2) == "SIGINT"
    assert signal_name(41) == "signal 41"


@pytest.mark.parametrize(
    ("code", "kept"), [(0, 0), (3, 3), (-15, None), (None, None), (KILLED_BY_SOAK, None), (0xC000013A, None)]
)
def test_what_soak_stopped(code: int | None, kept: int | None) -> None:
    assert stopped("timeout", code, "why") == Ending("timeout", kept, None, "why")
