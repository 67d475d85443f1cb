"""scripts/soak.py as a process: the site directory is found, built once, and never half-built."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.integration.launcher_checkout import POSIX, Checkout, serving


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


@pytest.fixture
def index(checkout):
    with serving(checkout.wheels) as server:
        yield server


def test_cold_then_warm(checkout):
    cold = checkout.start("run", "--set", "a=b c")
    code, facts, told = checkout.end(cold)
    [site] = checkout.left()
    assert (code, facts["answer"], facts["argv"]) == (7, 42, ["run", "--set", "a=b c"])
    assert facts["pid"] == cold.pid
    assert facts["path"][:2] == [str(checkout.root / site), str(checkout.scripts)]
    assert facts["path"].count(str(checkout.scripts)) == 1
    assert len(told) == 1
    assert str(checkout.root / site) in told[0]
    assert list((checkout.base / "temp").iterdir()) == []

    # A warm start needs no wheel, no installer, and none of the modules that run one.
    shutil.rmtree(checkout.wheels)
    code, facts, told = checkout.run(python=(sys.executable, "-I", "-S"))
    assert (code, facts["answer"], told) == (7, 42, [])
    assert not {"subprocess", "tempfile", "shutil", "signal", "re"} & set(facts["modules"])
    assert checkout.left() == [site]


def test_the_workload_inherits_nothing_from_the_launcher(checkout):
    checkout.prepare()
    _, facts, _ = checkout.run()
    added = {name: value for name, value in facts["environ"].items() if checkout.environ.get(name) != value}
    assert added.keys() <= {"LC_CTYPE", "__CF_USER_TEXT_ENCODING"}


def test_a_path_with_spaces_and_letters_of_the_world(tmp_path):
    checkout = Checkout(tmp_path / "a b \u00fc \u4f60", folder="my \u0434\u043e\u043c")
    for flags in ("-I", "-u", "-X", "utf8"), (), ("-I",), ("-W", "error"):
        code, facts, _ = checkout.run(python=(sys.executable, *flags), cwd=tmp_path)
        assert (code, facts["answer"]) == (7, 42)
        assert facts["path"][1] == str(checkout.scripts)


def test_started_through_a_symbolic_link(checkout):
    checkout.prepare()
    link = checkout.base / "soak"
    try:
        link.symlink_to(checkout.scripts / "soak.py")
    except OSError as error:
        pytest.skip(f"symbolic links are not allowed here: {error}")
    code, facts, told = checkout.run(script=link, cwd=checkout.base)
    assert (code, facts["answer"], told) == (7, 42, [])


def test_started_by_a_file_of_the_action(checkout):
    checkout.prepare()
    step = checkout.base / "step"
    step.write_text(f"import runpy, sys\nrunpy.run_path({str(checkout.scripts / 'soak.py')!r}, run_name='__main__')\n")
    code, facts, _ = checkout.run("gate", script=step, python=(sys.executable, "-I", "-u", "-X", "utf8"))
    assert (code, facts["answer"], facts["argv"]) == (7, 42, ["gate"])


def test_two_at_once_make_one_site(checkout, index):
    checkout.use_index(f"http://{index.place}/simple")
    index.release.clear()
    both = [checkout.start(), checkout.start()]
    for _ in both:
        assert index.downloads.acquire(timeout=60)
    assert len(checkout.left()) == 2  # both are building
    index.release.set()
    ends = [checkout.end(process) for process in both]
    assert [(code, facts["answer"]) for code, facts, _ in ends] == [(7, 42)] * 2
    assert ends[0][1]["site"] == ends[1][1]["site"]
    assert len(checkout.left()) == 1


@POSIX
def test_a_killed_build_is_never_ready_and_the_next_start_builds_anew(checkout, index):
    checkout.use_index(f"http://{index.place}/simple")
    index.release.clear()
    process = checkout.start(start_new_session=True)
    assert index.downloads.acquire(timeout=60)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    [leftover] = checkout.left()
    assert ".building-" in leftover
    assert not list((checkout.root / leftover).rglob(".soak-ready"))
    index.release.set()
    code, facts, _ = checkout.run()
    assert (code, facts["answer"]) == (7, 42)

    # A day later the next build clears the leftover away.
    yesterday = time.time() - 25 * 3600
    os.utime(checkout.root / leftover, (yesterday, yesterday))
    with (checkout.scripts / "requirements.lock").open("a") as lock:
        lock.write("# changed\n")
    assert checkout.run()[0] == 7
    assert len(checkout.left()) == 2
    assert leftover not in checkout.left()


@POSIX
@pytest.mark.parametrize(("number", "code", "lines"), [(signal.SIGINT, 130, 2), (signal.SIGTERM, 143, 1)])
def test_a_signal_ends_the_build_at_once_and_leaves_nothing(checkout, index, number, code, lines):
    checkout.use_index(f"http://{index.place}/simple")
    index.release.clear()
    process = checkout.start()
    assert index.downloads.acquire(timeout=60)
    process.send_signal(number)  # to the launcher alone, as the runner does it
    ended, facts, told = checkout.end(process)  # the pipes close only when the installer is gone too
    assert (ended, facts, len(told)) == (code, None, lines)
    assert checkout.left() == []


def test_a_cache_that_cannot_be_written_is_passed_over(checkout):
    file = checkout.base / "file"
    file.write_text("")
    checkout.environ |= {"RUNNER_TOOL_CACHE": str(file), "RUNNER_TEMP": str(checkout.cache)}
    code, facts, told = checkout.run()
    assert (code, facts["answer"]) == (7, 42)
    assert Path(facts["site"]).parent == checkout.root
    assert len(told) == 1
    assert f"{file / 'soak-action'} cannot be written" in told[0]


def test_without_any_cache_a_temporary_directory_does_and_is_removed(checkout):
    file = checkout.base / "file"
    file.write_text("")
    checkout.environ |= dict.fromkeys(("RUNNER_TOOL_CACHE", "XDG_CACHE_HOME", "HOME", "LOCALAPPDATA"), str(file))
    code, facts, told = checkout.run()
    assert (code, facts["answer"], len(told)) == (7, 42, 1)
    assert "removed at the end" in told[0]
    assert Path(facts["site"]).is_relative_to(checkout.base / "temp")
    if os.name != "nt":
        assert list((checkout.base / "temp").iterdir()) == []


def test_an_incomplete_copy_of_the_action(checkout):
    (checkout.scripts / "requirements.lock").unlink()
    code, facts, told = checkout.run()
    assert (code, facts, len(told)) == (5, None, 1)
    assert "requirements.lock" in told[0]


@pytest.mark.parametrize("damage", ["", "0" * 64])
def test_a_site_with_a_damaged_marker_is_built_anew(checkout, damage):
    site = checkout.prepare(marker=damage)
    (checkout.root / site / "soak_test_dependency.py").write_text("ANSWER = 'damaged'\n")
    code, facts, told = checkout.run()
    assert (code, facts["answer"], len(told)) == (7, 42, 1)
    assert checkout.left() == [site]
    assert checkout.run()[2] == []


def test_another_lock_gets_another_site(checkout):
    checkout.prepare()
    assert checkout.run()[2] == []
    with (checkout.scripts / "requirements.lock").open("a") as lock:
        lock.write("# changed\n")
    code, _, told = checkout.run()
    assert (code, len(told)) == (7, 1)
    assert len(checkout.left()) == 2


def older_interpreters():
    """Return older Pythons of this machine that start, one for each version."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = {}
    for minor in range(6, 11):
        places = [shutil.which(f"python3.{minor}"), *root.glob(f"versions/3.{minor}.*/bin/python")]
        for place in filter(None, places):
            started = subprocess.run(
                [place, "-c", "import sys; print(sys.version_info[1])"], capture_output=True, check=False
            )
            if started.stdout.strip() == str(minor).encode():
                found[minor] = str(place)
    return found


def test_an_older_python_is_told_what_is_needed(checkout):
    older = older_interpreters()
    if not older:
        pytest.skip("needs a Python older than 3.11: pyenv install 3.10")
    for minor, python in older.items():
        code, facts, told = checkout.run(python=(python,))
        assert (code, facts, len(told)) == (5, None, 1)
        assert "Python 3.11 or newer is needed" in told[0]
        assert f"Python 3.{minor}" in told[0]
    assert checkout.left() == []
