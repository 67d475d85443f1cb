"""Servers on loopback that answer, or misbehave, as a test wants."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

Conversation = Callable[[socket.socket, Event], None]


def spoken(answer: bytes) -> Conversation:
    """Read a request, send `answer` and hang up."""

    def talk(connection: socket.socket, _: Event) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            request += connection.recv(4096)
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)

    return talk


def answered(body: bytes, status: str = "200 OK", *headers: str) -> Conversation:
    """Answer as a well-behaved server does."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return spoken("\r\n".join(lines).encode("latin-1") + body)


@contextmanager
def serving(talk: Conversation) -> Iterator[str]:
    """Have a server that holds `talk` with each of its clients until the block ends; yield its HOST:PORT."""
    over = Event()

    def hold(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            talk(connection, over)

    def accept() -> None:
        with suppress(OSError):
            while True:
                Thread(target=hold, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=accept, daemon=True).start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)


def unused() -> str:
    """Return a HOST:PORT where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"
