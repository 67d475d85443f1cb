from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

if sys.platform != "linux":
    pytest.skip("reads Linux' /proc", allow_module_level=True)

from soak_action.workload.linux_tree import LinuxTree
from soak_action.workload.proc import read_stat
from soak_action.workload.process_tree import Outlived, stop_tree


@contextmanager
def workload(mark: str, text: str) -> Iterator[tuple[LinuxTree, subprocess.Popen[bytes]]]:
    tree = LinuxTree(mark)
    environment = {"PATH": os.environ["PATH"], "SOAK_RUN_MARK": mark}
    with subprocess.Popen(["/bin/sh", "-c", text], env=environment, start_new_session=True) as main:
        tree.started(main.pid)
        try:
            yield tree, main
        finally:
            stop_tree(tree, grace=0, hard=30, main_ended=lambda: False, outlived=Outlived())
            tree.close()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def names(tree: LinuxTree) -> list[str]:
    return [member.name for member in tree.members()]


def test_parents_come_before_their_children() -> None:
    with workload("family", "sh -c 'sleep 600; true' & wait") as (tree, main):
        until(lambda: names(tree) == ["sh", "sh", "sleep"])
        members = tree.members()
        assert members[0].pid == main.pid
        assert members == tree.members()


def test_the_mark_alone_is_enough() -> None:
    # The second tree's workload starts a process with the first one's mark: no session and no parent tells of it.
    tree = LinuxTree("marked")
    try:
        assert tree.members() == []
        with workload("other", "SOAK_RUN_MARK=marked setsid sleep 600; true") as (other, _):
            until(lambda: names(tree) == ["sleep"])
            assert sorted(names(other)) == ["sh", "sleep"]
            assert stop_tree(tree, grace=30, hard=30, main_ended=lambda: False, outlived=Outlived()) == []
    finally:
        tree.close()


def test_a_mark_that_only_begins_alike_is_another() -> None:
    tree = LinuxTree("mark")
    try:
        with workload("other", "SOAK_RUN_MARK=mark2 setsid sleep 600; true") as (other, _):
            until(lambda: sorted(names(other)) == ["sh", "sleep"])
            assert tree.members() == []
    finally:
        tree.close()


def test_orphans_of_two_workloads_are_told_apart() -> None:
    text = "(setsid sleep 600 &) ; sleep 600"
    with workload("one", text) as (one, main_one), workload("two", text) as (two, main_two):
        until(lambda: names(one) == ["sh", "sleep", "sleep"] and names(two) == ["sh", "sleep", "sleep"])
        of_one = {member.pid for member in one.members()}
        of_two = {member.pid for member in two.members()}
        assert main_one.pid in of_one
        assert main_two.pid in of_two
        assert not of_one & of_two


def test_dead_orphans_are_reaped_and_measured() -> None:
    with workload("dead", "(setsid true &) ; exec sleep 600") as (tree, main):
        until(lambda: names(tree) == ["sleep"] and tree.peak_rss_bytes > 0)
        assert main.poll() is None


def test_the_main_process_is_left_to_who_waits_for_it() -> None:
    with workload("main", "exit 3") as (tree, main):
        until(lambda: tree.members() == [])
        assert tree.members() == []
        assert main.wait() == 3


def test_older_children_do_not_belong() -> None:
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as older:
        with workload("younger", "exec sleep 600") as (tree, main):
            until(lambda: names(tree) == ["sleep"])
            assert [member.pid for member in tree.members()] == [main.pid]
        assert older.poll() is None
        older.kill()


def test_a_child_of_the_same_tick_does_not_belong() -> None:
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as older:
        stat = read_stat(older.pid, 0)
        assert stat is not None
        tree = LinuxTree("tick")
        tree._since = stat.started - 1
        assert tree.members() == []
        tree._older = frozenset()
        assert [member.pid for member in tree.members()] == [older.pid]
        tree.close()
        older.kill()


def test_a_stopped_process_is_woken_to_end_by_itself() -> None:
    with workload("stopped", "trap 'exit 7' TERM; kill -STOP $$; while true; do sleep 0.01; done") as (tree, main):
        until(lambda: any(stat.state == b"T" for stat in tree._seen.values()) or not tree.members())
        tree.ask(tree.members())
        assert main.wait(60) == 7


def test_who_is_gone_meanwhile_is_no_error() -> None:
    with workload("gone", "exec sleep 600") as (tree, main):
        members = tree.members()
        os.kill(main.pid, signal.SIGKILL)
        main.wait()
        tree.ask(members)
        tree.kill(members)
        tree.observe()
        assert tree.members() == []


def test_who_is_present_is_told_and_the_dead_stay_where_they_are() -> None:
    with workload("present", "(exec sleep 0.01 &); exec sleep 600") as (tree, _):
        until(lambda: any(stat.dead for stat in tree._scan()[0]))
        until(lambda: [member.name for member in tree.present()] == ["sleep"])
        assert tree._seen == {}
        assert any(stat.dead for stat in tree._scan()[0])
        assert names(tree) == ["sleep"]
        assert not any(stat.dead for stat in tree._scan()[0])
