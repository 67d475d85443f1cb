"""scripts/soak.py as a process: which installer runs, with which settings, and what is said when it cannot."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from tests.integration.launcher_checkout import POSIX, WHEEL, Checkout, serving


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


@pytest.fixture
def index(checkout):
    with serving(checkout.wheels) as server:
        yield server


def test_foreign_settings_do_not_divert_the_installer(checkout):
    elsewhere = checkout.base / "elsewhere"
    trap = checkout.base / "trap"
    trap.mkdir()
    (trap / "pip.py").write_text("raise SystemExit('the wrong pip')")
    checkout.environ |= {"PIP_TARGET": str(elsewhere), "PIP_USER": "1", "PIP_REQUIRE_VIRTUALENV": "1"}
    checkout.environ |= {"PIP_CONSTRAINT": str(checkout.base / "missing.txt"), "PIP_NO_BINARY": ":all:"}
    checkout.environ |= {"PYTHONPATH": str(trap), "PYTHONWARNINGS": "error", "VIRTUAL_ENV": str(elsewhere)}
    (checkout.home / "pip.py").write_text("raise SystemExit('the wrong pip')")
    code, facts, _ = checkout.run()
    assert (code, facts["answer"]) == (7, 42)
    assert not elsewhere.exists()


def failure(checkout, **options):
    """Run into a failed installation and return its line, after the one that announces the installation."""
    code, facts, told = checkout.run(**options)
    assert (code, facts, len(told)) == (5, None, 2), told
    assert checkout.left() == []
    return told[1]


def test_no_network(checkout, index):
    checkout.use_index(f"http://nobody:secret@{index.place}/simple")
    checkout.environ["PIP_RETRIES"] = "1"
    index.server_close()
    line = failure(checkout)
    assert line.startswith("soak: the dependencies cannot be installed: pip: ")
    assert "check the network" in line
    assert "secret" not in line


def test_a_wheel_with_another_hash_is_refused(checkout):
    checkout.lock("0" * 64)
    line = failure(checkout)
    assert "soak-test-dependency" in line
    assert "not the one that was locked" in line


def test_a_lock_without_hashes_is_refused(checkout):
    (checkout.scripts / "requirements.lock").write_text("soak-test-dependency==1.0\n")
    assert "hash" in failure(checkout)


def test_a_private_index(checkout, index):
    index.credentials = "me:secret"
    checkout.use_index(f"http://me:wrong@{index.place}/simple")
    line = failure(checkout)
    assert "denies" in line
    assert "wrong" not in line
    checkout.use_index(f"http://me:secret@{index.place}/simple")
    assert checkout.run()[0] == 7
    assert f"/files/{WHEEL}" in index.asked


def test_a_proxy(checkout, index):
    proxy = dict.fromkeys(("HTTP_PROXY", "http_proxy"), f"http://{index.place}")
    checkout.use_index("http://packages.invalid/simple", PIP_TRUSTED_HOST="packages.invalid", **proxy)
    assert checkout.run()[0] == 7
    assert f"http://packages.invalid/files/{WHEEL}" in index.asked


@POSIX
def test_trap_49_the_dependencies_are_unpacked_without_any_program(checkout):
    programs = checkout.base / "programs"
    programs.mkdir()
    for name in ("tar", "gzip", "gunzip", "unzip", "zstd", "bash", "sh"):
        (programs / name).write_text(f"#!/bin/sh\necho {name} >>'{checkout.base}/called'\nexit 127\n")
        (programs / name).chmod(0o755)
    checkout.environ["PATH"] = str(programs)
    code, facts, _ = checkout.run()
    assert (code, facts["answer"]) == (7, 42)
    assert not (checkout.base / "called").exists()


def test_without_pip_the_bundled_wheel_is_used_and_not_installed(checkout):
    venv = checkout.base / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    python = str(next(venv.glob("[bS]*/python*")))
    if not importlib.util.find_spec("ensurepip"):
        pytest.skip("needs ensurepip: apt-get install python3-venv")
    code, facts, _ = checkout.run(python=(python,))
    assert (code, facts["answer"]) == (7, 42)
    assert subprocess.run([python, "-m", "pip"], capture_output=True, check=False).returncode != 0


@POSIX
def test_without_pip_and_ensurepip_one_line_names_the_package(checkout):
    """The interpreter is this one with a standard library as distributions cut it: no ensurepip, no pip wheel."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    bare = checkout.base / "bare"
    library = bare / "lib" / version
    (bare / "bin").mkdir(parents=True)
    library.mkdir(parents=True)
    python = Path(shutil.copy(os.path.realpath(sys.executable), bare / "bin" / version))
    for entry in Path(sysconfig.get_path("stdlib")).iterdir():
        if entry.name.startswith("_sysconfigdata"):
            (library / entry.name).write_text(entry.read_text() + "\nbuild_time_vars.pop('WHEEL_PKG_DIR', None)\n")
        elif entry.name not in ("ensurepip", "site-packages", "dist-packages", "__pycache__"):
            (library / entry.name).symlink_to(entry)
    probe = subprocess.run([python, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=False)
    if probe.stdout.strip() != str(bare):
        pytest.skip("this interpreter does not run from another directory")
    line = failure(checkout, python=(str(python),))
    assert "python3-pip" in line


def uv_path():
    beside = Path(sys.executable).parent / "uv"
    return shutil.which("uv") or (str(beside) if beside.exists() else None)


def test_uv_installs_where_it_is_found(checkout, index):
    uv = uv_path()
    if not uv:
        pytest.skip("needs uv: pip install uv")
    checkout.environ["PATH"] = str(Path(uv).parent)
    checkout.use_index("http://packages.invalid/simple", UV_DEFAULT_INDEX=f"http://{index.place}/simple")
    checkout.environ |= {"UV_CACHE_DIR": str(checkout.base / "uv"), "UV_PYTHON": "2.7", "UV_TARGET": "elsewhere"}
    code, facts, _ = checkout.run()
    assert (code, facts["answer"]) == (7, 42)
    installer = Path(facts["site"]) / "soak_test_dependency-1.0.dist-info" / "INSTALLER"
    assert installer.read_text().strip() == "uv"

    shutil.rmtree(checkout.root)
    checkout.lock("0" * 64)
    assert "not the one that was locked" in failure(checkout)


@POSIX
def test_a_failing_uv_is_replaced_by_pip(checkout):
    notes = checkout.base / "notes.json"
    double = checkout.base / "bin" / "uv"
    double.write_text(
        f"#!{sys.executable}\nimport json, os, sys\n"
        f"json.dump([sys.argv[1:], dict(os.environ), os.getcwd()], open({str(notes)!r}, 'w'))\nsys.exit('error: no')\n"
    )
    double.chmod(0o755)
    assert checkout.run()[0] == 7
    assert not notes.exists()  # PIP_FIND_LINKS is nothing that uv reads

    shutil.rmtree(checkout.root)
    checkout.environ |= {"UV_FIND_LINKS": "links", "UV_PYTHON": "2.7", "PYTHONUNBUFFERED": "1"}
    code, facts, told = checkout.run()
    assert (code, facts["answer"], len(told)) == (7, 42, 1)
    argv, environ, directory = json.loads(notes.read_text())
    assert argv[:2] == ["pip", "install"]
    assert {"--require-hashes", "--no-deps", "--target", str(checkout.scripts / "requirements.lock")} <= set(argv)
    assert environ["UV_FIND_LINKS"] == "links"
    assert not {"UV_PYTHON", "PYTHONUNBUFFERED"} & environ.keys()
    assert ".building-" in directory
