"""The wish to stop, passed from a signal handler to whoever waits."""

from __future__ import annotations

import time
from threading import Lock

# A signal may be delivered to another thread, or not interrupt a wait at all (Windows, macOS); the handler then runs
# only when the main thread wakes up by itself. This is how long that takes at most.
_LONGEST_SLEEP = 0.1


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
