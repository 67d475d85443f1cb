"""One answer of a server over HTTP, within a time that nobody can stretch."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
from dataclasses import dataclass
from threading import Thread
from typing import Final
from urllib.parse import quote, urlsplit

from soak_action.units import format_size

# What a URL may hold; a percent sign stays, because it is taken for an encoding that somebody wrote.
_AS_WRITTEN: Final = "%!#$&'()*+,/:;=?@[]~"
LARGEST_ANSWER: Final = 16 * 1024 * 1024


class FetchError(Exception):
    """There is no answer to use; the message is a clause that says why."""


@dataclass(frozen=True)
class Answer:
    """The status of an HTTP response and its body."""

    status: int
    body: bytes


def fetch(url: str, seconds: float, largest: int = LARGEST_ANSWER) -> Answer:
    """Return what a GET of `url` answers within `seconds`; redirects are not followed and no proxy is used.

    What is measured must be the server itself, not what stands in front of it. Raises FetchError.
    """
    connection = _connection(url, seconds)
    found: list[Answer | FetchError] = []
    # A server that drips its headers, or a name that nobody resolves, could keep us for ever; a thread can be left.
    thread = Thread(target=lambda: found.append(_ask(connection, url, largest)), name="soak-fetch", daemon=True)
    thread.start()
    thread.join(seconds)
    answer = found[0] if found else FetchError(f"no whole answer within {seconds:g} s")
    if thread.is_alive():
        _hang_up(connection)
    if isinstance(answer, FetchError):
        raise answer
    return answer


def _hang_up(connection: http.client.HTTPConnection) -> None:
    """End the wait of the thread that still reads, so that a server that drips collects no threads of ours."""
    with contextlib.suppress(OSError, AttributeError):
        connection.sock.shutdown(socket.SHUT_RDWR)


def _ask(connection: http.client.HTTPConnection, url: str, largest: int) -> Answer | FetchError:
    parts = urlsplit(url)
    target = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_AS_WRITTEN)
    try:
        connection.request("GET", target, headers={"Accept": "*/*", "User-Agent": "soak-action"})
        response = connection.getresponse()
        body = response.read(largest + 1)
        if len(body) > largest:
            return FetchError(f"the answer is larger than {format_size(largest)}")
        if response.length:
            return FetchError(f"the answer broke off, {response.length} bytes before its end")
        return Answer(response.status, body)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return FetchError(_why(error, connection.timeout))
    finally:
        connection.close()


def _connection(url: str, seconds: float) -> http.client.HTTPConnection:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=seconds, context=ssl.create_default_context())
        return http.client.HTTPConnection(host, port, timeout=seconds)
    except (ValueError, http.client.InvalidURL) as error:
        raise FetchError(f"not a URL: {error}") from None


def _why(error: Exception, seconds: float | None) -> str:
    if isinstance(error, TimeoutError):
        return f"no whole answer within {seconds:g} s"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    if isinstance(error, http.client.RemoteDisconnected | ConnectionResetError):
        return "the connection was closed without an answer"
    if isinstance(error, http.client.IncompleteRead):
        return "the answer broke off"
    if isinstance(error, http.client.HTTPException):
        return f"what answered does not speak HTTP ({type(error).__name__})"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
