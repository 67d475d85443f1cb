"""Whether a service is ready, asked in each of the four ways."""

from __future__ import annotations

import socket
from pathlib import Path
from threading import Event

import pytest
from tests.unit.workload.serving import answered, serving, unused

from soak_action.config.model import Readiness
from soak_action.workload.readiness import Command, answers, connects, is_taken, probe_of, was_printed

LONG = 60.0


def silence(connection: socket.socket, over: Event) -> None:
    over.wait()


@pytest.mark.parametrize(("status", "is_ready"), [(199, False), (200, True), (399, True), (400, False), (503, False)])
def test_a_url_is_ready_when_its_status_says_so(status: int, is_ready: bool) -> None:
    # 1xx statuses are not the last word of a server, so http.client waits for another one.
    if status < 200:
        with serving(answered(b"", f"{status} Wait")) as address:
            assert answers(f"http://{address}/", 1.0) is not None
        return
    with serving(answered(b"", f"{status} Word")) as address:
        url = f"http://{address}/"
        assert answers(url, LONG) == (None if is_ready else f"{url} answers with {status}")


def test_a_url_that_does_not_answer_is_not_ready() -> None:
    url = f"http://{unused()}/ready"
    assert answers(url, LONG) == f"{url}: nobody listens there"
    with serving(silence) as address:
        assert answers(f"http://{address}/", 0.1) == f"http://{address}/: no whole answer within 0.1 s"


def test_an_address_is_ready_when_it_takes_connections() -> None:
    with serving(silence) as address:
        assert connects(address, LONG) is None
    address = unused()
    assert connects(address, LONG) == f"{address}: nobody listens there"
    told = connects("nobody.invalid:80", LONG)
    assert told is not None
    assert told.startswith("nobody.invalid:80: ")


def test_an_address_that_does_not_react_in_time_is_not_ready() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        waiting = []
        try:
            # As soon as nobody accepts, the system lets further clients wait.
            for _ in range(20):
                client = socket.socket()
                client.setblocking(False)
                client.connect_ex(("127.0.0.1", listener.getsockname()[1]))
                waiting.append(client)
            assert connects(address, 0.2) == f"{address}: no connection within 0.2 s"
        finally:
            for client in waiting:
                client.close()


@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6 on loopback: enable it in the system")
def test_an_ipv6_address_stands_in_brackets() -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("needs IPv6 on loopback: enable it in the system")
    with listener:
        assert connects(f"[::1]:{listener.getsockname()[1]}", LONG) is None


def logs(folder: Path, stdout: bytes, stderr: bytes = b"") -> tuple[Path, Path]:
    (folder / "out").write_bytes(stdout)
    (folder / "err").write_bytes(stderr)
    return folder / "out", folder / "err"


@pytest.mark.parametrize(
    ("stdout", "stderr", "is_ready"),
    [
        (b"", b"", False),
        (b"starting\nlistening on 80\n", b"", True),
        (b"starting\n", b"x\nlistening on 80", True),
        (b"\xff\xfe\x00listening on 80", b"", True),
        (b"listening\non 80\n", b"", False),
        (b"Listening on 80\n", b"", False),
    ],
)
def test_a_line_of_either_stream_makes_ready(tmp_path: Path, stdout: bytes, stderr: bytes, is_ready: bool) -> None:
    told = was_printed(r"listening on \d+", logs(tmp_path, stdout, stderr), LONG)
    assert told == (None if is_ready else r"no line of the output matches 'listening on \d+'")


def test_a_log_that_is_not_there_or_not_a_file_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    found = was_printed("x", (tmp_path / "none", tmp_path / "folder"), LONG)
    assert found == "no line of the output matches 'x'"


def test_a_pattern_that_explodes_is_told_and_does_not_keep_us(tmp_path: Path) -> None:
    told = was_printed(r"(a|aa)+$", logs(tmp_path, b"a" * 60 + b"!\n"), 0.2)
    assert told is not None
    assert "takes too long on the output; make it simpler" in told


def test_a_pattern_that_only_the_checker_of_the_configuration_knows_is_told(tmp_path: Path) -> None:
    told = was_printed("[[:x:]]", logs(tmp_path, b"x\n"), LONG)
    assert told is not None
    assert told.startswith("the pattern '[[:x:]]' cannot be used: ")


class Commands:
    """Says of each command how it fails, and remembers who was asked for how long."""

    def __init__(self, failure: str | None) -> None:
        self.failure = failure
        self.asked: list[tuple[Command, float]] = []

    def __call__(self, command: Command, seconds: float) -> str | None:
        self.asked.append((command, seconds))
        return self.failure


@pytest.mark.parametrize("failure", [None, "the command exited with 1"])
def test_a_command_is_ready_when_it_succeeds(failure: str | None) -> None:
    commands = Commands(failure)
    probe = probe_of(Readiness("command", ("is_ready", "-q"), LONG), (), commands)
    assert (probe(60), probe(2)) == (failure, failure)
    assert commands.asked == [(("is_ready", "-q"), 5.0), (("is_ready", "-q"), 2)]


def test_each_kind_is_asked_in_its_own_way(tmp_path: Path) -> None:
    never = Commands("it is no command")
    with serving(answered(b"")) as address:
        assert probe_of(Readiness("http", f"http://{address}/", LONG), (), never)(LONG) is None
        assert probe_of(Readiness("tcp", address, LONG), (), never)(LONG) is None
    found = probe_of(Readiness("log", "up", LONG), logs(tmp_path, b"up\n"), never)
    assert found(LONG) is None
    assert never.asked == []


def test_whoever_is_ready_before_the_service_was_started_is_somebody_else() -> None:
    with serving(answered(b"")) as address:
        assert is_taken(Readiness("http", f"http://{address}/", LONG))
        assert is_taken(Readiness("tcp", address, LONG))
    with serving(answered(b"", "503 Not Yet")) as address:
        assert not is_taken(Readiness("http", f"http://{address}/", LONG))
    address = unused()
    assert not is_taken(Readiness("http", f"http://{address}/", LONG))
    assert not is_taken(Readiness("tcp", address, LONG))
    assert not is_taken(Readiness("log", "up", LONG))
    assert not is_taken(Readiness("command", "true", LONG))
    assert not is_taken(None)
