"""The decisions of scripts/soak.py, one function at a time; test_launcher.py runs the whole."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
import types
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

LAUNCHER = Path(__file__).parents[2] / "scripts" / "soak.py"
DAY = 24 * 3600


@pytest.fixture
def launcher():
    spec = importlib.util.spec_from_file_location("launcher_under_test", LAUNCHER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def echo(text, code):
    """Return a command that says `text` on standard error and ends with `code`, whatever options follow."""
    program = f"import sys; sys.stderr.buffer.write({text.encode()!r}); sys.exit({code})"
    return [sys.executable, "-I", "-c", program]


TOOLS, TEMP, XDG, LOCAL, HOME = (
    str(Path(Path.cwd().anchor, name)) for name in ("tools", "temp", "xdg", "local", "home")
)


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        ({}, "linux", [(HOME, ".cache")]),
        ({}, "freebsd14", [(HOME, ".cache")]),
        ({}, "darwin", [(HOME, "Library", "Caches")]),
        ({"LOCALAPPDATA": LOCAL}, "win32", [(LOCAL,)]),
        ({}, "win32", []),
        ({"XDG_CACHE_HOME": XDG}, "linux", [(XDG,)]),
        ({"XDG_CACHE_HOME": "relative"}, "linux", [(HOME, ".cache")]),
        ({"XDG_CACHE_HOME": XDG}, "darwin", [(HOME, "Library", "Caches")]),
        ({"RUNNER_TEMP": TEMP}, "linux", [(TEMP,), (HOME, ".cache")]),
        ({"RUNNER_TEMP": TEMP, "RUNNER_TOOL_CACHE": TOOLS}, "linux", [(TOOLS,), (TEMP,), (HOME, ".cache")]),
        ({"RUNNER_TEMP": "", "RUNNER_TOOL_CACHE": "relative"}, "linux", [(HOME, ".cache")]),
    ],
)
def test_cache_roots_follow_the_runner_then_the_platform(launcher, environ, platform, expected):
    roots = launcher.cache_roots(environ, HOME, platform)
    assert roots == [str(Path(*parts, "soak-action")) for parts in expected]


@pytest.mark.parametrize(
    ("suffix", "name"),
    [
        (".cpython-311-x86_64-linux-gnu.so", "0123456789abcdef-cpython-311-x86_64-linux-gnu"),
        (".cpython-311-x86_64-linux-musl.so", "0123456789abcdef-cpython-311-x86_64-linux-musl"),
        (".cpython-313t-x86_64-linux-gnu.so", "0123456789abcdef-cpython-313t-x86_64-linux-gnu"),
        (".cpython-311-darwin.so", "0123456789abcdef-cpython-311-darwin-arm64"),
        (".cp311-win_amd64.pyd", "0123456789abcdef-cp311-win_amd64"),
    ],
)
def test_site_name_tells_pythons_and_platforms_apart(launcher, suffix, name):
    assert launcher.site_name("0123456789abcdef" * 4, suffix, "arm64") == name


@pytest.mark.parametrize("content", [None, b"", b"abc\n", b"abd", b"\xff\xfe"])
def test_a_site_is_not_ready_without_the_digest_in_its_marker(launcher, tmp_path, content):
    if content is not None:
        (tmp_path / launcher.MARKER).write_bytes(content)
    assert not launcher.is_ready(str(tmp_path), "abc")


def test_a_site_with_the_digest_in_its_marker_is_ready(launcher, tmp_path):
    (tmp_path / launcher.MARKER).write_bytes(b"abc")
    assert launcher.is_ready(str(tmp_path), "abc")


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({}, True),
        ({"PIP_INDEX_URL": ""}, True),
        ({"PIP_INDEX_URL": "https://index.example/simple"}, False),
        ({"PIP_NO_INDEX": "1"}, False),
        ({"PIP_PROXY": "http://proxy.example"}, False),
        ({"PIP_CACHE_DIR": "somewhere"}, True),
        ({"PIP_INDEX_URL": "https://index.example/simple", "UV_INDEX_URL": "https://index.example/simple"}, True),
        ({"PIP_INDEX_URL": "https://index.example/simple", "UV_DEFAULT_INDEX": "https://index.example/simple"}, True),
        ({"PIP_INDEX_URL": "https://index.example/simple", "UV_PYTHON": "3.12"}, False),
    ],
)
def test_uv_is_passed_over_where_only_pip_knows_the_index(launcher, tmp_path, settings, found):
    uv = tmp_path / "uv"
    uv.write_text("")
    uv.chmod(0o755)
    environ = {"PATH": os.pathsep.join(["", str(tmp_path / "none"), str(tmp_path)]), **settings}
    assert launcher.find_uv(environ, "linux") == (str(uv) if found else "")


def test_uv_is_not_taken_from_the_current_directory(launcher, tmp_path, monkeypatch):
    for name in ("uv", "uv.exe"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o755)
    monkeypatch.chdir(tmp_path)
    for system in ("linux", "win32"):
        assert launcher.find_uv({"PATH": os.pathsep.join(["", "."])}, system) == ""
    assert launcher.find_uv({"PATH": str(tmp_path)}, "win32") == str(tmp_path / "uv.exe")
    assert launcher.find_uv({}, "linux") == ""


def test_a_pip_wheel_in_the_current_directory_is_not_the_bundled_one(launcher, tmp_path, monkeypatch):
    (tmp_path / "pip-99-py3-none-any.whl").write_text("")
    monkeypatch.chdir(tmp_path)
    assert "pip-99-" not in launcher.bundled_pip()


@pytest.mark.parametrize(
    ("uv", "wheel", "names"),
    [
        ("", "", ["pip"]),
        ("/bin/uv", "", ["uv", "pip"]),
        ("", "/pip.whl", ["pip", "bundled pip"]),
        ("/bin/uv", "/pip.whl", ["uv", "pip", "bundled pip"]),
    ],
)
def test_installers_are_tried_in_order(launcher, uv, wheel, names):
    assert [name for name, _ in launcher.installers("python", uv, wheel)] == names


def test_package_sources_pass_and_the_settings_of_other_projects_do_not(launcher):
    kept = {
        "PATH": "p",
        "HTTPS_PROXY": "x",
        "https_proxy": "x",
        "NO_PROXY": "x",
        "SSL_CERT_FILE": "x",
        "REQUESTS_CA_BUNDLE": "x",
        "PIP_INDEX_URL": "x",
        "PIP_EXTRA_INDEX_URL": "x",
        "PIP_FIND_LINKS": "x",
        "PIP_NO_INDEX": "1",
        "PIP_CERT": "x",
        "PIP_PROXY": "x",
        "PIP_TRUSTED_HOST": "x",
        "UV_INDEX_URL": "x",
        "UV_DEFAULT_INDEX": "x",
        "UV_INDEX_COMPANY_PASSWORD": "x",
        "UV_CACHE_DIR": "x",
        "UV_OFFLINE": "1",
    }
    names = (
        "PYTHONPATH PYTHONHOME PYTHONWARNINGS VIRTUAL_ENV CONDA_PREFIX FORCE_COLOR UV_PYTHON UV_TARGET UV_EXCLUDE_NEWER"
    )
    names += " UV_SYSTEM_PYTHON UV_PROJECT PIP_TARGET PIP_PREFIX PIP_ROOT PIP_CONSTRAINT PIP_NO_BINARY PIP_DRY_RUN"
    dropped = dict.fromkeys(names.split(), "x")
    settings = {"PIP_USER": "1", "PIP_REQUIRE_VIRTUALENV": "1"}
    environ = launcher.installer_environment({**kept, **dropped, **settings}, "work")
    assert kept.items() <= environ.items()
    assert not dropped.keys() & environ.keys()
    assert {environ["PIP_USER"], environ["PIP_REQUIRE_VIRTUALENV"]} == {"0"}
    assert environ["TMPDIR"] == "work"


@pytest.mark.parametrize(
    ("output", "errors", "reason"),
    [
        ("", "", "it gave no reason"),
        ("", "one\n\n  two  \n", "two"),
        ("one\n\n  two  \n", "", "two"),
        ("Traceback", "WARNING: x\nERROR: first\nERROR: second\n   detail\n", "ERROR: second detail"),
        ("", "error: Failed\n  Caused by: refused", "error: Failed Caused by: refused"),
        ("", "  \xd7 No solution\n  because\n", "\xd7 No solution because"),
        ("Looking in https://me:secret@index.example/simple", "", "Looking in https://***@index.example/simple"),
        ("", "error: https://me:s@cret@index.example/", "error: https://***@index.example/"),
        (
            "",
            "WARNING: Retrying after connection broken by 'Refused': /a/\nERROR: No distribution",
            "ERROR: No distribution (connection broken by 'Refused': /a/)",
        ),
    ],
)
def test_the_reason_is_one_line_without_credentials(launcher, output, errors, reason):
    assert launcher.reason_of(output, errors) == reason


def test_a_long_reason_is_cut(launcher):
    assert len(launcher.reason_of("", "x" * 5000)) < 700


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "not the one that was locked"),
        ("error: Hash mismatch for `a==1`", "not the one that was locked"),
        ("ERROR: [Errno 28] No space left on device", "free some disk space"),
        ("error: invalid peer certificate: UnknownIssuer", "PIP_CERT"),
        ("error: tcp connect error: Connection refused", "check the network"),
        ("error: Failed to fetch: `https://index.example/a`", "check the network"),
        ("ERROR: No matching distribution found for a==1", "has no wheel"),
        ("ERROR: something new", "correct this"),
    ],
)
def test_a_failure_names_reason_and_remedy_in_one_line(launcher, tmp_path, said, advice):
    with pytest.raises(launcher.CannotInstallError) as caught:
        launcher.install([("pip", echo(said, 1))], "lock", str(tmp_path), dict(os.environ))
    text = str(caught.value)
    assert said in text
    assert advice in text
    assert "\n" not in text


def test_the_next_installer_is_tried_and_gets_an_empty_target(launcher, tmp_path):
    target = tmp_path / "site"
    half = [sys.executable, "-I", "-c", f"import os, sys; os.mkdir({str(target)!r}); sys.exit(2)"]
    check = [sys.executable, "-I", "-c", f"import os, sys; sys.exit(os.path.exists({str(target)!r}))"]
    missing = [str(tmp_path / "no-such-program")]
    commands = [("uv", missing), ("uv", half), ("pip", check)]
    assert launcher.install(commands, "lock", str(tmp_path), dict(os.environ)) == str(target)


def test_the_bundled_pip_is_used_only_if_pip_is_missing(launcher, tmp_path):
    missing = ("pip", echo("/usr/bin/python3: No module named pip", 1))
    broken = ("pip", echo("ERROR: broken", 1))
    bundled = ("bundled pip", echo("", 0))
    assert launcher.install([missing, bundled], "lock", str(tmp_path), dict(os.environ))
    with pytest.raises(launcher.CannotInstallError, match="pip: ERROR: broken"):
        launcher.install([broken, bundled], "lock", str(tmp_path), dict(os.environ))
    with pytest.raises(launcher.CannotInstallError, match="python3-pip"):
        launcher.install([missing], "lock", str(tmp_path), dict(os.environ))


def test_both_failures_are_named(launcher, tmp_path):
    commands = [("uv", echo("error: one", 1)), ("pip", echo("ERROR: two", 1))]
    with pytest.raises(launcher.CannotInstallError, match="uv: error: one; pip: ERROR: two"):
        launcher.install(commands, "lock", str(tmp_path), dict(os.environ))


@pytest.fixture
def dead_pid():
    child = subprocess.Popen([sys.executable, "-I", "-c", ""])
    child.wait()
    return child.pid


@pytest.mark.skipif(os.name == "nt", reason="on Windows age alone decides")
def test_only_old_leftovers_of_dead_builders_are_removed(launcher, tmp_path, dead_pid):
    now = time.time()

    def directory(name, age):
        path = tmp_path / name
        (path / "site").mkdir(parents=True)
        os.utime(path, (now - age, now - age))
        return path

    gone = directory(f"a.building-{dead_pid}-ffffff", DAY + 60)
    kept = [
        directory(f"b.building-{dead_pid}-ffffff", DAY - 60),
        directory(f"c.building-{os.getpid()}-ffffff", DAY + 60),
        directory("d.building-nobody-ffffff", DAY + 60),
        directory("e-cpython-311", DAY + 60),
    ]
    launcher.remove_leftovers(str(tmp_path), now)
    assert not gone.exists()
    assert all(path.exists() for path in kept)


def test_the_first_writable_root_is_reserved(launcher, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    root, work, remark = launcher.reserve([first, second], "name")
    assert (root, remark) == (first, "once")
    assert Path(work).is_dir()
    root, work, remark = launcher.reserve([str(blocked / "cache"), second], "name")
    assert root == second
    assert f"{blocked / 'cache'} cannot be written" in remark
    assert Path(work).parent == Path(second)


def test_the_last_resort_is_a_temporary_root(launcher, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    root, work, remark = launcher.reserve([], "name")
    assert Path(work).parent == Path(root)
    assert Path(root).parent == tmp_path
    assert remark.startswith("removed at the end")


def site_with(launcher, path, digest, content):
    path.mkdir()
    (path / launcher.MARKER).write_text(digest)
    (path / "content").write_text(content)
    return str(path)


@pytest.mark.parametrize(("before", "content"), [(None, "ours"), ("digest", "theirs"), ("damaged", "ours")])
def test_publishing_keeps_a_ready_site_and_replaces_a_damaged_one(launcher, tmp_path, before, content):
    (tmp_path / "work").mkdir()
    built = site_with(launcher, tmp_path / "work" / "site", "digest", "ours")
    site = tmp_path / "site"
    if before:
        site_with(launcher, site, before, "theirs")
    launcher.publish(built, str(site), "digest")
    assert (site / "content").read_text() == content
    assert launcher.is_ready(str(site), "digest")


def test_publishing_gives_up_in_one_line(launcher, tmp_path, monkeypatch):
    monkeypatch.setattr(launcher, "RENAME_ATTEMPTS", 2)
    built = site_with(launcher, tmp_path / "built", "digest", "ours")
    with pytest.raises(launcher.CannotInstallError, match="cannot be renamed"):
        launcher.publish(built, str(tmp_path / "missing" / "site"), "digest")


def test_a_failed_build_leaves_nothing_and_restores_the_signal_handler(launcher, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(launcher, "find_uv", lambda *_: "")
    monkeypatch.setattr(launcher, "installers", lambda *_: [("pip", echo("ERROR: no", 1))])
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(launcher.CannotInstallError):
        launcher.build([str(tmp_path)], "name", "digest", "lock", dict(os.environ))
    assert signal.getsignal(signal.SIGTERM) is before
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().err.count("\n") == 1


def test_the_bundled_pip_of_python_or_of_the_distribution(launcher, tmp_path, monkeypatch):
    (tmp_path / "pip-24.0-py3-none-any.whl").write_text("")
    (tmp_path / "setuptools-66.1-py3-none-any.whl").write_text("")
    monkeypatch.setattr(sysconfig, "get_config_var", {"WHEEL_PKG_DIR": str(tmp_path)}.get)
    assert launcher.bundled_pip() == str(tmp_path / "pip-24.0-py3-none-any.whl")
    (tmp_path / "pip-24.0-py3-none-any.whl").unlink()
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert launcher.bundled_pip() == ""


@pytest.fixture
def real_lock_in(launcher, tmp_path, monkeypatch):
    """Return what the site directory of the real lock is called in an empty cache that soak is told to use."""
    for name in ("RUNNER_TEMP", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name in ("RUNNER_TOOL_CACHE", "HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    digest = hashlib.sha256((LAUNCHER.parent / "requirements.lock").read_bytes()).hexdigest()
    return tmp_path / "soak-action" / launcher.site_name(digest, EXTENSION_SUFFIXES[0], platform.machine()), digest


@pytest.fixture
def fake_cli(monkeypatch):
    """Put a double in the place of the package's command line; it returns the number of its arguments."""
    cli = types.ModuleType("soak_action.cli")
    cli.main = len
    monkeypatch.setitem(sys.modules, "soak_action.cli", cli)
    monkeypatch.setattr(sys, "path", ["", *sys.path])


def test_the_package_runs_with_the_site_first(launcher, real_lock_in, fake_cli):
    site, digest = real_lock_in
    site.mkdir(parents=True)
    (site / launcher.MARKER).write_text(digest)
    assert launcher.run(["a", "b"]) == 2
    assert sys.path[:2] == [str(site), str(LAUNCHER.parent)]
    assert "" not in sys.path


def test_what_an_installer_made_is_marked_and_published(launcher, real_lock_in, fake_cli, monkeypatch):
    site, digest = real_lock_in
    make = [sys.executable, "-I", "-c", "import os, sys; os.mkdir(sys.argv[sys.argv.index('--target') + 1])"]
    monkeypatch.setattr(launcher, "installers", lambda *_: [("pip", make)])
    assert launcher.run([]) == 0
    assert (site / launcher.MARKER).read_text() == digest
    assert list(site.parent.iterdir()) == [site]


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (OSError("disk on fire"), 5)])
def test_no_traceback_when_the_site_cannot_be_provided(launcher, monkeypatch, capsys, error, code):
    def fail(*_):
        raise error

    monkeypatch.setattr(launcher, "provide_site", fail)
    assert launcher.run([]) == code
    told = capsys.readouterr().err
    assert told.startswith("soak: ")
    assert told.count("\n") == 1
