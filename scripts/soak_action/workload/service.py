"""A service: started, made sure of, started again within its budget, and stopped when its segment ends."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Event, Lock, Thread

from soak_action import units
from soak_action.config.model import Service as Settings
from soak_action.evidence.service_conduct import how_it_ended
from soak_action.workload.process import Finished, Watch
from soak_action.workload.process_tree import Member, ProcessTree
from soak_action.workload.readiness import Probe
from soak_action.workload.stop import LinkedStop, StopRequest

_ASK_EVERY = 0.1
_SHORTEST_ASK = 1.0  # in less time not even a healthy service could answer
_NOTICED_AFTER = 0.1
_SOON = 0.01
_PAUSE_BEFORE_RESTART = 0.5
_HARD_SECONDS = 5.0
_LAST_ASK_SECONDS = 2.0

# Runs a start of the service, given its number, until it ends or the stop is requested; `Watch` sees its processes.
Launch = Callable[[int, StopRequest, Watch], Finished]


@dataclass(frozen=True)
class Ended:
    """The end of one start of the service, at `offset_seconds` of soak time; `ready`: whether it had become ready."""

    start: int
    offset_seconds: float
    ready: bool
    finished: Finished


class Service:
    """The service during one segment, seen to by a thread of its own.

    `gave_up` says why there is no service any more: it ended more often than is tolerated, or was not ready in time
    (then `not_ready` says so, too). Whoever waits is woken through `halt`.
    """

    def __init__(  # noqa: PLR0913 - what a service needs, each by name
        self,
        settings: Settings,
        launch: Launch,
        probe: Callable[[int, StopRequest], Probe | None],
        *,
        stop: StopRequest,
        halt: StopRequest,
        elapsed: Callable[[], float],
        starts: int = 0,
        exits: int = 0,
    ) -> None:
        """`starts` and unplanned `exits` are those of earlier segments."""
        self.gave_up: str | None = None
        self.not_ready: str | None = None
        self.tree = _CurrentTree()
        self._settings = settings
        self._launch = launch
        self._probe = probe
        self._stopping = LinkedStop(stop, settings.grace + _HARD_SECONDS)
        self._halt = halt
        self._elapsed = elapsed
        self._start = starts
        self._exits = exits
        self._untold: list[Ended] = []
        self._planned: Ended | None = None
        self._error: BaseException | None = None
        self._asking: Thread | None = None
        self._was_ready = False
        self._ready = Event()
        self._gone = Event()
        self._lock = Lock()
        self._thread = Thread(target=self._supervise, name="soak-service", daemon=True)

    @property
    def window(self) -> float:
        """How many seconds an iteration lasts that has no command."""
        return self._settings.window

    @property
    def start(self) -> int:
        """The number of the present start."""
        return self._start

    def begin(self) -> None:
        """Start the service and wait until it is ready, there is none any more, or a stop is requested."""
        self._thread.start()
        self.wait_until_ready()

    def wait_until_ready(self) -> bool:
        """Wait until the service is ready, there is none any more, or a stop is requested; return whether it is."""
        while not self._halt.requested:
            if self._ready.wait(_ASK_EVERY):
                return True
        return False

    def settle(self) -> None:
        """Wait until all is known of an end of the service that may have just happened, and made a command fail."""
        if self._gone.wait(_NOTICED_AFTER):
            while self._gone.is_set() and not self._halt.wait(_SOON):
                pass

    def take_exits(self) -> list[Ended]:
        """Return the unplanned exits that nobody has been told of yet."""
        with self._lock:
            taken, self._untold = self._untold, []
        return taken

    def end(self) -> Ended | None:
        """Ask the service to end, kill it after its grace, and return its planned end; None when it was not running.

        Raises whatever went wrong while it was seen to: SurroundingsError when its output could not be written.
        """
        self._stopping.request(signal.SIGTERM)
        self._thread.join()
        if self._asking is not None:
            self._asking.join(_LAST_ASK_SECONDS)
        if self._error is not None:
            raise self._error
        return self._planned

    def _supervise(self) -> None:
        try:
            while self._is_started_again() and not self._stopping.wait(_PAUSE_BEFORE_RESTART):
                pass
        except BaseException as error:  # noqa: BLE001 - it is raised where the service is ended
            self._error = self._error or error
            self._give_up("the service could not be seen to")

    def _is_started_again(self) -> bool:
        """Run the service once until it ends; return whether it is to be started again."""
        self._start += 1
        self._was_ready = False
        finished = self._launch(self._start, self._stopping, self._watch)
        ended = Ended(self._start, self._elapsed(), self._was_ready, finished)
        if self._stopping.requested and finished.outcome == "cancelled":
            after = units.format_duration(round(finished.seconds, 1))
            self._planned = replace(ended, finished=replace(finished, detail=f"stopped by soak after {after}"))
            return False
        with self._lock:
            self._untold.append(ended)
        self._exits += 1
        is_tolerated = self._exits <= self._settings.restarts
        if not is_tolerated:
            how = how_it_ended(finished.detail, finished.seconds, ready=ended.ready)
            self._give_up(f"the service {how}; tolerated: {units.counted(self._settings.restarts, 'unplanned exit')}")
        self._gone.clear()
        return is_tolerated and not self._stopping.requested

    @contextmanager
    def _watch(self, tree: ProcessTree, main: int) -> Iterator[None]:
        """See to the readiness of a start while it is running."""
        ended = Event()
        self.tree.now(tree, main)
        asking = Thread(target=self._make_sure, args=(self._start, ended), name="soak-readiness", daemon=True)
        asking.start()
        try:
            yield
        finally:
            self._gone.set()
            with self._lock:
                ended.set()
                self._was_ready = self._ready.is_set()
                self._ready.clear()
            self._asking = asking

    def _make_sure(self, start: int, ended: Event) -> None:
        try:
            self._ask_until_ready(start, ended)
        except BaseException as error:  # noqa: BLE001 - it is raised where the service is ended
            self._error = self._error or error
            self._give_up("whether the service is ready could not be asked")

    def _ask_until_ready(self, start: int, ended: Event) -> None:
        probe = self._probe(start, self._stopping)
        ready = self._settings.ready
        if probe is None or ready is None:
            self._is_ready(ended)
            return
        deadline = time.monotonic() + ready.within
        why: str | None = "it was not asked"
        while not (ended.is_set() or self._stopping.requested):
            left = deadline - time.monotonic()
            if left <= 0:
                within = units.format_duration(ready.within)
                self.not_ready = f"the service was not ready within {within}: {why}"
                self._give_up(self.not_ready)
                return
            why = probe(max(left, _SHORTEST_ASK))
            if why is None:
                self._is_ready(ended)
                return
            ended.wait(_ASK_EVERY)

    def _is_ready(self, ended: Event) -> None:
        """Take a start for ready, unless it has ended meanwhile: nobody may wait for one that is gone."""
        with self._lock:
            if not ended.is_set():
                self._ready.set()

    def _give_up(self, why: str) -> None:
        self.gave_up = self.gave_up or why
        self._halt.request(signal.SIGTERM)


class _CurrentTree:
    """The processes of whichever start of the service is running, for whoever samples them."""

    def __init__(self) -> None:
        self.main = 0
        self._tree: ProcessTree | None = None

    def now(self, tree: ProcessTree, main: int) -> None:
        """Take `tree` with its process `main` for the one that is running."""
        self._tree, self.main = tree, main

    def present(self) -> list[Member]:
        """The living processes of the service."""
        return [] if self._tree is None else self._tree.present()
