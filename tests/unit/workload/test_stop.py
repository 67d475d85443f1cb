from __future__ import annotations

import os
import signal
import sys
import threading
import time
from functools import partial

import pytest

from soak_action.workload.stop import LinkedStop, StopRequest


def test_nobody_asked() -> None:
    stop = StopRequest()
    assert not stop.requested
    assert stop.signal is None
    before = time.monotonic()
    assert not stop.wait(0.15)
    assert time.monotonic() - before >= 0.1  # the clock of Windows advances in steps of 16 ms
    assert not stop.wait(0)
    assert not stop.wait(-1)


def test_the_first_request_counts() -> None:
    stop = StopRequest()
    stop.request(signal.SIGINT)
    stop.request(signal.SIGTERM)
    assert stop.requested
    assert stop.signal == signal.SIGINT
    assert stop.wait(3600)
    assert stop.wait(3600)


def test_two_requests_at_the_same_moment() -> None:
    stop = StopRequest()
    # What a handler that interrupts another one between its two steps leaves behind.
    stop._gate.release()
    stop.request(signal.SIGTERM)
    assert stop.wait(3600)


def test_a_request_of_another_thread_ends_the_wait() -> None:
    stop = StopRequest()
    timer = threading.Timer(0.1, stop.request, (signal.SIGTERM,))
    timer.start()
    assert stop.wait(3600)
    timer.join()


def ask(stop: StopRequest, number: int, _frame: object) -> None:
    stop.request(number)


@pytest.mark.skipif(sys.platform == "win32", reason="sends itself POSIX signals")
def test_signals_may_come_at_any_moment_of_a_wait() -> None:
    main = os.getpid()
    for delay in range(20):
        stop = StopRequest()
        previous = signal.signal(signal.SIGUSR1, partial(ask, stop))
        timer = threading.Timer(delay / 5000, os.kill, (main, signal.SIGUSR1))
        timer.start()
        assert stop.wait(3600)
        timer.join()
        signal.signal(signal.SIGUSR1, previous)


def test_what_stops_everything_stops_each_part() -> None:
    everything = StopRequest()
    part = LinkedStop(everything, patience=60.0)
    assert (part.requested, part.signal, part.patience) == (False, None, 60.0)
    everything.request(signal.SIGINT)
    assert (part.requested, part.signal, part.patience) == (True, signal.SIGINT, everything.patience)
    assert part.wait(3600)


def test_what_stops_a_part_stops_nothing_else() -> None:
    everything = StopRequest()
    part, other = LinkedStop(everything, patience=60.0), LinkedStop(everything)
    part.request(signal.SIGTERM)
    assert (part.requested, part.signal, part.patience) == (True, signal.SIGTERM, 60.0)
    assert part.wait(3600)
    assert not everything.requested
    assert not other.requested
    assert (other.signal, other.patience) == (None, everything.patience)


def test_the_signal_of_everything_goes_before_that_of_a_part() -> None:
    everything = StopRequest()
    part = LinkedStop(everything, patience=60.0)
    part.request(signal.SIGTERM)
    everything.request(signal.SIGINT)
    assert (part.signal, part.patience) == (signal.SIGINT, everything.patience)


def test_a_stop_of_everything_ends_the_wait_of_a_part() -> None:
    everything = StopRequest()
    timer = threading.Timer(0.1, everything.request, (signal.SIGTERM,))
    timer.start()
    assert LinkedStop(everything).wait(3600)
    timer.join()
