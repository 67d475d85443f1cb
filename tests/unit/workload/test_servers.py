"""The servers of one iteration: asked, and their answers kept."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path
from threading import Event, Timer

import pytest
from tests.unit.workload.serving import answered, serving, unused

from soak_action.config.model import BuiltInSource, HttpSource, Kpi, Window
from soak_action.errors import SurroundingsError
from soak_action.evidence.run_dir import IterationDir
from soak_action.kpi.answers import Answers
from soak_action.workload import servers
from soak_action.workload.servers import Servers, kept_answers
from soak_action.workload.stop import StopRequest


def kpi(name: str, url: str | None, *, counter: bool | None = None) -> Kpi:
    where = BuiltInSource("exit_code") if url is None else HttpSource(url, "prometheus", "x", counter)
    return Kpi(name, where, name, None, "lower", None, "mean", Window(), None, None, None, None, 0.0, must_vary=False)


@pytest.fixture
def folder(tmp_path: Path) -> IterationDir:
    (tmp_path / "00001").mkdir()
    return IterationDir(tmp_path / "00001")


def asked(folder: IterationDir, *kpis: Kpi, stop: StopRequest | None = None) -> dict[str, Answers]:
    servers = Servers(kpis, folder, stop or StopRequest())
    servers.ask("begin")
    servers.ask("end")
    return dict(servers.keep())


def test_each_server_is_asked_once_a_moment_and_its_answers_are_kept(folder: IterationDir) -> None:
    requests: list[bytes] = []
    plain = answered(b"x 1\n")

    def talk(connection: socket.socket, over: Event) -> None:
        requests.append(b"")
        plain(connection, over)

    with serving(talk) as one, serving(answered(b"x 2\n")) as two:
        first, second = f"http://{one}/", f"http://{two}/"
        kpis = [kpi("a", second), kpi("b", first), kpi("c", first), kpi("d", None)]
        found = asked(folder, *kpis)
    assert len(requests) == 2
    assert found == {
        second: Answers(folder.answer(1, "begin"), folder.answer(1, "end"), {}),
        first: Answers(folder.answer(2, "begin"), folder.answer(2, "end"), {}),
    }
    texts = {path.name: path.read_bytes() for path in (folder.path / "answers").iterdir()}
    assert texts == {"1.begin": b"x 2\n", "1.end": b"x 2\n", "2.begin": b"x 1\n", "2.end": b"x 1\n"}
    assert {url: (kept.begin, kept.end) for url, kept in kept_answers(kpis, folder).items()} == {
        url: (answers.begin, answers.end) for url, answers in found.items()
    }


def test_the_beginning_is_only_asked_for_where_a_counter_may_be(folder: IterationDir) -> None:
    with serving(answered(b"x 1\n")) as address:
        asked(folder, kpi("a", f"http://{address}/", counter=False))
    assert [path.name for path in (folder.path / "answers").iterdir()] == ["1.end"]


def test_without_servers_nothing_is_left(folder: IterationDir) -> None:
    assert asked(folder, kpi("a", None)) == {}
    assert list(folder.path.iterdir()) == []


def test_who_does_not_answer_is_told_for_each_moment(folder: IterationDir) -> None:
    url = f"http://{unused()}/"
    found = asked(folder, kpi("a", url))[url]
    assert found.failures == {
        found.begin: "at the iteration's begin: nobody listens there",
        found.end: "at the iteration's end: nobody listens there",
    }
    assert list(folder.path.iterdir()) == []


@pytest.mark.parametrize("status", ["204 No Content", "302 Found", "404 Not Found", "500 Oops"])
def test_only_200_is_an_answer(folder: IterationDir, status: str) -> None:
    with serving(answered(b"", status)) as address:
        found = asked(folder, kpi("a", f"http://{address}/"))[f"http://{address}/"]
    assert found.failures[found.end] == f"at the iteration's end: status {status[:3]}"


def test_a_server_that_was_not_asked_at_the_end_has_no_answer(folder: IterationDir) -> None:
    with serving(answered(b"x 1\n")) as address:
        servers = Servers([kpi("a", f"http://{address}/")], folder, StopRequest())
        servers.ask("begin")
        found = servers.keep()[f"http://{address}/"]
    assert (found.begin.read_bytes(), found.end.exists(), found.failures) == (b"x 1\n", False, {})


def test_a_stop_ends_the_wait_for_a_server(folder: IterationDir) -> None:
    stop, over = StopRequest(), Event()

    def talk(connection: socket.socket, server_over: Event) -> None:
        over.set()
        server_over.wait()

    with serving(talk) as address:
        timer = Timer(0.1, stop.request, (signal.SIGTERM,))
        timer.start()
        found = asked(folder, kpi("a", f"http://{address}/"), stop=stop)
        assert found[f"http://{address}/"].failures == {}
        timer.join()


def plant(place: Path, what: str, outside: Path) -> None:
    if what == "file":
        place.write_text("mine")
    elif what == "folder":
        place.mkdir()
        (place / "1.end").mkdir()
    elif what == "link":
        place.symlink_to(outside, target_is_directory=True)
    elif what == "linked file":
        place.mkdir()
        (place / "1.end").symlink_to(outside / "precious")
    else:
        place.mkdir()
        os.mkfifo(place / "1.end")


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege, and there are no pipes of that kind")
@pytest.mark.parametrize("what", ["file", "folder", "link", "linked file", "pipe"])
def test_what_the_workload_put_in_the_place_of_the_answers_leads_nobody_astray(
    folder: IterationDir, tmp_path: Path, what: str
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "precious").write_text("precious")
    plant(folder.path / "answers", what, tmp_path / "outside")
    with serving(answered(b"x 1\n")) as address:
        asked(folder, kpi("a", f"http://{address}/"))
    assert not (folder.path / "answers").is_symlink()
    assert {path.name: path.read_bytes() for path in (folder.path / "answers").iterdir()} == {
        "1.begin": b"x 1\n",
        "1.end": b"x 1\n",
    }
    assert [path.name for path in (tmp_path / "outside").iterdir()] == ["precious"]
    assert (tmp_path / "outside" / "precious").read_text() == "precious"


def test_answers_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    with serving(answered(b"x 1\n")) as address:
        (tmp_path / "file").touch()
        with pytest.raises(SurroundingsError, match="answers"):
            asked(IterationDir(tmp_path / "file"), kpi("a", f"http://{address}/"))


def test_an_answer_that_cannot_be_written_is_told(folder: IterationDir) -> None:
    with pytest.raises(SurroundingsError, match=r"cannot write .*: "):
        servers._write(folder.path, b"x")
