"""Looks at the workload's processes while they run: a thread that wakes up at times fixed from the start."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Lock, Thread

from soak_action.evidence.buckets import Series
from soak_action.workload.process_tree import Member, Present
from soak_action.workload.resource_totals import Identity, Totals
from soak_action.workload.usage import Reader, Usage

# A short iteration ends before the first interval does, so that one is divided.
_EARLY = (1 / 16, 1 / 8, 1 / 4, 1 / 2)
_DISCOVER_EVERY = 5.0
_USS_EVERY = 10
_PATIENCE = 2.0
_STUCK = "the last sample did not come to its end"


def due(interval: float, number: int) -> float:
    """Return when sample `number` is to be taken, in seconds after the first one, which has the number 0."""
    if number <= len(_EARLY):
        return interval * _EARLY[number - 1] if number else 0.0
    return interval * (number - len(_EARLY))


def following(interval: float, number: int, elapsed: float) -> int:
    """Return the sample after `number` whose time has not passed yet; those in between are left out."""
    later = max(number + 1, int(elapsed / interval) + len(_EARLY)) if elapsed >= interval else number + 1
    while due(interval, later) <= elapsed:
        later += 1
    return later


def wants_uss(number: int) -> bool:
    """Whether a sample reads what nobody shares: every tenth does, and at first those that are a power of two."""
    return number % _USS_EVERY == 0 or number & (number - 1) == 0


@dataclass
class Cost:
    """What the sampling itself came to."""

    samples: int = 0
    late: int = 0
    uss_samples: int = 0
    discoveries: int = 0
    processes: int = 0
    gone: int = 0
    seconds: float = 0.0


class Sampler:
    """The samples of one iteration since `began`, by its clock; `failure` says why they are not whole."""

    def __init__(self, interval: float, reader: Reader, clock: Callable[[], float] = time.monotonic) -> None:
        self.interval = interval
        self.reader = reader
        self.totals = Totals()
        self.cost = Cost()
        self.series = Series()
        self.failure: str | None = None
        self.began = clock()
        self._clock = clock
        # No result is read while a sample that hung is added to it.
        self._adding = Lock()
        self._closed = False
        self._tree: Present | None = None
        self._running: Callable[[], int] | None = None
        self._main: Identity = (0, 0.0)
        self._known: dict[Identity, Member] = {}
        self._next_discovery = 0.0
        self._ended = False

    @contextmanager
    def watch(self, tree: Present, main: int, *, running: Callable[[], int] | None = None) -> Iterator[None]:
        """Sample the main process now, the tree in a thread of its own, and who is left of it at the end.

        Of a tree that was running before, all processes are sampled now, and what they used before does not count.
        `running` tells which process is its main one, because another may take its place while it is watched.
        """
        self.begin(tree, main, running=running)
        began = self._clock()
        stop = Event()
        thread = Thread(target=self.go_on, args=(began, stop.wait), name="soak-sampler", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(_PATIENCE)
        if not self._ended:
            with self._adding:
                self._closed = True
            self.failure = _STUCK
        elif self.failure is None:
            self._take(discover=True, uss=True)

    def begin(self, tree: Present, main: int, *, running: Callable[[], int] | None = None) -> None:
        """Take the first sample; unless the tree was `running`, nobody but the main process can be there yet."""
        self._tree, self._running = tree, running
        self.began = self._clock()
        member = self.reader.member(main)
        if member is not None:
            self._main = (member.pid, member.started)
            self._meet(member)
        self._take(discover=running is not None, uss=True)
        if running is not None:
            self.totals, self.series, self.cost = self.totals.next(), Series(), Cost(processes=len(self._known))
            self._take(discover=False, uss=True)

    def go_on(self, began: float, wait: Callable[[float], bool]) -> None:
        """Take sample after sample until `wait`, which sleeps for so many seconds, says that it is over."""
        number = 0
        while self.failure is None:
            later = following(self.interval, number, self._clock() - began)
            self.cost.late += later - number - 1
            number = later
            if wait(max(0.0, began + due(self.interval, number) - self._clock())):
                break
            offset = due(self.interval, number)
            discover = offset >= self._next_discovery
            if discover:
                # A new workload starts its processes soon: look again when it has run for as long again.
                self._next_discovery = offset + min(offset, _DISCOVER_EVERY)
            self._take(discover=discover, uss=wants_uss(number))
        self._ended = True

    def _take(self, *, discover: bool, uss: bool) -> None:
        began = self._clock()
        try:
            self._sample(discover=discover, uss=uss)
        except OSError as error:
            self.failure = f"the system could not be asked: {error.strerror or error}"
        self.cost.seconds += self._clock() - began

    def _sample(self, *, discover: bool, uss: bool) -> None:
        moment = self._clock()
        if discover and self._tree is not None:
            for member in self._tree.present():
                self._meet(member)
            self.cost.discoveries += 1
        usages: dict[Identity, Usage] = {}
        gone = []
        for identity, member in list(self._known.items()):
            usage = self.reader.read(member, uss=uss)
            if usage is None:
                self.reader.forget(self._known.pop(identity))
                gone.append(identity)
            else:
                usages[identity] = usage
        with self._adding:
            if not self._closed:
                self._add(moment, usages, gone)
                self.cost.uss_samples += uss

    def _add(self, moment: float, usages: Mapping[Identity, Usage], gone: Sequence[Identity]) -> None:
        for identity in gone:
            self.totals.end(identity)
        self.cost.gone += len(gone)
        self.series.add(moment, self.totals.add(usages, self._main))
        self.cost.samples += 1

    def _meet(self, member: Member) -> None:
        identity = (member.pid, member.started)
        if identity not in self._known:
            self._known[identity] = member
            self.cost.processes += 1
            if self._running is not None and self._running() == member.pid:
                self._main = identity
