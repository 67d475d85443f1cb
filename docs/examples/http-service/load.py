"""Start the service, send it requests over a few connections, measure every answer, write the numbers as JSON.

    python load.py --out metrics.json

Standard library only. The exit code is 1 when the service cannot be started. A service that answers wrongly or dies on
the way is no reason to fail here: its errors are counted, and the limits in soak.yaml judge them.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import math
import queue
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
HOST = "127.0.0.1"
START_SECONDS = 15.0
REQUEST_SECONDS = 5.0
STOP_SECONDS = 3.0


class ServerError(Exception):
    """The service did not start; the text says why, in one line."""


@dataclass
class Results:
    """What the connections measured: seconds of every good answer, and the reason of every bad one."""

    latencies: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def request_body(number: int) -> tuple[bytes, str]:
    """Return a JSON document of about 2 KB, different for each number, and the SHA-256 that the service must answer."""
    items = [{"id": number * 40 + place, "name": f"item {place}", "tags": ["a", "b", "c"]} for place in range(40)]
    canonical = json.dumps({"items": items, "number": number}, sort_keys=True, separators=(",", ":")).encode()
    return canonical, hashlib.sha256(canonical).hexdigest()


@contextmanager
def running_server(script: Path, port: int) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start the service, wait until it is ready, yield its process and port, and stop it whatever happens."""
    # The pipe is its leash: if this script is killed, the service sees its standard input end and stops.
    command = [sys.executable, str(script), "--host", HOST, "--port", str(port), "--until-stdin-ends"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    lines: queue.Queue[bytes] = queue.Queue()
    reader = threading.Thread(target=drain, args=(process, lines), daemon=True)
    reader.start()
    try:
        deadline = time.monotonic() + START_SECONDS
        chosen = announced_port(process, lines, deadline)
        wait_until_healthy(process, chosen, deadline)
        yield process, chosen
    finally:
        stop(process)
        reader.join(STOP_SECONDS)


def drain(process: subprocess.Popen[bytes], lines: queue.Queue[bytes]) -> None:
    """Put the first line of the service's output into `lines` (an empty one if it said nothing) and drop the others."""
    assert process.stdout is not None
    with process.stdout as stream:
        lines.put(stream.readline(1000))
        while stream.read(4096):
            pass


def announced_port(process: subprocess.Popen[bytes], lines: queue.Queue[bytes], deadline: float) -> int:
    """Return the port that the service printed; raises ServerError when it ended or stays silent."""
    try:
        line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
    except queue.Empty:
        raise ServerError(f"it printed no port within {START_SECONDS:g} s") from None
    found = re.search(rb"listening on http://[^ ]*:(\d+)\s*$", line)
    if found is not None:
        return int(found[1])
    if line:
        raise ServerError(f"it printed {line.decode(errors='replace').strip()!r} where its port was expected")
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    raise ServerError(f"it ended with exit code {process.poll()}")


def wait_until_healthy(process: subprocess.Popen[bytes], port: int, deadline: float) -> None:
    """Return as soon as /healthz answers 200; raises ServerError when that does not happen in time."""
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServerError(f"it ended with exit code {process.returncode}")
        with suppress(OSError, http.client.HTTPException):
            if fetch(port, "/healthz")[0] == http.client.OK:
                return
        time.sleep(0.02)
    raise ServerError(f"it was not ready within {START_SECONDS:g} s")


def fetch(port: int, path: str) -> tuple[int, bytes]:
    """Return status and body of one GET request."""
    connection = http.client.HTTPConnection(HOST, port, timeout=REQUEST_SECONDS)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stop the service: ask (close its input), then terminate, then kill."""
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.close()
    for harder in (process.terminate, process.kill):
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            harder()
    process.wait()


def send(connection: http.client.HTTPConnection, number: int) -> float:
    """Send one request, return its seconds; raises ValueError for a wrong answer, OSError or HTTPException for none."""
    body, expected = request_body(number)
    started = time.perf_counter()
    connection.request("POST", "/digest", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    answer = response.read()
    seconds = time.perf_counter() - started
    if response.status != http.client.OK:
        raise ValueError(f"status {response.status}")
    if json.loads(answer) != {"sha256": expected, "bytes": len(body)}:
        raise ValueError("wrong answer")
    return seconds


@dataclass(frozen=True)
class Load:
    """What is sent: how many requests, over how many connections, and for how many seconds at most."""

    requests: int
    connections: int
    seconds: float


def use_connection(process: subprocess.Popen[bytes], port: int, load: Load, numbers: range, results: Results) -> None:
    """Send the requests `numbers` one after the other over one connection, opened anew after an error."""
    connection = http.client.HTTPConnection(HOST, port, timeout=min(REQUEST_SECONDS, load.seconds))
    deadline = time.monotonic() + load.seconds
    for number in numbers:
        # A dead service is not asked again: on Windows each refused connection would take two seconds.
        if process.poll() is not None:
            results.errors.append(f"the service has ended with exit code {process.returncode}")
        elif time.monotonic() > deadline:
            results.errors.append(f"not sent within {load.seconds:g} s")
        else:
            try:
                results.latencies.append(send(connection, number))
            except (OSError, ValueError, http.client.HTTPException) as error:
                results.errors.append(f"{type(error).__name__}: {error}")
                connection.close()
    connection.close()


def put_under_load(process: subprocess.Popen[bytes], port: int, load: Load) -> tuple[Results, float]:
    """Send all requests over all connections at once; return the results and the seconds that it took."""
    shares = [Results() for _ in range(load.connections)]
    threads = [
        threading.Thread(
            target=use_connection, args=(process, port, load, range(place, load.requests, load.connections), share)
        )
        for place, share in enumerate(shares)
    ]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    latencies = [latency for share in shares for latency in share.latencies]
    errors = [error for share in shares for error in share.errors]
    return Results(latencies, errors), seconds


def server_requests(port: int) -> int | None:
    """Return the service's own count of the documents it digested; None when it no longer answers."""
    try:
        count = json.loads(fetch(port, "/stats")[1])["requests"]
    except (OSError, ValueError, LookupError, TypeError, http.client.HTTPException):
        return None
    return count if isinstance(count, int) else None


def percentile_ms(ordered: list[float], share: float) -> float | None:
    """Return in milliseconds the smallest latency that `share` of all do not exceed; None when there is none."""
    if not ordered:
        return None
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)] * 1000, 3)


def metrics(results: Results, seconds: float, counted: int | None) -> dict[str, object]:
    """Return the document that is written: a number that was not measured is null, never 0."""
    ordered = sorted(results.latencies)
    requests = len(ordered) + len(results.errors)
    return {
        "requests": requests,
        "errors": {"count": len(results.errors), "rate": len(results.errors) / requests},
        "latency": {
            "p50": percentile_ms(ordered, 0.50),
            "p95": percentile_ms(ordered, 0.95),
            "p99": percentile_ms(ordered, 0.99),
            "max": percentile_ms(ordered, 1.0),
        },
        "throughput_rps": round(len(ordered) / seconds, 1),
        "server_requests": counted,
    }


def positive(text: str) -> int:
    """Read a whole number of at least 1 from the command line."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("write 1 or more")
    return number


def main() -> int:
    """Read the command line, run the load, write the numbers."""
    parser = argparse.ArgumentParser(description="Measure the service of server.py under load.")
    parser.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    parser.add_argument("--requests", type=positive, default=300, help="how many requests (default: %(default)s)")
    parser.add_argument(
        "--connections", type=positive, default=4, help="over how many connections (default: %(default)s)"
    )
    parser.add_argument(
        "--seconds", type=positive, default=30, help="send nothing after so long (default: %(default)s)"
    )
    parser.add_argument("--port", type=int, default=0, help="the port of the service; 0 takes a free one (default)")
    parser.add_argument("--server", type=Path, default=HERE / "server.py", help="the script that is the service")
    arguments = parser.parse_args()
    load = Load(arguments.requests, arguments.connections, arguments.seconds)
    try:
        with running_server(arguments.server, arguments.port) as (process, port):
            results, seconds = put_under_load(process, port, load)
            counted = server_requests(port)
    except ServerError as error:
        print(f"load: cannot start the service: {error}", file=sys.stderr)
        return 1
    content = metrics(results, seconds, counted)
    try:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8", newline="\n")
    except OSError as error:
        print(f"load: cannot write {arguments.out}: {error.strerror}", file=sys.stderr)
        return 1
    print(f"load: {content['requests']} requests in {seconds:.2f} s, {len(results.errors)} errors")
    for reason, count in Counter(results.errors).most_common(5):
        print(f"load: {count} x {reason}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
