"""The signals that ask a run to stop."""

from __future__ import annotations

import signal

from soak_action.workload.stop import StopRequest

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGBREAK")


def stop_on_signals() -> StopRequest:
    """Return a request that every signal which ends a program turns into a stop; from now on none ends this one."""
    stop = StopRequest()
    for name in _SIGNALS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda number, _: stop.request(number))
    return stop
