from __future__ import annotations

import subprocess
import sys
import time

import pytest

if sys.platform == "win32":
    pytest.skip("Windows keeps a workload in a job", allow_module_level=True)

from soak_action.workload.portable_tree import PortableTree
from soak_action.workload.process_tree import Outlived, stop_tree


def wait_for(tree: PortableTree, count: int) -> list[str]:
    deadline = time.monotonic() + 60
    names: list[str] = []
    while time.monotonic() < deadline:
        names = sorted(member.name for member in tree.members())
        if len(names) == count and "sh" not in names[1:]:
            return names
        time.sleep(0.01)
    raise AssertionError(names)


def test_the_whole_group_is_found_and_stopped() -> None:
    with subprocess.Popen(["/bin/sh", "-c", "(sleep 600 &); sleep 600; true"], start_new_session=True) as main:
        tree = PortableTree()
        tree.started(main.pid)
        assert wait_for(tree, 3) == ["sh", "sleep", "sleep"]
        assert stop_tree(tree, grace=30, hard=30, main_ended=lambda: False, outlived=Outlived()) == []
        assert tree.members() == []
        tree.close()


def test_a_group_without_its_leader_is_found() -> None:
    with subprocess.Popen(["/bin/sh", "-c", "trap '' TERM; sleep 600 & sleep 0.5"], start_new_session=True) as main:
        tree, outlived = PortableTree(), Outlived()
        tree.started(main.pid)
        main.wait()
        assert stop_tree(tree, grace=0.1, hard=30, main_ended=lambda: True, outlived=outlived) == []
        assert [name.split()[0] for name in outlived.names()] == ["sleep"]


def test_who_left_the_group_is_known_if_it_was_seen_before() -> None:
    text = "import subprocess, time; subprocess.Popen(['sleep', '600'], start_new_session=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-S", "-c", text], start_new_session=True) as main:
        tree = PortableTree()
        tree.started(main.pid)
        deadline = time.monotonic() + 60
        while len(tree._known) < 2 and time.monotonic() < deadline:
            tree.observe()
            tree._next_look = 0.0
        main.kill()
        main.wait()
        tree.observe()
        assert len(stop_tree(tree, grace=0, hard=0, main_ended=lambda: True, outlived=Outlived())) == 1
        assert stop_tree(tree, grace=30, hard=30, main_ended=lambda: True, outlived=Outlived()) == []


def test_a_process_that_is_gone() -> None:
    with subprocess.Popen(["true"], start_new_session=True) as main:
        main.wait()
        tree = PortableTree()
        tree.started(main.pid)
        tree.observe()
        tree.observe()
        assert tree.members() == []
        tree.close()


def test_who_is_present_is_told_and_nothing_is_remembered() -> None:
    with subprocess.Popen(["/bin/sh", "-c", "sleep 600; true"], start_new_session=True) as main:
        tree = PortableTree()
        tree.started(main.pid)
        deadline = time.monotonic() + 60
        while sorted(member.name for member in tree.present()) != ["sh", "sleep"]:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        assert tree._known == {}
        assert stop_tree(tree, grace=30, hard=30, main_ended=lambda: False, outlived=Outlived()) == []
        assert tree.present() == []
