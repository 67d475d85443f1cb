"""The GDI and USER objects of a process."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

from soak_action.workload.portable_usage import PortableReader
from soak_action.workload.windows_gui import GDI, USER, objects_of

# Makes menus, prints a line, and waits to be ended.
MENUS = """
import ctypes, sys
menus = [ctypes.windll.user32.CreateMenu() for _ in range(50)]
print(len(menus), flush=True)
sys.stdin.read()
"""


IS_WINE = hasattr(ctypes.WinDLL("ntdll"), "wine_get_version")


@pytest.mark.skipif(IS_WINE, reason="Wine does not count them")
@pytest.mark.parametrize("kind", [GDI, USER])
def test_the_objects_of_a_living_process_are_counted(kind: int) -> None:
    assert objects_of(os.getpid(), kind) >= 0


@pytest.mark.skipif(not IS_WINE, reason="Windows counts them")
@pytest.mark.parametrize("kind", [GDI, USER])
def test_a_system_that_does_not_count_them_is_not_taken_for_zero(kind: int) -> None:
    with pytest.raises(OSError, match="120"):
        objects_of(os.getpid(), kind)


@pytest.mark.skipif(IS_WINE, reason="Wine does not count them")
def test_menus_count_as_user_objects() -> None:
    command = [sys.executable, "-S", "-c", MENUS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"50"
        found = objects_of(process.pid, USER)
        process.communicate()
    assert found >= 50


def test_of_a_process_that_is_gone_nothing_is_told() -> None:
    with pytest.raises(OSError, match="."):
        objects_of(0x7FFFFFFC, GDI)


def test_the_reader_has_them_and_what_is_refused_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = PortableReader()
    me = reader.member(os.getpid())
    assert me is not None
    usage = reader.read(me, uss=False)
    assert usage is not None
    assert {"io_read_mib", "io_write_mib"} <= usage.figures.keys()
    both = {"gdi_objects", "user_objects"}
    assert both <= usage.refused if IS_WINE else both <= usage.figures.keys()
    monkeypatch.setattr("soak_action.workload.windows_gui.objects_of", lambda _, kind: 7.0 + kind)
    usage = reader.read(me, uss=False)
    assert usage is not None
    assert (usage.figures["gdi_objects"], usage.figures["user_objects"]) == (7, 8)
