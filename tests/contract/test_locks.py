"""Both lock files agree with pyproject.toml and with each other; checked without any network."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
RUNTIME = [Requirement(text) for text in PROJECT["project"]["dependencies"]]
DEVELOPMENT = [Requirement(text) for text in PROJECT["dependency-groups"]["dev"]]
RUNTIME_LOCK = (ROOT / "scripts" / "requirements.lock").read_text("utf-8")
DEVELOPMENT_LOCK = (ROOT / "scripts" / "requirements-dev.lock").read_text("utf-8")

Pins = dict[str, dict[str, str]]


def pins(lock: str) -> Pins:
    """Return for each package its markers and the version that each selects; every entry must be pinned and hashed."""
    found: Pins = {}
    for entry in re.split(r"\n(?=\S)", lock):
        lines = [line.strip().rstrip("\\").strip() for line in entry.splitlines() if not line.lstrip().startswith("#")]
        if not lines:
            continue
        requirement = Requirement(lines[0])
        versions = [each.version for each in requirement.specifier if each.operator == "=="]
        assert len(versions) == 1 == len(requirement.specifier), f"{lines[0]} is not pinned"
        assert lines[1:], f"{lines[0]} has no hash"
        for line in lines[1:]:
            assert re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", line), f"{lines[0]}: {line} is no hash"
        found.setdefault(canonicalize_name(requirement.name), {})[str(requirement.marker or "")] = versions[0]
    return found


def disagreement(requirements: list[Requirement], locked: Pins) -> list[str]:
    """Return what `requirements` ask for and the lock does not give."""
    problems = []
    for requirement in requirements:
        versions = locked.get(canonicalize_name(requirement.name), {})
        if not versions:
            problems.append(f"{requirement} is not locked")
        problems += [
            f"{version} is not {requirement}" for version in versions.values() if version not in requirement.specifier
        ]
    return problems


def test_the_runtime_lock_holds_what_the_package_needs() -> None:
    assert disagreement(RUNTIME, pins(RUNTIME_LOCK)) == []


def test_the_development_lock_holds_what_package_and_tools_need() -> None:
    assert disagreement([*RUNTIME, *DEVELOPMENT], pins(DEVELOPMENT_LOCK)) == []


def test_the_tests_run_with_the_versions_that_users_get() -> None:
    runtime, development = pins(RUNTIME_LOCK), pins(DEVELOPMENT_LOCK)
    differing = {name for name in runtime if set(runtime[name].values()) != set(development.get(name, {}).values())}
    assert differing == set()


@pytest.mark.parametrize("lock", [RUNTIME_LOCK, DEVELOPMENT_LOCK], ids=["runtime", "development"])
def test_a_lock_says_how_to_renew_it_and_nothing_of_where_it_was_made(lock: str) -> None:
    assert "python3 scripts/check.py --lock" in lock
    assert not re.search(r"://|--(extra-)?index|--find-links|file:", lock)


def test_disagreement_is_seen() -> None:
    locked = {"tqdm": {"": "4.66"}}
    assert disagreement([Requirement("tqdm>=4.67"), Requirement("psutil")], locked) == [
        "4.66 is not tqdm>=4.67",
        "psutil is not locked",
    ]


@pytest.mark.parametrize("entry", ["tqdm>=4", "tqdm==4.67", "tqdm==4.67 \\\n    --hash=md5:00"])
def test_what_is_not_pinned_or_not_hashed_is_seen(entry: str) -> None:
    with pytest.raises(AssertionError):
        pins(entry)
