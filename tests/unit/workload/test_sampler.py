from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

from soak_action.workload.process_tree import Member
from soak_action.workload.sampler import Sampler, due, following, wants_uss
from soak_action.workload.usage import Usage

MAIN = Member(1, 10.0, "main")
CHILD = Member(2, 11.0, "child")
LATER = Member(2, 12.0, "later")


class World:
    """A clock that stands still unless somebody waits or reads, and processes that are there from one time to another.

    It is the tree, the reader and the wait of a sampler in one.
    """

    peak_rss_bytes = 0
    lacks: Mapping[str, str] = {}

    def __init__(self, lives: Mapping[Member, tuple[float, float]], ends: float, takes: float = 0.0) -> None:
        self.lives, self.ends, self.takes = lives, ends, takes
        self.now = 1000.0
        self.sampled: list[float] = []
        self.searched: list[float] = []
        self.uss: list[float] = []
        self.forgotten: list[Member] = []
        self.broken: OSError | None = None

    def clock(self) -> float:
        return self.now

    @property
    def elapsed(self) -> float:
        return self.now - 1000.0

    def wait(self, seconds: float) -> bool:
        assert seconds >= 0
        if self.elapsed + seconds >= self.ends:
            self.now = 1000.0 + self.ends
            return True
        self.now += seconds
        return False

    def is_there(self, member: Member) -> bool:
        begins, ends = self.lives[member]
        return begins <= self.elapsed < ends

    def started(self, main: int) -> None: ...
    def close(self) -> None: ...
    def observe(self) -> None: ...
    def ask(self, members: Iterable[Member]) -> None: ...
    def kill(self, members: Iterable[Member]) -> None: ...

    def members(self) -> list[Member]:
        raise AssertionError("that is for stopping")

    def present(self) -> list[Member]:
        if self.broken is not None:
            raise self.broken
        self.searched.append(self.elapsed)
        return [member for member in self.lives if self.is_there(member)]

    def member(self, pid: int) -> Member | None:
        return next((member for member in self.lives if member.pid == pid and self.is_there(member)), None)

    def read(self, member: Member, *, uss: bool) -> Usage | None:
        if member.pid == 1:
            self.sampled.append(self.elapsed)
            if uss:
                self.uss.append(self.elapsed)
        self.now += self.takes
        if not self.is_there(member):
            return None
        return Usage({"rss_mib": 10.0 * member.started, "cpu_seconds": self.elapsed - self.lives[member][0]})

    def forget(self, member: Member) -> None:
        self.forgotten.append(member)


def sampled(world: World, interval: float = 1.0) -> Sampler:
    sampler = Sampler(interval, world, world.clock)
    sampler.begin(world, 1)
    sampler.go_on(1000.0, world.wait)
    return sampler


def test_the_first_interval_is_divided_and_the_others_are_whole() -> None:
    assert [due(2.0, number) for number in range(8)] == [0, 0.125, 0.25, 0.5, 1, 2, 4, 6]


@pytest.mark.parametrize(
    ("number", "elapsed", "later"),
    [(0, 0.0, 1), (0, 0.07, 2), (0, 0.6, 5), (4, 0.5, 5), (5, 1.0, 6), (5, 1.99, 6), (5, 2.0, 7), (5, 9.5, 14)],
)
def test_a_sample_whose_time_has_passed_is_left_out(number: int, elapsed: float, later: int) -> None:
    assert following(1.0, number, elapsed) == later


def test_what_is_expensive_is_read_often_at_first_and_then_every_tenth_time() -> None:
    assert [number for number in range(60) if wants_uss(number)] == [0, 1, 2, 4, 8, 10, 16, 20, 30, 32, 40, 50]


def test_samples_lie_at_fixed_times_however_long_they_take() -> None:
    world = World({MAIN: (0, 99)}, ends=6.5, takes=0.03)
    sampler = sampled(world)
    assert [round(moment, 6) for moment in world.sampled] == [0, 0.0625, 0.125, 0.25, 0.5, 1, 2, 3, 4, 5, 6]
    assert (sampler.cost.samples, sampler.cost.late) == (11, 0)
    assert sampler.cost.seconds == pytest.approx(11 * 0.03)


def test_a_sample_that_takes_too_long_costs_those_after_it_and_is_counted() -> None:
    world = World({MAIN: (0, 99)}, ends=9.9, takes=2.5)
    sampler = sampled(world)
    assert [round(moment, 6) for moment in world.sampled] == [0, 3, 6, 9]
    assert sampler.cost.late == 6 + 2 + 2 + 2


def test_new_processes_are_searched_for_often_at_first_and_then_every_five_seconds() -> None:
    world = World({MAIN: (0, 99)}, ends=24.5)
    sampler = sampled(world)
    assert world.searched == [0.0625, 0.125, 0.25, 0.5, 1, 2, 4, 8, 13, 18, 23]
    assert sampler.cost.discoveries == 11


def test_a_process_is_read_from_its_discovery_to_its_end() -> None:
    world = World({MAIN: (0, 99), CHILD: (0.2, 6.5)}, ends=9.5)
    sampler = sampled(world)
    assert sampler.totals.highest == {"rss_mib": 210, "cpu_seconds": pytest.approx(9 + 5.8), "children": 1}
    assert (sampler.cost.processes, sampler.cost.gone) == (2, 1)
    assert world.forgotten == [CHILD]


def test_a_process_that_is_never_there_when_somebody_looks_is_not_seen() -> None:
    world = World({MAIN: (0, 99), CHILD: (4.5, 7.5)}, ends=9.5)
    assert sampled(world).totals.highest["children"] == 0


def test_a_later_process_with_the_same_pid_is_another_one() -> None:
    world = World({MAIN: (0, 99), CHILD: (0.2, 1.5), LATER: (1.6, 99)}, ends=4.5)
    sampler = sampled(world)
    assert sampler.totals.highest["cpu_seconds"] == pytest.approx(4 + 0.8 + 2.4)
    assert (sampler.cost.processes, sampler.cost.gone) == (3, 1)


def test_a_process_that_exits_between_discovery_and_read_is_counted_and_no_zero() -> None:
    world = World({MAIN: (0, 99), CHILD: (1.0, 1.001)}, ends=1.5, takes=0.002)
    sampler = sampled(world)
    assert (sampler.cost.processes, sampler.cost.gone) == (2, 1)
    assert (sampler.totals.highest["children"], sampler.totals.highest["rss_mib"]) == (0, 100)


def test_a_main_process_that_is_gone_at_once_leaves_no_value() -> None:
    world = World({MAIN: (0, 0)}, ends=0.01)
    sampler = sampled(world)
    assert sampler.totals.highest == {}
    assert (sampler.cost.samples, sampler.cost.processes) == (1, 0)


def test_when_the_system_cannot_be_asked_sampling_ends_with_the_reason() -> None:
    world = World({MAIN: (0, 99)}, ends=9)
    world.broken = OSError(24, "Too many open files")
    sampler = sampled(world)
    assert sampler.failure == "the system could not be asked: Too many open files"
    assert sampler.cost.samples == 1
    assert world.now == 1000.0625


def test_watching_takes_a_sample_at_the_start_and_one_at_the_end() -> None:
    world = World({MAIN: (0, 99), CHILD: (0, 99)}, ends=0)
    sampler = Sampler(3600.0, world, world.clock)
    with sampler.watch(world, 1):
        assert sampler.totals.highest["rss_mib"] == 100
    assert sampler.failure is None
    assert sampler.totals.highest["rss_mib"] == 210
    assert (sampler.cost.samples, sampler.cost.uss_samples, sampler.cost.discoveries) == (2, 2, 1)


def test_samples_that_do_not_come_to_an_end_are_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World({MAIN: (0, 99)}, ends=0)
    sampler = Sampler(3600.0, world, world.clock)
    monkeypatch.setattr(sampler, "go_on", lambda *_: None)
    with sampler.watch(world, 1):
        pass
    assert sampler.failure == "the last sample did not come to its end"
    assert sampler.cost.samples == 1


def test_samples_that_broke_off_are_not_taken_up_again() -> None:
    world = World({MAIN: (0, 99)}, ends=0)
    sampler = Sampler(3600.0, world, world.clock)
    with sampler.watch(world, 1):
        sampler.failure = "broken"
    assert (sampler.failure, sampler.cost.samples) == ("broken", 1)


def test_of_a_tree_that_was_running_only_what_it_uses_from_now_on_counts() -> None:
    world = World({MAIN: (0, 99), CHILD: (0.2, 99)}, ends=0)
    world.now = 1004.0
    sampler = Sampler(3600.0, world, world.clock)
    with sampler.watch(world, 1, running=lambda: 1):
        assert (sampler.cost.samples, sampler.cost.discoveries, sampler.cost.processes) == (1, 0, 2)
        world.now = 1010.0
    assert sampler.began == 1004.0
    assert sampler.totals.highest["cpu_seconds"] == pytest.approx(6 + 6)
    assert sampler.totals.highest["rss_mib"] == 210
    assert [bucket.begins for bucket in sampler.series.buckets] == [1004.0, 1010.0]
    assert (sampler.failure, sampler.cost.gone) == (None, 0)


def test_the_main_process_of_a_service_that_was_started_again_is_none_of_its_children() -> None:
    again = Member(7, 2.0, "service")
    world = World({MAIN: (-60, 1.5), CHILD: (-60, 1.5), again: (2, 99)}, ends=9)
    sampler = Sampler(1.0, world, world.clock)
    sampler.begin(world, 1, running=lambda: 7 if world.elapsed >= 2 else 1)
    assert sampler.totals.highest["children"] == 1
    world.lives = {**world.lives, CHILD: (-60, 0)}  # so that none is left but the main processes
    sampler.totals.highest.clear()
    sampler.go_on(world.now, world.wait)
    assert (sampler.cost.processes, sampler.totals.highest["children"]) == (3, 0)


def test_of_a_new_tree_all_that_it_used_counts() -> None:
    world = World({MAIN: (0, 99)}, ends=0)
    world.now = 1004.0
    sampler = Sampler(3600.0, world, world.clock)
    with sampler.watch(world, 1):
        world.now = 1010.0
    assert sampler.totals.highest["cpu_seconds"] == pytest.approx(10)


def test_a_running_tree_that_is_gone_is_no_failure() -> None:
    world = World({MAIN: (-60, -1)}, ends=2.5)
    sampler = Sampler(1.0, world, world.clock)
    sampler.begin(world, 1, running=lambda: 1)
    assert sampler.failure is None
