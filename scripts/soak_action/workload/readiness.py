"""Whether a service is ready: asked again and again until it is, or its time is over."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from pathlib import Path

from soak_action.config.model import Readiness
from soak_action.kpi.document import LARGEST_LOG, DocumentError, read_regular
from soak_action.kpi.log_match import decode_log

_LONGEST_ASK = 5.0
_GLANCE = 1.0
_LARGEST_BODY = 1 << 20
_SHORTEST_SEARCH = 0.01

# Given the seconds that it may take, returns None when the service is ready, else why it is not yet.
Probe = Callable[[float], str | None]


Command = str | tuple[str, ...]


def probe_of(ready: Readiness, logs: tuple[Path, ...], failure: Callable[[Command, float], str | None]) -> Probe:
    """Return how to ask a service whose output goes to `logs`.

    `failure` runs a command for at most so many seconds and returns how it failed, or None.
    """

    def probe(seconds: float) -> str | None:
        longest = min(seconds, _LONGEST_ASK)
        if ready.kind == "command":
            return failure(ready.target, longest)
        target = str(ready.target)
        if ready.kind == "http":
            return answers(target, longest)
        return connects(target, longest) if ready.kind == "tcp" else was_printed(target, logs, longest)

    return probe


def is_taken(ready: Readiness | None) -> bool:
    """Whether somebody is ready in the place of a service that was not started yet: asking it proves nothing then."""
    if ready is None or ready.kind not in {"http", "tcp"}:
        return False
    ask = answers if ready.kind == "http" else connects
    return ask(str(ready.target), _GLANCE) is None


def answers(url: str, seconds: float) -> str | None:
    """Return why `url` does not answer with a status from 200 to 399, or None."""
    from soak_action.workload.fetch import FetchError, fetch

    try:
        status = fetch(url, seconds, _LARGEST_BODY).status
    except FetchError as error:
        return f"{url}: {error}"
    return None if 200 <= status < 400 else f"{url} answers with {status}"


def connects(address: str, seconds: float) -> str | None:
    """Return why HOST:PORT takes no connection, or None."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=seconds).close()
    except ConnectionRefusedError:
        return f"{address}: nobody listens there"
    except TimeoutError:
        return f"{address}: no connection within {seconds:g} s"
    except OSError as error:
        return f"{address}: {error.strerror or error}"
    return None


def was_printed(pattern: str, logs: tuple[Path, ...], seconds: float) -> str | None:
    """Return that no line of the `logs` matches `pattern`, or None when one does."""
    import regex

    try:
        compiled = regex.compile(pattern)
    except regex.error as error:
        return f"the pattern '{pattern}' cannot be used: {error}"
    deadline = time.monotonic() + seconds
    for log in logs:
        with contextlib.suppress(OSError, DocumentError):
            for line in decode_log(read_regular(log, LARGEST_LOG)).split("\n"):
                try:
                    if compiled.search(line, timeout=max(_SHORTEST_SEARCH, deadline - time.monotonic())):
                        return None
                except TimeoutError:
                    return f"the pattern '{pattern}' takes too long on the output; make it simpler"
    return f"no line of the output matches '{pattern}'"
