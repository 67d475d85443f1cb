"""The HTTP example for real: the numbers agree with each other, the service is gone afterwards, trouble is counted."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "http-service"
LOAD = EXAMPLE / "load.py"
SERVER = EXAMPLE / "server.py"
PATIENCE = 120.0
ONE_BY_ONE = ("--requests", "60", "--connections", "1")

# A service that is server.py, but writes its process id and spoils something from its `first`th document on.
SPOILED = """
import os, sys, time
from pathlib import Path
sys.dont_write_bytecode = True
sys.path.insert(0, {example!r})
import server
Path({pid_file!r}).write_text(str(os.getpid()))
digest, seen = server.digest, []

def spoiled(document):
    seen.append(None)
    if len(seen) >= {first}:
        {spoil}
    return digest(document)

server.digest = spoiled
sys.exit(server.main())
"""


def run_load(out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", str(LOAD), "--out", str(out), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL, check=False, cwd=out.parent
    )


def spoiled_server(directory: Path, spoil: str = "pass", first: int = 50) -> tuple[Path, Path]:
    script, pid_file = directory / "spoiled.py", directory / "pid"
    text = SPOILED.format(example=str(EXAMPLE), pid_file=str(pid_file), spoil=spoil, first=first)
    script.write_text(text, encoding="utf-8")
    return script, pid_file


def wait_until_gone(pid_file: Path) -> None:
    with suppress(psutil.NoSuchProcess):
        psutil.Process(int(pid_file.read_text())).wait(PATIENCE)


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_bytes())
    return content


@contextmanager
def listening_server(*arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    command = [sys.executable, str(SERVER), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            found = re.fullmatch(rb"listening on http://127\.0\.0\.1:(\d+)\r?\n", process.stdout.readline())
            assert found is not None
            yield process, int(found[1])
        finally:
            process.kill()


def ask(port: int, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


# The load script


def test_a_healthy_run_measures_what_it_promises(tmp_path: Path) -> None:
    script, pid_file = spoiled_server(tmp_path)
    done = run_load(tmp_path / "metrics.json", "--server", str(script))
    assert (done.returncode, done.stderr) == (0, "")
    content = read(tmp_path / "metrics.json")
    assert content["requests"] == content["server_requests"] == 300
    assert content["errors"] == {"count": 0, "rate": 0}
    latency = content["latency"]
    assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"] <= latency["max"] < 60_000
    assert content["throughput_rps"] > 0
    # Four connections at once cannot have spent more than four times the whole time waiting for the median half.
    assert 150 * latency["p50"] / 1000 <= 4 * (300 / content["throughput_rps"]) * 1.01
    wait_until_gone(pid_file)


def test_two_runs_measure_different_latencies(tmp_path: Path) -> None:
    for name in ("one.json", "two.json"):
        assert run_load(tmp_path / name).returncode == 0
    assert read(tmp_path / "one.json")["latency"] != read(tmp_path / "two.json")["latency"]


@pytest.mark.parametrize(("requests", "connections"), [(1, 4), (7, 3), (20, 1)])
def test_every_request_is_sent_once_over_any_number_of_connections(
    requests: int, connections: int, tmp_path: Path
) -> None:
    done = run_load(tmp_path / "m.json", "--requests", str(requests), "--connections", str(connections))
    assert done.returncode == 0
    content = read(tmp_path / "m.json")
    assert (content["requests"], content["server_requests"], content["errors"]["count"]) == (requests, requests, 0)


def test_a_service_that_dies_on_the_way_is_errors_and_not_a_hang(tmp_path: Path) -> None:
    script, pid_file = spoiled_server(tmp_path, "os._exit(9)")
    done = run_load(tmp_path / "metrics.json", "--server", str(script))
    assert done.returncode == 0
    assert done.stderr.startswith("load: ")
    content = read(tmp_path / "metrics.json")
    assert content["requests"] == 300
    assert 251 <= content["errors"]["count"] <= 300
    assert content["errors"]["rate"] == pytest.approx(content["errors"]["count"] / 300)
    assert content["server_requests"] is None
    wait_until_gone(pid_file)


def test_a_service_that_stops_answering_is_errors_and_not_a_hang(tmp_path: Path) -> None:
    script, pid_file = spoiled_server(tmp_path, "time.sleep(1000)")
    done = run_load(tmp_path / "metrics.json", "--server", str(script), *ONE_BY_ONE, "--seconds", "2")
    assert done.returncode == 0
    assert "not sent within 2 s" in done.stderr
    content = read(tmp_path / "metrics.json")
    assert content["requests"] == 60
    assert content["errors"]["count"] == 60 - content["server_requests"] >= 11
    wait_until_gone(pid_file)


def test_a_service_that_dies_at_once_has_no_latency_rather_than_zero(tmp_path: Path) -> None:
    script, _ = spoiled_server(tmp_path, "os._exit(9)", first=1)
    assert run_load(tmp_path / "metrics.json", "--server", str(script), "--requests", "20").returncode == 0
    content = read(tmp_path / "metrics.json")
    assert content["errors"] == {"count": 20, "rate": 1.0}
    assert set(content["latency"].values()) == {None}
    assert content["throughput_rps"] == 0


def test_trap_02_wrong_answers_are_errors(tmp_path: Path) -> None:
    script, pid_file = spoiled_server(tmp_path, "return '0' * 64")
    done = run_load(tmp_path / "metrics.json", "--server", str(script), *ONE_BY_ONE)
    assert done.returncode == 0
    assert "wrong answer" in done.stderr
    content = read(tmp_path / "metrics.json")
    # Documents 50 to 60 got a wrong digest; the service itself did not notice.
    assert (content["errors"]["count"], content["server_requests"]) == (11, 60)
    wait_until_gone(pid_file)


def test_error_statuses_are_errors(tmp_path: Path) -> None:
    script, _ = spoiled_server(tmp_path, "raise ValueError('no')")
    done = run_load(tmp_path / "metrics.json", "--server", str(script), *ONE_BY_ONE)
    assert "status 400" in done.stderr
    content = read(tmp_path / "metrics.json")
    assert (content["errors"]["count"], content["server_requests"]) == (11, 49)


def test_broken_connections_are_errors_and_the_load_goes_on(tmp_path: Path) -> None:
    script, _ = spoiled_server(tmp_path, "assert len(seen) != 50, 'broken'")
    done = run_load(tmp_path / "metrics.json", "--server", str(script), *ONE_BY_ONE)
    content = read(tmp_path / "metrics.json")
    assert "server: request failed: AssertionError('broken')" in done.stderr
    assert (content["errors"]["count"], content["server_requests"]) == (1, 59)


def test_a_busy_port_is_one_clear_failure(tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        done = run_load(tmp_path / "metrics.json", "--port", str(busy.getsockname()[1]))
    assert done.returncode == 1
    server_line, load_line = done.stderr.splitlines()
    assert server_line.startswith("server: cannot listen on 127.0.0.1:")
    assert load_line == "load: cannot start the service: it ended with exit code 1"
    assert not (tmp_path / "metrics.json").exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise SystemExit(3)", "it ended with exit code 3"),
        ("print('hello')", "it printed 'hello' where its port was expected"),
        ("print('listening on http://x:1'); raise SystemExit(4)", "it ended with exit code 4"),
    ],
)
def test_a_service_that_does_not_start_is_one_clear_failure(text: str, reason: str, tmp_path: Path) -> None:
    script = tmp_path / "broken.py"
    script.write_text(text, encoding="utf-8")
    done = run_load(tmp_path / "metrics.json", "--server", str(script))
    assert (done.returncode, done.stderr) == (1, f"load: cannot start the service: {reason}\n")
    assert not (tmp_path / "metrics.json").exists()


def test_a_result_that_cannot_be_written_is_one_clear_failure(tmp_path: Path) -> None:
    done = run_load(tmp_path, "--requests", "4")
    assert done.returncode == 1
    assert done.stderr.startswith("load: cannot write ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("option", ["--requests", "--connections"])
def test_no_requests_are_refused(option: str, tmp_path: Path) -> None:
    done = run_load(tmp_path / "metrics.json", option, "0")
    assert done.returncode == 2
    assert "write 1 or more" in done.stderr


def test_trap_53_the_service_ends_when_the_load_script_is_killed(tmp_path: Path) -> None:
    script, pid_file = spoiled_server(tmp_path, "time.sleep(0.02)")
    command = [sys.executable, str(LOAD), "--out", "m.json", "--server", str(script), "--requests", "100000"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as load:
        deadline = time.monotonic() + PATIENCE
        while not (pid_file.exists() and pid_file.read_text()) and time.monotonic() < deadline:
            time.sleep(0.02)
        load.kill()
    wait_until_gone(pid_file)
    assert not (tmp_path / "m.json").exists()


# The service


def test_the_service_digests_documents_and_counts_them() -> None:
    with listening_server() as (_, port):
        assert ask(port, "GET", "/healthz") == (200, {"status": "ok"})
        expected = hashlib.sha256(b'{"a":[1,2],"b":"\xc3\xa4"}').hexdigest()
        body = '{"b": "ä",\n "a": [1, 2]}'.encode()
        assert ask(port, "POST", "/digest", body) == (200, {"sha256": expected, "bytes": len(body)})
        assert ask(port, "GET", "/stats") == (200, {"requests": 1})


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        ("GET", "/nothing", None, {}, 404),
        ("POST", "/nothing", b"{}", {}, 404),
        ("POST", "/digest", b"{", {}, 400),
        ("POST", "/digest", b"\xff", {}, 400),
        ("POST", "/digest", b"[" * 60_000, {}, 400),
        ("POST", "/digest", b"", {"Content_Length": "-1"}, 411),
        ("POST", "/digest", b"", {"Content_Length": "65537"}, 413),
        ("POST", "/digest", b"", {"Content_Length": "9" * 5000}, 413),
    ],
)
def test_the_service_refuses_and_does_not_count(
    method: str, path: str, body: bytes | None, headers: dict[str, str], status: int
) -> None:
    with listening_server() as (_, port):
        answer, content = ask(port, method, path, body, **headers)
        assert (answer, list(content)) == (status, ["error"])
        assert ask(port, "GET", "/stats") == (200, {"requests": 0})


def test_the_service_ends_when_its_input_ends() -> None:
    with listening_server("--until-stdin-ends") as (process, _):
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(PATIENCE) == 0


def test_the_service_outlives_its_input_otherwise() -> None:
    with listening_server() as (process, port):
        assert process.stdin is not None
        process.stdin.close()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        assert ask(port, "GET", "/healthz")[0] == 200


@pytest.mark.skipif(
    os.name == "nt", reason="Windows ends a process at once; there the end of its input is the gentle way"
)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("arguments", [[], ["--until-stdin-ends"]])
def test_the_service_ends_gently_on_a_signal(number: signal.Signals, arguments: list[str]) -> None:
    with listening_server(*arguments) as (process, _):
        process.send_signal(number)
        assert process.wait(PATIENCE) == 0


# The example stands alone


def test_the_example_needs_nothing_but_its_own_two_files(tmp_path: Path) -> None:
    for source in (LOAD, SERVER):
        shutil.copy(source, tmp_path)
    command = [sys.executable, "-I", "-S", "load.py", "--out", "out/metrics.json", "--requests", "8"]
    done = subprocess.run(command, cwd=tmp_path, timeout=PATIENCE, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert read(tmp_path / "out" / "metrics.json")["requests"] == 8
