"""The built wheel: what is in it, and a soak with it in an empty environment, far from any checkout."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.metadata import Metadata
from packaging.requirements import Requirement
from tests.conftest import clean_environment

import soak_action

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
LOCK = ROOT / "scripts" / "requirements.lock"
PROGRAMS = "Scripts" if os.name == "nt" else "bin"
# What an installer says when the machine reaches no package index; anything else is a defect of ours.
UNREACHABLE = re.compile(
    r"connect|timed? ?out|dns|temporary failure|name resolution|proxy|network|unreachable|offline", re.IGNORECASE
)


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a program that sees nothing of this checkout, nor settings of the development environment."""
    environ = clean_environment(PIP_DISABLE_PIP_VERSION_CHECK="1")
    for name in ("PYTHONPATH", "VIRTUAL_ENV", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):
        environ.pop(name, None)
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=cwd, env=environ, capture_output=True, encoding="utf-8", check=False)


@pytest.fixture(scope="module")
def distributions(tmp_path_factory) -> Path:
    """Return the folder of a source distribution and of the wheel that was built from it, not from the checkout."""
    for tool in ("build", "hatchling"):
        if importlib.util.find_spec(tool) is None:
            pytest.skip(f"needs {tool}: the locked development tools, python3 scripts/check.py --only tests")
    target = tmp_path_factory.mktemp("dist")
    done = run(sys.executable, "-m", "build", "--no-isolation", "--outdir", target, ROOT, cwd=target)
    assert done.returncode == 0, done.stdout + done.stderr
    return target


@pytest.fixture(scope="module")
def wheel(distributions: Path) -> Path:
    (built,) = distributions.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory) -> Path:
    """Return the folder of programs of a new environment that holds the wheel, its locked dependencies, no more."""
    home = tmp_path_factory.mktemp("environment")
    target = home / "an environment"
    folder = target / PROGRAMS
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if uv:
        install: list[str | Path] = [uv, "pip", "install", "--python", folder / "python"]
        created = run(uv, "venv", "--python", sys.executable, target, cwd=home)
    else:
        install = [folder / "python", "-m", "pip", "install"]
        created = run(sys.executable, "-m", "venv", target, cwd=home)
    assert created.returncode == 0, created.stderr
    locked = run(*install, "--require-hashes", "--only-binary", ":all:", "--requirement", LOCK, cwd=home)
    if locked.returncode != 0 and UNREACHABLE.search(locked.stderr):
        pytest.skip("needs a package index, or a cache of one: connect this machine or name one in PIP_INDEX_URL")
    assert locked.returncode == 0, locked.stderr
    done = run(*install, "--no-deps", wheel, cwd=home)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_wheel_holds_the_package_and_every_schema_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    package = ROOT / "scripts" / "soak_action"
    sources = {f"soak_action/{path.relative_to(package).as_posix()}" for path in package.rglob("*.py")}
    schemas = {f"soak_action/_data/schemas/{path.name}" for path in (ROOT / "schemas").iterdir()}
    info = {name for name in names if ".dist-info/" in name}
    assert schemas
    assert names - info == sources | schemas


def test_the_wheel_says_what_the_project_says(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    info = f"soak_action-{soak_action.__version__}.dist-info"
    metadata = Metadata.from_email(archive.read(f"{info}/METADATA"))
    assert str(metadata.version) == soak_action.__version__
    assert metadata.license_expression == "MIT"
    assert {str(each) for each in metadata.requires_dist or []} == {
        str(Requirement(text)) for text in PROJECT["dependencies"]
    }
    assert str(metadata.requires_python) == PROJECT["requires-python"]
    assert archive.read(f"{info}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    assert "soak = soak_action.cli:main" in archive.read(f"{info}/entry_points.txt").decode()


def test_the_source_distribution_holds_no_tests_and_no_leftovers(distributions: Path) -> None:
    (path,) = distributions.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    places = {name.split("/")[0] for name in names}
    assert places == {
        *(".gitignore", "CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml"),
        *("schemas", "scripts"),
    }
    assert not [name for name in names if "test" in name or "__pycache__" in name]


def test_an_installed_wheel_soaks_and_verifies_far_from_any_checkout(programs: Path, tmp_path: Path) -> None:
    soak, python = shutil.which("soak", path=str(programs)), shutil.which("python", path=str(programs))
    assert soak is not None
    done = run(soak, "run", "--json", "--", python, "-c", "pass", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["verdict"], summary["iterations"]) == ("pass", 3)
    verified = run(soak, "verify", summary["run_dir"], cwd=tmp_path)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert f"VERIFIED {summary['run_id']}: pass" in verified.stdout


def test_an_installed_wheel_is_red_where_it_should_be(programs: Path, tmp_path: Path) -> None:
    soak, python = shutil.which("soak", path=str(programs)), shutil.which("python", path=str(programs))
    red = run(soak, "run", "--json", "--", python, "-c", "raise SystemExit(1)", cwd=tmp_path)
    assert red.returncode == 1, red.stderr
    receipt = Path(json.loads(red.stdout)["receipt"])
    receipt.write_bytes(receipt.read_bytes().replace(b'"verdict": "fail"', b'"verdict": "pass"'))
    forged = run(soak, "verify", receipt, cwd=tmp_path)
    assert forged.returncode == 4, forged.stdout
    assert "INVALID  receipt.json" in forged.stdout
