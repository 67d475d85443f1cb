"""One request to a server that does not behave: what is told, and that nothing private is."""

from __future__ import annotations

import socket
from collections.abc import Callable
from threading import Event

import pytest
from tests.unit.workload.serving import Conversation, answered, serving, spoken, unused

from soak_action.github import transport
from soak_action.github.transport import Patience, Transport, UnreachableError

TOKEN = "ghs_SecretOfTheTests"
HEAD = b"HTTP/1.1 200 OK\r\n"


def sent(address: str, patience: Patience | None = None) -> transport.Answer:
    return Transport(f"http://{address}", TOKEN, patience or Patience()).send("GET", f"http://{address}/x")


def failure(talk: Conversation, patience: Patience | None = None) -> str:
    with serving(talk) as address, pytest.raises(UnreachableError) as caught:
        sent(address, patience)
    assert TOKEN not in str(caught.value)
    return str(caught.value)


def test_an_answer_is_its_status_its_headers_and_its_document() -> None:
    with serving(answered(b'{"a": 1}', "203 Odd", "X-Some: Thing")) as address:
        answer = sent(address)
    assert (answer.status, answer.headers["x-some"], answer.document) == (203, "Thing", {"a": 1})


def test_the_token_and_the_version_of_the_api_are_sent() -> None:
    seen: list[bytes] = []

    def talk(connection: socket.socket, over: Event) -> None:
        seen.append(connection.recv(65_536))
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with serving(talk) as address:
        assert sent(address).document is None
    lines = seen[0].split(b"\r\n")
    assert f"Authorization: Bearer {TOKEN}".encode() in lines
    assert b"X-GitHub-Api-Version: 2022-11-28" in lines
    assert b"Accept: application/vnd.github+json" in lines


def test_a_netrc_does_not_replace_the_token(tmp_path, monkeypatch) -> None:
    (tmp_path / "netrc").write_text("default login somebody password else\n", "utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    session = Transport("https://example.com", TOKEN, Patience())._session()
    import requests

    prepared = session.prepare_request(requests.Request("GET", "https://example.com/x"))
    assert prepared.headers["Authorization"] == f"Bearer {TOKEN}"


def test_a_proxy_of_the_environment_is_not_used_on_loopback_alone(monkeypatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://user:password@{unused()}")
    monkeypatch.setenv("http_proxy", f"http://user:password@{unused()}")
    with serving(answered(b"{}")) as address:
        assert sent(address).status == 200
    assert Transport("https://example.com", TOKEN, Patience())._session().trust_env


def test_the_password_of_a_proxy_is_not_told(monkeypatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, f"http://user:password@{unused()}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UnreachableError) as caught:
        Transport("https://example.com", TOKEN, Patience()).send("GET", "https://example.com/x")
    assert str(caught.value) == "the proxy does not let the request through (ProxyError)"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_nobody_there_is_told() -> None:
    with pytest.raises(UnreachableError, match="cannot be reached"):
        sent(unused())


def test_a_server_without_tls_is_told() -> None:
    def talk(connection: socket.socket, over: Event) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with serving(talk) as address, pytest.raises(UnreachableError, match="speaks no TLS"):
        Transport(f"https://{address}", TOKEN, Patience()).send("GET", f"https://{address}/x")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "hung up"),
        (b"\x00\x01\x02 nonsense\r\n\r\n", "hung up"),
        (HEAD + b"Content-Length: 100\r\n\r\n{", "broke off"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "broke off"),
        (HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", "cannot be decoded"),
    ],
)
def test_an_answer_that_is_none_is_told(answer: bytes, words: str) -> None:
    assert words in failure(spoken(answer))


def test_an_answer_without_end_is_cut_off(monkeypatch) -> None:
    monkeypatch.setattr(transport, "LARGEST_ANSWER", 100_000)
    assert "larger than 100000 bytes" in failure(answered(b"[" + b"1," * 100_000))


def test_an_answer_that_takes_too_long_is_cut_off() -> None:
    ticks = iter(range(0, 10_000, 100))
    patience = Patience(tick=lambda: float(next(ticks)), sleep=lambda _: None)
    assert "no whole answer within 120 s" in failure(answered(b"[" + b"1," * 200_000), patience)


def test_a_silent_server_is_not_waited_for_endlessly(monkeypatch) -> None:
    monkeypatch.setattr(transport, "_SILENCE_SECONDS", 0.05)

    def silent(connection: socket.socket, over: Event) -> None:
        over.wait()

    assert "the server was silent" in failure(silent)


def keeping(ticks: list[float], slept: list[float]) -> Callable[[str, int], None]:
    """Return how to send requests at given times, with what is slept between them."""
    patience = Patience(tick=lambda: ticks[0] + sum(slept), sleep=slept.append)
    sender = Transport("http://127.0.0.1:1", TOKEN, patience)

    def keep(method: str, at: int) -> None:
        ticks[0] = at - sum(slept)
        sender._keep_pace(5 if method == "DELETE" else 1)

    return keep


def test_a_request_waits_only_for_what_is_left_of_the_pause() -> None:
    slept: list[float] = []
    keep = keeping([0.0], slept)
    keep("DELETE", 100)
    keep("GET", 100)
    assert slept == [pytest.approx(5 * transport.SECONDS_PER_POINT)]
    keep("GET", 200)
    assert len(slept) == 1
