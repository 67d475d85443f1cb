"""One answer of a real server, however it behaves."""

from __future__ import annotations

import socket
import struct
import threading
from threading import Event

import pytest
from tests.integration.watching import wait_for
from tests.unit.workload.serving import Conversation, answered, serving, spoken, unused

from soak_action.workload.fetch import Answer, FetchError, fetch

LONG = 60.0


def told(talk: Conversation, seconds: float = LONG, scheme: str = "http", largest: int = 1000) -> str:
    """Return why there is no answer to use."""
    with serving(talk) as address, pytest.raises(FetchError) as caught:
        fetch(f"{scheme}://{address}/x", seconds, largest)
    return str(caught.value)


def test_an_answer_is_its_status_and_its_body() -> None:
    with serving(answered(b"x 1\n")) as address:
        assert fetch(f"http://{address}", LONG) == Answer(200, b"x 1\n")
    with serving(answered(b"", "204 No Content")) as address:
        assert fetch(f"http://{address}/", LONG) == Answer(204, b"")
    with serving(answered(b"no", "503 Not Yet")) as address:
        assert fetch(f"http://{address}/", LONG) == Answer(503, b"no")


def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    with serving(spoken(b"HTTP/1.0 200 OK\r\n\r\nx 1\n")) as address:
        assert fetch(f"http://{address}/", LONG).body == b"x 1\n"


def test_an_answer_in_chunks_is_put_together() -> None:
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nx \r\n2\r\n1\n\r\n0\r\n\r\n"
    with serving(spoken(chunks)) as address:
        assert fetch(f"http://{address}/", LONG).body == b"x 1\n"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("", b"GET / HTTP/1.1"),
        ("?a=1", b"GET /?a=1 HTTP/1.1"),
        ("/a%20b?c=%C3%A9&d=[x]", b"GET /a%20b?c=%C3%A9&d=[x] HTTP/1.1"),
        ("/m\u00e9trics?n=\u00fc", b"GET /m%C3%A9trics?n=%C3%BC HTTP/1.1"),
        ("/a\x01b\x7f", b"GET /a%01b%7F HTTP/1.1"),
        ("/x#fragment", b"GET /x HTTP/1.1"),
    ],
)
def test_the_server_is_asked_for_what_the_url_says(path: str, line: bytes) -> None:
    requests: list[bytes] = []

    def talk(connection: socket.socket, over: Event) -> None:
        requests.append(connection.recv(4096))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with serving(talk) as address:
        assert fetch(f"http://{address}{path}", LONG).status == 200
    assert requests[0].startswith(line + b"\r\n")


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    elsewhere = f"Location: http://{unused()}/"
    with serving(answered(b"", "302 Found", elsewhere)) as address:
        assert fetch(f"http://{address}/", LONG) == Answer(302, b"")


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answered(b"proxy")) as proxy, serving(answered(b"server")) as address:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://{proxy}")
        assert fetch(f"http://{address}/", LONG).body == b"server"


def test_where_nobody_listens_there_is_no_answer() -> None:
    with pytest.raises(FetchError, match="^nobody listens there$"):
        fetch(f"http://{unused()}/", LONG)


def test_a_host_that_nobody_knows_is_told() -> None:
    with pytest.raises(FetchError):
        fetch("http://nobody.invalid/", LONG)


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999/", "http://[::1/", "http://127.0.0.1:x/"])
def test_what_is_no_url_is_told(url: str) -> None:
    with pytest.raises(FetchError, match="^not a URL: "):
        fetch(url, LONG)


def reset(connection: socket.socket, over: Event) -> None:
    connection.recv(4096)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hang_up(connection: socket.socket, over: Event) -> None:
    connection.recv(4096)


@pytest.mark.parametrize("talk", [reset, hang_up], ids=["reset", "closed"])
def test_a_connection_without_an_answer_is_told(talk: Conversation) -> None:
    assert told(talk) == "the connection was closed without an answer"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx 1\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nx 1\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx 1\n",
    ],
    ids=["short", "short chunk", "broken chunk"],
)
def test_an_answer_that_breaks_off_is_none(answer: bytes) -> None:
    assert told(spoken(answer)).startswith("the answer broke off")


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.6\r\n", b"\x00\xff\r\n\r\n", b"HTTP/9 x\r\n\r\n"])
def test_what_speaks_something_else_is_told(answer: bytes) -> None:
    assert told(spoken(answer)).startswith("what answered does not speak HTTP (")


def plain(connection: socket.socket, over: Event) -> None:
    connection.recv(1)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    over.wait()


def test_https_where_http_is_spoken_is_told() -> None:
    assert "SSL" in told(plain, scheme="https")


@pytest.mark.parametrize(("size", "is_too_large"), [(1000, False), (1001, True), (100_000, True)])
def test_what_is_larger_than_allowed_is_not_taken(size: int, is_too_large: bool) -> None:
    with serving(answered(b"x" * size)) as address:
        if not is_too_large:
            assert len(fetch(f"http://{address}/", LONG, 1000).body) == size
            return
        with pytest.raises(FetchError, match=r"^the answer is larger than 1000 ?B"):
            fetch(f"http://{address}/", LONG, 1000)


def drip(first: bytes) -> Conversation:
    def talk(connection: socket.socket, over: Event) -> None:
        connection.sendall(first)
        while not over.wait(0.05):
            connection.sendall(b"x")

    return talk


def silence(connection: socket.socket, over: Event) -> None:
    over.wait()


@pytest.mark.parametrize(
    "talk",
    [silence, drip(b""), drip(b"HTTP/1.1 200 OK\r\nX: "), drip(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n")],
    ids=["silence", "status", "headers", "body"],
)
def test_nobody_can_stretch_the_time_or_keep_a_thread_of_ours(talk: Conversation) -> None:
    with serving(talk) as address:
        with pytest.raises(FetchError, match=r"^no whole answer within 0\.3 s$"):
            fetch(f"http://{address}/", 0.3)
        wait_for(lambda: not [thread for thread in threading.enumerate() if thread.name == "soak-fetch"])
