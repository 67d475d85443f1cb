"""A stand-in for GitHub's REST API on loopback: it keeps state, it has limits, and it misbehaves when a test says so.

Each request is held against GitHub's published description, and so is each answer; what does not fit is answered with
422 and kept in `mistakes`, which a test must find empty.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.github_api import description

TOKEN = "ghs_SecretOfTheTests0123456789abcdef"
OWNER, REPOSITORY = "somebody", "something"
START = 1_780_000_000.0  # 2026-05-28T20:26:40Z
DAY = 86_400.0


class Time:
    """A clock that only a sleep moves on, shared by the client and the server."""

    def __init__(self) -> None:
        self.seconds = START
        self.slept: list[float] = []

    def now(self) -> float:
        """Return the seconds since the epoch."""
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Move the clock on."""
        assert seconds >= 0
        self.slept.append(seconds)
        self.seconds += seconds


class RealTime(Time):
    """The clock on the wall, for clients in processes of their own."""

    def now(self) -> float:
        """Return the seconds since the epoch."""
        return time.time()


@dataclass(frozen=True)
class Request:
    """What came in, without the token."""

    method: str
    path: str
    query: dict[str, str]


@dataclass(frozen=True)
class Reply:
    """What goes out."""

    status: int
    document: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None


Fault = Callable[[Request], Reply | None]


def refusal(status: int, message: str, **headers: str) -> Reply:
    """Return how the API refuses; headers are written with underscores."""
    return Reply(status, {"message": message}, {name.replace("_", "-"): value for name, value in headers.items()})


@dataclass
class GitHub:
    """The state of one repository, and what happened to it.

    `faults` are asked in turn before a request is served; the first that returns a reply has its way.
    """

    time: Time = field(default_factory=Time)
    prefix: str = ""
    token: str = TOKEN
    artifacts: list[dict[str, Any]] = field(default_factory=list)
    runs: dict[int, dict[str, Any]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    releases: list[str] = field(default_factory=list)
    of_forks: set[int] = field(default_factory=set)
    may_delete: bool = True
    with_links: bool = True
    hourly: int = 1_000_000
    points_a_minute: int = 900
    faults: list[Fault] = field(default_factory=list)
    before: Callable[[Request], None] = lambda _: None
    requests: list[Request] = field(default_factory=list)
    deleted: list[int] = field(default_factory=list)
    deletion_times: list[float] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)
    address: str = ""
    _used: int = 0
    _reset: float = START + 3600
    _spent: list[tuple[float, int]] = field(default_factory=list)

    def add_run(self, number: int, conclusion: str | None = "success", **values: Any) -> int:
        """Add a workflow run; without a conclusion it is in progress. Return its number."""
        self.runs[number] = {
            "id": number,
            "name": "Soak",
            "path": ".github/workflows/nightly.yml",
            "head_branch": "main",
            "head_sha": f"{number:040x}",
            "status": "completed" if conclusion else "in_progress",
            "conclusion": conclusion,
            "workflow_id": 7,
            "run_attempt": 1,
            **values,
        }
        return number

    def add_artifact(
        self, number: int, name: str, run: int | None, days_old: float, size: int = 1000, **values: Any
    ) -> int:
        """Add an artifact of a run that `add_run` made; return its number."""
        made = self.runs.get(run or 0)
        link = f"https://api.github.com/repos/{OWNER}/{REPOSITORY}/actions/artifacts/{number}"
        self.artifacts.append(
            {
                "id": number,
                "node_id": f"node{number}",
                "name": name,
                "size_in_bytes": size,
                "url": link,
                "archive_download_url": f"{link}/zip",
                "expired": False,
                "created_at": timestamp(START - days_old * DAY),
                "expires_at": timestamp(START + (90 - days_old) * DAY),
                "updated_at": timestamp(START - days_old * DAY),
                "digest": None,
                "workflow_run": made
                and {
                    "id": made["id"],
                    "repository_id": 42,
                    "head_repository_id": 666 if run in self.of_forks else 42,
                    "head_branch": made["head_branch"],
                    "head_sha": made["head_sha"],
                },
                **values,
            }
        )
        return number

    @property
    def sizes(self) -> dict[int, int]:
        """The bytes of each artifact that is there."""
        return {each["id"]: each["size_in_bytes"] for each in self.artifacts}

    def answer(self, request: Request, authorization: str, query: list[tuple[str, str]], body: bytes) -> Reply:
        """Return what the API says to a request."""
        self.requests.append(request)
        self.before(request)
        for fault in self.faults:
            reply = fault(request)
            if reply is not None:
                return reply
        if authorization != f"Bearer {self.token}":
            return refusal(401, "Bad credentials")
        reply = self._counted(request, query, body)
        left = {"X-RateLimit-Limit": str(self.hourly), "X-RateLimit-Remaining": str(max(0, self.hourly - self._used))}
        return replace(reply, headers={**left, "X-RateLimit-Reset": f"{self._reset:.0f}", **reply.headers})

    def _counted(self, request: Request, query: list[tuple[str, str]], body: bytes) -> Reply:
        limited = self._limited(request)
        if limited is not None:
            return limited
        if not request.path.startswith(self.prefix):
            return refusal(404, "Not Found")
        found = description.find(request.method, request.path.removeprefix(self.prefix))
        if found is None:
            self.mistakes.append(f"{request.method} {request.path} is not described")
            return refusal(404, "Not Found")
        operation, values = found
        mistakes = operation.mistakes(values, query, body)
        if mistakes:
            self.mistakes += [f"{operation.name}: {each}" for each in mistakes]
            return refusal(422, "Validation Failed")
        reply = self._serve(operation.name, values, request)
        if reply.status < 300:
            self.mistakes += [
                f"answer of {operation.name}: {each}" for each in operation.mistakes_of_answer(reply.document)
            ]
            assert reply.status == operation.status
        return reply

    def _limited(self, request: Request) -> Reply | None:
        now = self.time.now()
        if now >= self._reset:
            self._used, self._reset = 0, now + 3600
        if self._used >= self.hourly:
            return refusal(403, "API rate limit exceeded")
        self._used += 1
        self._spent = [(when, points) for when, points in self._spent if when > now - 60]
        points = 1 if request.method == "GET" else 5
        if sum(spent for _, spent in self._spent) + points > self.points_a_minute:
            return refusal(403, "You have exceeded a secondary rate limit", retry_after="60")
        self._spent.append((now, points))
        return None

    def _serve(self, name: str, values: Mapping[str, str], request: Request) -> Reply:
        base = "/repos/{owner}/{repo}"
        if (values["owner"], values["repo"]) != (OWNER, REPOSITORY):
            return refusal(404, "Not Found")
        match name:
            case "GET /repos/{owner}/{repo}":
                return Reply(200, {"full_name": f"{OWNER}/{REPOSITORY}", "default_branch": "main"})
            case "GET /repos/{owner}/{repo}/actions/artifacts":
                return self._page(request, self.artifacts, "artifacts")
            case "DELETE /repos/{owner}/{repo}/actions/artifacts/{artifact_id}":
                return self._delete(int(values["artifact_id"]))
            case "GET /repos/{owner}/{repo}/actions/runs/{run_id}":
                run = self.runs.get(int(values["run_id"]))
                return Reply(200, run) if run else refusal(404, "Not Found")
            case "GET /repos/{owner}/{repo}/releases":
                released = [{"id": number, "tag_name": tag} for number, tag in enumerate(self.releases, 1)]
                rest = {"draft": False, "prerelease": False, "target_commitish": "main"}
                return self._page(request, [each | rest for each in released])
            case "GET /repos/{owner}/{repo}/tags":
                link = "https://api.github.com/commits/x"
                tags = [{"name": tag, "commit": {"sha": sha, "url": link}} for tag, sha in self.tags.items()]
                return self._page(request, tags)
        assert name in {f"GET {base}/actions/runs", f"GET {base}/actions/workflows/{{workflow_id}}/runs"}
        wanted = request.query.get("status")
        runs = [
            run
            for run in sorted(self.runs.values(), key=lambda run: -run["id"])
            if wanted in {None, run["status"], run["conclusion"]}
            and values.get("workflow_id") in {None, str(run["workflow_id"])}
        ]
        return self._page(request, runs[:1000], "workflow_runs")

    def _page(self, request: Request, rows: list[dict[str, Any]], key: str | None = None) -> Reply:
        size = min(100, int(request.query.get("per_page", "30")))
        number = int(request.query.get("page", "1"))
        page = rows[(number - 1) * size : number * size]
        headers = {}
        if self.with_links and number * size < len(rows):
            query = urlencode({**request.query, "page": number + 1})
            headers["Link"] = f'<{self.address}{request.path}?{query}>; rel="next", <{self.address}/last>; rel="last"'
        return Reply(200, page if key is None else {"total_count": len(rows), key: page}, headers)

    def _delete(self, number: int) -> Reply:
        if not self.may_delete:
            accepted = {"x_accepted_github_permissions": "actions=write"}
            return refusal(403, "Resource not accessible by integration", **accepted)
        # The old ones, which are mostly deleted, are at the end.
        places = range(len(self.artifacts) - 1, -1, -1)
        found = next((place for place in places if self.artifacts[place]["id"] == number), None)
        if found is None:
            return refusal(404, "Not Found")
        del self.artifacts[found]
        self.deleted.append(number)
        self.deletion_times.append(self.time.now())
        return Reply(204)


def timestamp(seconds: float) -> str:
    """Return a time as the API writes it."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def serving(github: GitHub) -> Iterator[GitHub]:
    """Serve a repository until the block ends; the API is at `address` followed by `prefix`."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def answer(self) -> None:
            parts = urlsplit(self.path)
            query = parse_qsl(parts.query, keep_blank_values=True)
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            request = Request(self.command, parts.path, dict(query))
            with lock:
                reply = github.answer(request, self.headers.get("authorization", ""), query, body)
            raw = reply.raw
            if raw is None:
                raw = b"" if reply.document is None else json.dumps(reply.document).encode()
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_DELETE = do_POST = do_PUT = do_PATCH = answer  # noqa: N815 - the names that the library calls

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string(github.time.now())

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    github.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield github
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
