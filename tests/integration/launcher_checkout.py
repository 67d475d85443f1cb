"""A copy of the launcher to run as a process, and a package index for it on the loopback address."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import threading
import zipfile
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from urllib.parse import urlsplit

import pytest

LAUNCHER = Path(__file__).parents[2] / "scripts" / "soak.py"
WHEEL = "soak_test_dependency-1.0-py3-none-any.whl"
POSIX = pytest.mark.skipif(os.name == "nt", reason="signals and interpreters of POSIX")
NEEDED_BY_THE_SYSTEM = ("SYSTEMROOT", "WINDIR", "COMSPEC", "PATHEXT")

# Stands for the package: tells in JSON what the launcher made of the process, and returns an exit code of its own.
CLI = """
import sys
MODULES = list(sys.modules)
import json, os

def main(argv):
    import soak_test_dependency
    site = os.path.dirname(soak_test_dependency.__file__)
    facts = {"path": sys.path, "argv": argv, "pid": os.getpid(), "environ": dict(os.environ), "modules": list(MODULES)}
    print(json.dumps({**facts, "answer": soak_test_dependency.ANSWER, "site": site}))
    return 7
"""


def launcher_module():
    spec = importlib.util.spec_from_file_location("launcher_under_test", LAUNCHER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_wheel(directory):
    """Write a wheel with the one module `soak_test_dependency` and return its SHA-256."""
    info = "soak_test_dependency-1.0.dist-info"
    files = {
        "soak_test_dependency.py": "ANSWER = 42\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: soak-test-dependency\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = f"{info}/RECORD"
    files[record] = "".join(f"{name},,\n" for name in (*files, record))
    directory.mkdir(parents=True)
    with zipfile.ZipFile(directory / WHEEL, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return hashlib.sha256((directory / WHEEL).read_bytes()).hexdigest()


@dataclass
class Checkout:
    """A copy of the launcher with a lock and a package of its own, and an empty home directory."""

    base: Path
    folder: str = "checkout"

    def __post_init__(self):
        self.scripts = self.base / self.folder / "scripts"
        self.wheels = self.base / "wheels"
        self.home = self.base / "home"
        self.cache = self.base / "cache"
        self.root = self.cache / "soak-action"
        for directory in (self.home, self.base / "temp", self.base / "bin", self.scripts / "soak_action"):
            directory.mkdir(parents=True)
        shutil.copy(LAUNCHER, self.scripts)
        (self.scripts / "soak_action" / "__init__.py").write_text("")
        (self.scripts / "soak_action" / "cli.py").write_text(CLI)
        self.lock(make_wheel(self.wheels))
        self.environ = {name: os.environ[name] for name in NEEDED_BY_THE_SYSTEM if name in os.environ}
        self.environ |= {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
        self.environ |= dict.fromkeys(("HOME", "USERPROFILE"), str(self.home))
        self.environ |= {"RUNNER_TOOL_CACHE": str(self.cache), "PATH": str(self.base / "bin")}
        self.environ |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(self.base / "temp"))
        self.environ |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": self.wheels.as_uri(), "PIP_NO_CACHE_DIR": "1"}

    def lock(self, digest):
        (self.scripts / "requirements.lock").write_text(f"soak-test-dependency==1.0 --hash=sha256:{digest}\n")

    def prepare(self, marker=None):
        """Put the site directory in place, as an earlier start would have done, and return its name."""
        digest = hashlib.sha256((self.scripts / "requirements.lock").read_bytes()).hexdigest()
        name = launcher_module().site_name(digest, EXTENSION_SUFFIXES[0], platform.machine())
        with zipfile.ZipFile(self.wheels / WHEEL) as wheel:
            wheel.extractall(self.root / name)
        (self.root / name / ".soak-ready").write_text(digest if marker is None else marker)
        return name

    def use_index(self, url, **settings):
        for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS"):
            self.environ.pop(name, None)
        self.environ |= {"PIP_INDEX_URL": url, "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull, **settings}

    def start(self, *argv, python=(sys.executable,), script=None, **options):
        command = [*python, str(script or self.scripts / "soak.py"), *argv]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, env=self.environ, encoding="utf-8", **pipes, **{"cwd": self.home, **options})

    def run(self, *argv, **options):
        """Run the launcher to its end and return (exit code, the facts of `CLI` or None, lines of standard error)."""
        return self.end(self.start(*argv, **options))

    def end(self, process):
        out, err = process.communicate(timeout=120)
        assert "Traceback" not in err
        return process.returncode, json.loads(out) if out else None, err.splitlines()

    def left(self, root=None):
        """Return the names of what lies in a cache root."""
        root = root or self.root
        return sorted(path.name for path in root.iterdir()) if root.is_dir() else []


class Index(ThreadingHTTPServer):
    """A package index (and a proxy to it) that can ask for credentials and hold back the wheel."""

    def __init__(self, wheels):
        super().__init__(("127.0.0.1", 0), Page)
        self.wheels = wheels
        self.asked = []
        self.credentials = ""
        self.downloads = threading.Semaphore(0)
        self.release = threading.Event()
        self.release.set()

    @property
    def place(self):
        return f"127.0.0.1:{self.server_address[1]}"


class Page(BaseHTTPRequestHandler):
    """Answers for /simple/soak-test-dependency/ and the wheel."""

    def do_GET(self):
        self.server.asked.append(self.path)
        wanted = "Basic " + base64.b64encode(self.server.credentials.encode()).decode()
        if self.server.credentials and self.headers["Authorization"] != wanted:
            self.answer(401, b"")
        elif urlsplit(self.path).path == "/simple/soak-test-dependency/":
            self.answer(200, f'<a href="/files/{WHEEL}">{WHEEL}</a>'.encode())
        elif self.path.endswith(WHEEL):
            self.server.downloads.release()
            self.server.release.wait(60)
            self.answer(200, (self.server.wheels / WHEEL).read_bytes())
        else:
            self.answer(404, b"")

    def answer(self, status, body):
        try:
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if body.startswith(b"<") else "application/octet-stream")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("WWW-Authenticate", 'Basic realm="packages"')
            self.end_headers()
            self.wfile.write(body)
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def serving(wheels):
    """Serve an index of these wheels for the duration of the block."""
    with Index(wheels) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.release.set()
        server.shutdown()
        thread.join()
