"""The wish to stop, passed from a signal handler to whoever waits."""

from __future__ import annotations

import time
from threading import Lock

# A signal may be delivered to another thread, or not interrupt a wait at all (Windows, macOS); the handler then runs
# only when the main thread wakes up by itself. This is how long that takes at most.
_LONGEST_SLEEP = 0.1


# Whoever sends a signal waits a few seconds only: GitHub kills everything 10 s after the first one.
_PATIENCE_OF_A_SIGNAL = 4.8


class StopRequest:
    """Remembers the first stop signal; setting it is safe inside a signal handler.

    `threading.Event` is not: a handler that runs while the same thread holds the event's condition waits for itself.
    A bare lock has no such moment. It is held until the first request and open ever after.
    """

    def __init__(self) -> None:
        self._signal: int | None = None
        self._gate = Lock()
        self._gate.acquire()

    @property
    def requested(self) -> bool:
        """Whether somebody asked to stop."""
        return self._signal is not None

    @property
    def signal(self) -> int | None:
        """The number of the first signal that asked to stop; None when nobody did."""
        return self._signal

    @property
    def patience(self) -> float:
        """How many seconds stopping may take in all, from the request until nothing is left."""
        return _PATIENCE_OF_A_SIGNAL

    def request(self, signal_number: int) -> None:
        """Ask to stop because of `signal_number`; later requests change nothing."""
        if self._signal is not None:
            return
        self._signal = signal_number
        try:
            self._gate.release()
        except RuntimeError:
            # A second handler came in between the two lines above and has opened the gate already.
            return

    def wait(self, seconds: float) -> bool:
        """Sleep for `seconds`, or less when a stop is requested; return whether it is."""
        deadline = time.monotonic() + seconds
        while not self.requested:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            if self._gate.acquire(timeout=min(left, _LONGEST_SLEEP)):
                self._gate.release()
        return self.requested


class LinkedStop(StopRequest):
    """A stop request of one's own, for which another one counts too: what stops the run stops each part of it.

    `patience` seconds hold for one's own request only.
    """

    def __init__(self, other: StopRequest, patience: float = _PATIENCE_OF_A_SIGNAL) -> None:
        super().__init__()
        self._other = other
        self._own_patience = patience

    @property
    def requested(self) -> bool:
        """Whether somebody asked to stop this or everything."""
        return self._other.requested or super().requested

    @property
    def signal(self) -> int | None:
        """The number of the signal that asked to stop; None when nobody did."""
        return self._other.signal if self._other.requested else super().signal

    @property
    def patience(self) -> float:
        """How many seconds stopping may take in all, from the request until nothing is left."""
        return self._other.patience if self._other.requested else self._own_patience
