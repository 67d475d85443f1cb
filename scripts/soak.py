"""Start soak: find or build the locked dependencies, then run the package in this very process.

The dependencies of `requirements.lock` live in a site directory of their own, named after the lock's digest, the Python
and the platform. Who needs it first builds it aside and renames it into place; from then on a start costs a few file
reads. The interpreter's own packages and the environment stay as they are.

This file must parse on Python 3.6, to say there what is missing: no `:=`, no `match`, no `annotations` from the future.
"""

import hashlib
import importlib.machinery
import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036  # pragma: platform - runs in older interpreters, unmeasured
    sys.stderr.write(
        "soak: Python 3.11 or newer is needed, but %s is Python %d.%d: use a newer one, for example python3.12\n"
        % (sys.executable, sys.version_info[0], sys.version_info[1])
    )
    sys.exit(5)

MARKER = ".soak-ready"
RENAME_ATTEMPTS = 20

# Where packages come from is the machine owner's business and passes through. Every other setting of an installer
# (target, user, constraints, interpreter, resolution) belongs to some other project.
FOREIGN = ("PIP_", "UV_", "PYTHON", "VIRTUAL_ENV", "CONDA_PREFIX", "FORCE_COLOR", "CLICOLOR_FORCE")
PIP_SOURCES = "INDEX_URL EXTRA_INDEX_URL FIND_LINKS NO_INDEX PROXY CONFIG_FILE CERT CLIENT_CERT TRUSTED_HOST"
PIP_KEPT = f"{PIP_SOURCES} KEYRING_PROVIDER CACHE_DIR NO_CACHE_DIR TIMEOUT DEFAULT_TIMEOUT RETRIES"
UV_SOURCES = "INDEX DEFAULT_INDEX EXTRA_INDEX FIND_LINKS OFFLINE CONFIG_FILE"  # and what starts like one of them
UV_KEPT = f"{UV_SOURCES} CACHE NO_CACHE HTTP REQUEST NATIVE_TLS SYSTEM_CERTS INSECURE KEYRING CREDENTIALS LINK_MODE"

NO_INSTALLER = """neither pip nor uv was found, and soak needs one of them once to install its dependencies: install \
python3-pip or python3-venv (Debian, Ubuntu: sudo apt-get install python3-pip), or put uv on PATH"""
# The first row that has a word in common with what the installer said tells what to do.
ADVICE = {
    "do not match the hashes|hash mismatch": "a file is not the one that was locked: check the package index",
    "no space left|disk quota": "free some disk space",
    "certificate": "name your certificate authority in PIP_CERT or SSL_CERT_FILE",
    "connect|timed out|dns error|resolution|proxy|network|fetch": "check the network, or name your own package index or"
    " proxy (PIP_INDEX_URL, UV_DEFAULT_INDEX, HTTPS_PROXY)",
    "no matching distribution|no solution": "the package index has no wheel for this Python and platform, or denies it",
    "": "correct this and run soak again",
}


class CannotInstallError(Exception):
    """The dependencies cannot be installed; the text says in one line what failed, why and what to do."""


def say(message: str) -> None:
    """Write one line to standard error, in which a runner of GitHub Actions finds no command of somebody else."""
    text = message.replace("##[", "## [")
    sys.stderr.write(f"soak: {text}\n")


def cache_roots(environ: dict[str, str], home: str, platform: str) -> list[str]:
    """Return the directories that may hold site directories, the best first; `platform` as in `sys.platform`."""
    xdg = environ.get("XDG_CACHE_HOME", "")
    caches = {"win32": environ.get("LOCALAPPDATA", ""), "darwin": os.path.join(home, "Library", "Caches")}
    cache = caches.get(platform, xdg if os.path.isabs(xdg) else os.path.join(home, ".cache"))
    named = (environ.get("RUNNER_TOOL_CACHE", ""), environ.get("RUNNER_TEMP", ""), cache)
    return [os.path.join(root, "soak-action") for root in named if os.path.isabs(root)]


def site_name(digest: str, extension_suffix: str, machine: str) -> str:
    """Return the name of a site directory: lock digest, Python and platform.

    The suffix of extension modules tells apart what binary wheels do: version, free threading, processor, glibc, musl.
    Only on macOS it leaves out the processor, where one Python may hold the code of two.
    """
    tag = extension_suffix.strip(".").rpartition(".")[0]
    return f"{digest[:16]}-{tag}-{machine}" if tag.endswith("darwin") else f"{digest[:16]}-{tag}"


def is_ready(site: str, digest: str) -> bool:
    """Tell whether `site` was completely installed from the lock with this digest."""
    try:
        with open(os.path.join(site, MARKER), "rb") as marker:
            return marker.read() == digest.encode()
    except OSError:
        return False


def find_uv(environ: dict[str, str], platform: str) -> str:
    """Return the path of a uv that knows where packages come from, or an empty string.

    uv does not read PIP_*: where only these name an index or proxy it would ask the public index. Only absolute entries
    of PATH count: on Windows `shutil.which` looks into the current directory, where the repository under test lies.
    """
    for_uv = any(name.startswith(tuple(f"UV_{source}" for source in UV_SOURCES.split())) for name in environ)
    if not for_uv and any(environ.get(f"PIP_{source}") for source in PIP_SOURCES.split()):
        return ""
    for directory in filter(os.path.isabs, environ.get("PATH", "").split(os.pathsep)):
        path = os.path.join(directory, "uv.exe" if platform == "win32" else "uv")
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return ""


def bundled_pip() -> str:
    """Return the path of the pip wheel that comes with ensurepip or the distribution, or an empty string."""
    import importlib.util
    import sysconfig

    ensurepip = importlib.util.find_spec("ensurepip")
    bundles = [os.path.join(place, "_bundled") for place in (ensurepip and ensurepip.submodule_search_locations) or ()]
    shared: str = sysconfig.get_config_var("WHEEL_PKG_DIR") or ""
    # Many builds hold an empty string in this variable, and an empty path would mean the current directory.
    for directory in filter(os.path.isdir, filter(None, [shared, *bundles])):
        for wheel in sorted(os.listdir(directory)):
            if wheel.startswith("pip-") and wheel.endswith(".whl"):
                return os.path.join(directory, wheel)
    return ""


def installers(python: str, uv: str, pip_wheel: str) -> list[tuple[str, list[str]]]:
    """Return name and command of every installer to try, in this order."""
    plain = ["install", "--quiet", "--no-color"]
    found = [("pip", [python, "-P", "-m", "pip", *plain])]
    if uv:
        options = ["--quiet", "--color", "never", "--compile-bytecode", "--python", python]
        found.insert(0, ("uv", [uv, "pip", "install", *options]))
    if pip_wheel:
        found.append(("bundled pip", [python, "-P", os.path.join(pip_wheel, "pip"), *plain]))
    return found


def installer_environment(environ: dict[str, str], work: str) -> dict[str, str]:
    """Return the environment of an installer: package sources, proxies and certificates pass, other settings do not."""
    pip = {f"PIP_{name}" for name in PIP_KEPT.split()}
    uv = tuple(f"UV_{name}" for name in UV_KEPT.split())
    kept = {n: environ[n] for n in environ if not n.startswith(FOREIGN) or n in pip or n.startswith(uv)}
    # A pip.conf may ask for the first two; temporary files shall die with the work directory.
    kept.update(PIP_USER="0", PIP_REQUIRE_VIRTUALENV="0", TMPDIR=work, PYTHONUTF8="1")
    kept.update(PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_INPUT="1", PIP_ROOT_USER_ACTION="ignore")
    return kept


def reason_of(output: str, errors: str) -> str:
    """Return in one line what an installer said about its failure on its two streams, without credentials."""
    import re

    causes = re.findall("connection broken by .*", errors)
    said = (errors.strip() or output.strip() or "it gave no reason").splitlines()
    lines = [line.strip() for line in said if line.strip()]
    heads = [number for number, line in enumerate(lines) if line.lower().startswith(("error:", "\xd7"))]
    reason = " ".join(lines[heads[-1] if heads else -1 :] + [f"({cause})" for cause in causes[-1:]])
    return re.sub(r"://[^/\s]*@", "://***@", reason if len(reason) <= 600 else f"{reason[:600]}...")


def install(commands: list[tuple[str, list[str]]], lock: str, work: str, environ: dict[str, str]) -> str:
    """Install `lock` with the first of `commands` that can, return the directory; else raise `CannotInstallError`."""
    import shutil
    import subprocess

    site = os.path.join(work, "site")
    options = ["--target", site, "--require-hashes", "--only-binary", ":all:", "--no-deps", "-r", lock]
    failures = []
    for name, command in commands:
        try:
            done = subprocess.run(
                [*command, *options], cwd=work, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=False
            )
        except OSError as error:
            failures.append(f"{name}: {error}")
            continue
        if done.returncode == 0:
            return site
        shutil.rmtree(site, ignore_errors=True)  # pip keeps what it finds in its target
        if name == "pip" and b"No module named pip" in done.stderr:
            continue
        output, errors = (stream.decode("utf-8", "replace") for stream in (done.stdout, done.stderr))
        failures.append(f"{name}: {reason_of(output, errors)}")
        if name == "pip":
            break  # the bundled one would fail alike
    if not failures:
        raise CannotInstallError(NO_INSTALLER)
    reason = "; ".join(failures)
    advice = next(ADVICE[words] for words in ADVICE if any(word in reason.lower() for word in words.split("|")))
    raise CannotInstallError(f"the dependencies cannot be installed: {reason} - {advice}")


def is_leftover(path: str, now: float) -> bool:
    """Tell whether a building directory is a day old at `now` (seconds since the epoch) and its builder is dead."""
    if now - os.stat(path).st_mtime <= 24 * 3600:
        return False
    if os.name == "nt":  # pragma: platform - signal 0 is Ctrl-C on Windows, so that age alone must do
        return True
    try:
        os.kill(int(path.rpartition(".building-")[2].partition("-")[0]), 0)
    except ProcessLookupError:
        return True
    return False


def remove_leftovers(root: str, now: float) -> None:
    """Remove from `root` what interrupted builds left there."""
    import contextlib
    import shutil

    for path in (os.path.join(root, name) for name in os.listdir(root) if ".building-" in name):
        with contextlib.suppress(OSError, ValueError):  # it just vanished, or is another user's: not ours to remove
            if is_leftover(path, now):
                shutil.rmtree(path, ignore_errors=True)


def reserve(roots: list[str], name: str) -> tuple[str, str, str]:
    """Return the first writable root, else a temporary one, a new work directory in it, and a remark on the choice."""
    import atexit
    import shutil
    import tempfile

    work = f"{name}.building-{os.getpid()}-{os.urandom(3).hex()}"
    remark = "once"
    for root in roots:
        try:
            os.makedirs(os.path.join(root, work))
            return root, os.path.join(root, work), remark
        except OSError as error:
            remark = f"{remark}; {root} cannot be written: {error.strerror}"
    root = tempfile.mkdtemp(prefix="soak-action-")
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    os.mkdir(os.path.join(root, work))
    return root, os.path.join(root, work), f"removed at the end; no cache directory is usable{remark[len('once') :]}"


def publish(built: str, site: str, digest: str) -> None:
    """Rename a finished directory into place unless another process was faster; a damaged one there is moved aside."""
    import time

    for attempt in range(RENAME_ATTEMPTS):
        try:
            return os.rename(built, site)
        except OSError:
            if is_ready(site, digest):
                return None
        try:
            os.rename(site, f"{built}.damaged-{attempt}")
        except OSError:
            time.sleep(0.1)  # on Windows a virus scanner holds new files open for a moment
    raise CannotInstallError(f"{built} cannot be renamed to {site} - check who else may write there")


def build(roots: list[str], name: str, digest: str, lock: str, environ: dict[str, str]) -> str:
    """Install `lock` into a new site directory in the first usable root and return the directory."""
    import shutil
    import signal
    import time

    root, work, remark = reserve(roots, name)
    site = os.path.join(root, name)
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the installer ends with us
    try:
        remove_leftovers(root, time.time())
        say(f"installing the locked dependencies into {site} ({remark})")
        commands = installers(sys.executable, find_uv(environ, sys.platform), bundled_pip())
        built = install(commands, lock, work, installer_environment(environ, work))
        with open(os.path.join(built, MARKER), "wb") as marker:
            marker.write(digest.encode())
        publish(built, site, digest)
    finally:
        shutil.rmtree(work, ignore_errors=True)
        signal.signal(signal.SIGTERM, before)
    return site


def provide_site(lock: str, environ: dict[str, str], home: str) -> str:
    """Return the site directory of `lock`, built now if no root holds it."""
    with open(lock, "rb") as source:
        digest = hashlib.sha256(source.read()).hexdigest()
    uname = getattr(os, "uname", None)
    machine: str = uname().machine if uname else ""
    name = site_name(digest, importlib.machinery.EXTENSION_SUFFIXES[0], machine)
    roots = cache_roots(environ, home, sys.platform)
    for root in roots:
        if is_ready(os.path.join(root, name), digest):
            return os.path.join(root, name)
    return build(roots, name, digest, lock, environ)


def run(argv: list[str]) -> int:
    """Run soak with these arguments and return its exit code; the workload's environment is left alone."""
    scripts = os.path.dirname(os.path.realpath(__file__))
    try:
        site = provide_site(os.path.join(scripts, "requirements.lock"), dict(os.environ), os.path.expanduser("~"))
        sys.path[:] = [site, scripts, *(entry for entry in sys.path if entry not in ("", scripts))]
        from soak_action.cli import main
    except KeyboardInterrupt:
        say("interrupted before anything ran")
        return 130
    except (CannotInstallError, OSError) as error:
        say(str(error))
        return 5
    return main(argv)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
