"""A small HTTP service: POST a JSON document to /digest and get the SHA-256 of its canonical form.

    python server.py --port 8080

Standard library only. `GET /healthz` says that it is up, `GET /stats` how many documents it has digested.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import socketserver
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_BODY_BYTES = 64 * 1024
IDLE_SECONDS = 30


def digest(document: object) -> str:
    """Return the SHA-256 of the document with sorted keys and without white space."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


class Server(ThreadingHTTPServer):
    """The service, and its own count of the documents it digested."""

    daemon_threads = True
    # On Windows this option would let two servers listen on the same port.
    allow_reuse_address = os.name == "posix"

    def __init__(self, host: str, port: int) -> None:
        super().__init__((host, port), Handler)
        self._count = 0
        self._lock = threading.Lock()

    def server_bind(self) -> None:
        """Bind without asking the name service for our own name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.socket.getsockname()[:2]

    def handle_error(self, request: object, client_address: object) -> None:
        """Report a broken connection in one line."""
        print(f"server: request failed: {sys.exception()!r}", file=sys.stderr, flush=True)

    @property
    def count(self) -> int:
        """How many documents were digested."""
        with self._lock:
            return self._count

    def add_one(self) -> None:
        """Count one more document."""
        with self._lock:
            self._count += 1


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    # An answer leaves in one packet, at once: two small writes would wait for the client's delayed acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer /healthz and /stats."""
        if self.path == "/healthz":
            self._answer(HTTPStatus.OK, {"status": "ok"})
        elif self.path == "/stats":
            self._answer(HTTPStatus.OK, {"requests": self.server.count})
        else:
            self._answer(HTTPStatus.NOT_FOUND, {"error": f"no such page: {self.path}"})

    def do_POST(self) -> None:
        """Digest the document that was posted to /digest."""
        if self.path != "/digest":
            self._refuse(HTTPStatus.NOT_FOUND, f"no such page: {self.path}")
            return
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "a Content-Length is needed")
        elif len(length) > len(str(MAX_BODY_BYTES)) or int(length) > MAX_BODY_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MAX_BODY_BYTES} bytes are accepted")
        else:
            self._digest(self.rfile.read(int(length)))

    def _digest(self, body: bytes) -> None:
        try:
            result = {"sha256": digest(json.loads(body)), "bytes": len(body)}
        except (ValueError, RecursionError):
            self._answer(HTTPStatus.BAD_REQUEST, {"error": "the body is not a JSON document"})
            return
        self.server.add_one()
        self._answer(HTTPStatus.OK, result)

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        # The body stays unread, so the next request on this connection could not be found.
        self.close_connection = True
        self._answer(status, {"error": reason})

    def _answer(self, status: HTTPStatus, content: dict[str, object]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Keep quiet: the load script measures, a line per request would only cost time."""


def set_when_stdin_ends(stop: threading.Event) -> None:
    """Set `stop` when the other end of standard input is closed, for example because that process died."""
    # os.read and not sys.stdin: the interpreter cannot exit while a thread holds the lock of sys.stdin.
    while os.read(0, 4096):
        pass
    stop.set()


def serve(host: str, port: int, *, until_stdin_ends: bool) -> int:
    """Serve until a signal comes (or standard input ends); return the exit code."""
    try:
        server = Server(host, port)
    except (OSError, OverflowError) as error:
        print(f"server: cannot listen on {host}:{port}: {error}", file=sys.stderr)
        return 1
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    if until_stdin_ends:
        threading.Thread(target=set_when_stdin_ends, args=(stop,), daemon=True).start()
    with server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        print(f"listening on http://{host}:{server.server_port}", flush=True)
        # Waiting in short turns, because Windows delivers no Ctrl-C to a thread that waits for ever.
        while not stop.wait(0.2):
            pass
        server.shutdown()
    return 0


def main() -> int:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description="Digest JSON documents over HTTP.")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="the port; 0 takes a free one and prints it (default)")
    parser.add_argument("--until-stdin-ends", action="store_true", help="stop as soon as standard input is closed")
    arguments = parser.parse_args()
    return serve(arguments.host, arguments.port, until_stdin_ends=arguments.until_stdin_ends)


if __name__ == "__main__":
    sys.exit(main())
