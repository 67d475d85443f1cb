from __future__ import annotations

import sys
from pathlib import Path

import pytest

from soak_action.workload.memory_kills import MemoryKills, counts_file, out_of_memory, read_kills, since_now

MOUNTS_2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
MOUNTS_1 = """\
31 23 0:28 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
"""
GROUPS_1 = "4:memory:/user/soak\n1:cpu:/\n0::/\n"


@pytest.mark.parametrize(
    ("before", "after", "answer"),
    [
        (MemoryKills(0, 0), MemoryKills(1, 1), True),
        (MemoryKills(3, None), MemoryKills(4, None), True),
        (MemoryKills(3, 7), MemoryKills(3, 7), False),
        (MemoryKills(None, 7), MemoryKills(None, 7), False),
        # Somebody was killed, but in another group: perhaps one that the workload had moved to.
        (MemoryKills(3, 7), MemoryKills(3, 8), None),
        (MemoryKills(None, 7), MemoryKills(None, 8), None),
        (MemoryKills(3, None), MemoryKills(3, None), None),
        (MemoryKills(None, None), MemoryKills(None, None), None),
        (MemoryKills(None, None), MemoryKills(4, 4), None),
        (MemoryKills(3, None), MemoryKills(None, None), None),
    ],
)
def test_only_a_count_of_ours_that_rose_is_a_yes_and_only_none_anywhere_is_a_no_trap_53(
    before: MemoryKills, after: MemoryKills, answer: bool | None
) -> None:
    assert out_of_memory(before, after) is answer


@pytest.mark.parametrize(
    ("groups", "mounts", "file"),
    [
        ("0::/system.slice/runner.service\n", MOUNTS_2, "/sys/fs/cgroup/system.slice/runner.service/memory.events"),
        ("0::/\n", MOUNTS_2, "/sys/fs/cgroup/memory.events"),
        (GROUPS_1, MOUNTS_1, "/sys/fs/cgroup/memory/user/soak/memory.oom_control"),
        ("9:cpu,memory:/x\n", "1 2 0:3 / /c rw - cgroup cgroup rw,cpu,memory\n", "/c/x/memory.oom_control"),
        # A container sees its own part of the tree at the place of the whole.
        (
            "4:memory:/docker/ab\n",
            MOUNTS_1.replace("0:32 /", "0:32 /docker/ab"),
            "/sys/fs/cgroup/memory/memory.oom_control",
        ),
        ("4:memory:/elsewhere\n", MOUNTS_1.replace("0:32 /", "0:32 /docker/ab"), None),
        ("0::/../outside\n", MOUNTS_2, None),
        ("0::/a:b c\n", MOUNTS_2.replace(" / /sys", " / /my\\040sys"), "/my sys/fs/cgroup/a:b c/memory.events"),
        ("1:cpu:/\n", MOUNTS_1, None),
        (GROUPS_1, "31 23 0:28 / /x rw - tmpfs tmpfs rw\nnonsense\n - \n", None),
        ("", "", None),
        ("nonsense\n", "nonsense\n", None),
    ],
)
def test_the_counts_of_a_group_are_found(groups: str, mounts: str, file: str | None) -> None:
    assert counts_file(groups, mounts) == file


def machine(root: Path, own: str, everywhere: str) -> Path:
    group = root / "sys/fs/cgroup/my.slice"
    (root / "proc/self").mkdir(parents=True)
    group.mkdir(parents=True)
    (root / "proc/self/cgroup").write_text("0::/my.slice\n")
    (root / "proc/self/mountinfo").write_text(MOUNTS_2)
    (root / "proc/vmstat").write_text(everywhere)
    (group / "memory.events").write_text(own)
    return group / "memory.events"


def test_both_counts_are_read_and_compared(tmp_path: Path) -> None:
    events = machine(tmp_path, "low 0\noom 5\noom_kill 2\noom_group_kill 0\n", "nr_free_pages 9\noom_kill 3\n")
    assert read_kills(tmp_path) == MemoryKills(2, 3)
    killed = since_now(tmp_path)
    assert killed() is False
    events.write_text("oom 6\noom_kill 3\n")
    assert killed() is True


@pytest.mark.parametrize("text", ["", "oom 5\n", "oom_kill\n", "oom_kill x\n", "oom_kill -1\n", "\xff\n"])
def test_a_count_that_cannot_be_read_is_unknown(tmp_path: Path, text: str) -> None:
    machine(tmp_path, text, text)
    assert read_kills(tmp_path) == MemoryKills(None, None)
    assert since_now(tmp_path)() is None


def test_a_system_without_such_counts(tmp_path: Path) -> None:
    assert read_kills(tmp_path) == MemoryKills(None, None)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts them")
def test_this_machine_counts() -> None:
    kills = read_kills()
    assert kills.anywhere is None or kills.anywhere >= (kills.here or 0)
