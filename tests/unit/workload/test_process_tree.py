from __future__ import annotations

from collections.abc import Iterable

from soak_action.workload.process_tree import Member, Outlived, stop_tree

SLEEP = Member(1, 10.0, "sleep")
DEAF = Member(2, 10.0, "deaf")
UNDEAD = Member(3, 10.0, "undead")


class Tree:
    """Processes that end when they are asked, or killed, or never."""

    peak_rss_bytes = 0

    def __init__(self, *members: Member) -> None:
        self.living = list(members)
        self.asked: list[Member] = []
        self.killed: list[Member] = []

    def started(self, main: int) -> None: ...
    def close(self) -> None: ...
    def observe(self) -> None: ...

    def present(self) -> list[Member]:
        return self.members()

    def members(self) -> list[Member]:
        return list(self.living)

    def ask(self, members: Iterable[Member]) -> None:
        for member in members:
            self.asked.append(member)
            if member.name == "sleep":
                self.living.remove(member)

    def kill(self, members: Iterable[Member]) -> None:
        for member in members:
            self.killed.append(member)
            if member.name != "undead":
                self.living.remove(member)


def test_nobody_is_there() -> None:
    tree, outlived = Tree(), Outlived()
    assert stop_tree(tree, grace=60, hard=60, main_ended=lambda: True, outlived=outlived) == []
    assert (tree.asked, tree.killed, outlived.names()) == ([], [], ())


def test_who_listens_is_not_killed() -> None:
    tree, outlived = Tree(SLEEP), Outlived()
    assert stop_tree(tree, grace=60, hard=60, main_ended=lambda: True, outlived=outlived) == []
    assert (tree.asked, tree.killed, outlived.names()) == ([SLEEP], [], ("sleep (pid 1)",))


def test_who_does_not_listen_is_asked_once_and_killed() -> None:
    tree, outlived = Tree(SLEEP, DEAF), Outlived()
    assert stop_tree(tree, grace=0.2, hard=60, main_ended=lambda: False, outlived=outlived) == []
    assert (tree.asked, tree.killed, outlived.names()) == ([SLEEP, DEAF], [DEAF], ())


def test_no_grace_asks_nobody() -> None:
    tree = Tree(SLEEP)
    assert stop_tree(tree, grace=0, hard=60, main_ended=lambda: True, outlived=Outlived()) == []
    assert (tree.asked, tree.killed) == ([], [SLEEP])


def test_who_cannot_be_killed_is_returned() -> None:
    tree = Tree(SLEEP, UNDEAD)
    assert stop_tree(tree, grace=0, hard=0.1, main_ended=lambda: True, outlived=Outlived()) == [UNDEAD]
    assert set(tree.killed) == {SLEEP, UNDEAD}
    assert tree.killed.count(UNDEAD) > 1


def test_at_most_twenty_names() -> None:
    outlived = Outlived()
    outlived.note(Member(pid, 1.0, "a") for pid in range(20))
    outlived.note([Member(19, 1.0, "a")])
    assert len(outlived.names()) == 20
    outlived.note([Member(19, 2.0, "a"), Member(20, 1.0, "b")])
    assert outlived.names()[19:] == ("a (pid 19)", "and 2 more")
