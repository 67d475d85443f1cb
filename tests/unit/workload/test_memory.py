from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from soak_action.workload.memory import PeakMemory, high_water_bytes, own_peak_bytes, reported_bytes

MIB = 1 << 20


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (b"Name:\ta\nVmPeak:\t    9000 kB\nVmHWM:\t    2048 kB\nVmRSS:\t 10 kB\n", 2 * MIB),
        (b"Name:\ta\nState:\tZ (zombie)\n", None),
        (b"", None),
    ],
)
def test_the_high_water_mark(status: bytes, expected: int | None) -> None:
    assert high_water_bytes(status) == expected


@pytest.mark.parametrize(
    ("inherited", "seen", "reported", "orphans", "expected"),
    [
        (40, 2, 50, 0, 50.0),  # larger than what was inherited: exact
        (40, 2, 40, 0, 2.0),  # inherited: what was seen
        (40, None, 40, 0, 40.0),  # inherited and never seen: an upper bound
        (40, 2, 40, 7, 7.0),  # an orphan was larger
        (40, 2, 50, 7, 50.0),
        (40, 2, None, 0, 2.0),  # the status was lost
        (40, None, None, 7, None),
        (0, None, 3, 0, 3.0),  # a system that inherits nothing
    ],
)
def test_which_figure_counts(
    inherited: int, seen: int | None, reported: int | None, orphans: int, expected: float | None
) -> None:
    memory = PeakMemory()
    memory._inherited = inherited * MIB
    memory._seen = None if seen is None else seen * MIB
    assert memory.mib(None if reported is None else reported * MIB, orphans * MIB) == expected


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_watching_a_process_until_after_its_end() -> None:
    memory = PeakMemory()
    with subprocess.Popen(
        [sys.executable, "-S", "-c", "print(1, flush=True); input()"], stdin=-1, stdout=-1
    ) as process:
        assert process.stdout is not None
        memory.watch(process.pid)
        process.stdout.readline()
        memory.observe()
        process.communicate(b"\n")
    seen = memory._seen
    assert seen is not None
    assert MIB < seen < 100 * MIB
    memory.observe()
    assert memory._seen == seen
    memory.close()
    memory.close()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_that_is_gone_is_not_watched() -> None:
    memory = PeakMemory()
    with subprocess.Popen(["true"]) as process:
        process.wait()
    memory.watch(process.pid)
    memory.observe()
    assert memory._seen is None
    memory.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the unit is that of Linux")
def test_our_own_peak_agrees_with_the_kernel() -> None:
    mark = high_water_bytes(Path("/proc/self/status").read_bytes())
    assert mark is not None
    assert own_peak_bytes() >= mark // 2
    assert reported_bytes(1024) == MIB
