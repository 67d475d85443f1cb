"""Comparing the configuration with the base branch, in real repositories."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from soak_action.base_branch import compare
from soak_action.config.load import Request, load

IDENTITY = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com")
SOAK = "version: 1\nworkload: {run: [a]}\nkpis:\n  v: {from: m.json#v, better: lower, hard: %s}\n%s"


def git(place: Path, *words: str) -> str:
    environ = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(place)}
    done = subprocess.run(
        ["git", *IDENTITY, *words], cwd=place, env=environ, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A repository with one commit on its base branch, in which soak.yaml lies in a folder."""
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "ci tests").mkdir()
    write(tmp_path, 400)
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "Base")
    return tmp_path


def write(place: Path, hard: object, more: str = "") -> None:
    (place / "ci tests" / "soak.yaml").write_text(SOAK % (hard, more), "utf-8")


def compared(place: Path, base: str | None = None, event: str = "pull_request", profile: str | None = None):
    (place / "event.json").write_text(json.dumps({"pull_request": {"base": {"sha": base}}}))
    environ = {"GITHUB_EVENT_NAME": event, "GITHUB_EVENT_PATH": str(place / "event.json")}
    return compare(load(Request(place / "ci tests", profile=profile), lambda _: None), environ)


def told(comparison) -> list[tuple[str, str]]:
    assert comparison.note is None
    return [(change.key, change.direction) for change in comparison.changes]


def test_a_limit_that_was_loosened_is_found(place):
    base = git(place, "rev-parse", "HEAD")
    assert told(compared(place, base)) == []
    write(place, 500)
    assert told(compared(place, base)) == [("kpis.v.hard", "loosened")]


def test_the_first_parent_of_a_tested_merge_is_the_base(place):
    git(place, "checkout", "-q", "-b", "change")
    write(place, 500)
    git(place, "commit", "-q", "-a", "-m", "Loosen")
    git(place, "checkout", "-q", "main")
    (place / "other").write_text("")
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", "Something else")
    git(place, "merge", "-q", "--no-ff", "-m", "Merge", "change")
    assert told(compared(place, "0" * 40)) == [("kpis.v.hard", "loosened")]


def test_the_profile_in_force_is_compared(place):
    base = git(place, "rev-parse", "HEAD")
    write(place, 400, "profiles: {nightly: {kpis: {v: {hard: 900}}}}\n")
    assert told(compared(place, base)) == []
    assert told(compared(place, base, profile="nightly")) == [("kpis.v.hard", "loosened")]


def test_what_cannot_be_compared_is_said(place, tmp_path):
    assert "not in this checkout" in compared(place, "0" * 40).note
    assert "not in this checkout" in compared(place, None).note
    assert "not in this checkout" in compared(place, "--output=x").note
    base = git(place, "rev-parse", "HEAD")
    git(place, "mv", "ci tests", "elsewhere")
    (place / "ci tests").mkdir()
    write(place, 400)
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", "Broken")
    (place / "ci tests" / "soak.yaml").rename(place / "ci tests" / "other.yaml")
    found = compare(
        load(Request(place / "ci tests", config="other.yaml"), lambda _: None),
        {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(place / "event.json")},
    )
    assert "not in this checkout" in found.note
    (place / "event.json").write_text(json.dumps({"pull_request": {"base": {"sha": base}}}))
    found = compare(
        load(Request(place / "ci tests", config="other.yaml"), lambda _: None),
        {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(place / "event.json")},
    )
    assert found.note == "there is no other.yaml on the base branch"


def test_a_base_branch_that_cannot_be_read_is_said(place):
    (place / "ci tests" / "soak.yaml").write_text("version: [", "utf-8")
    git(place, "commit", "-q", "-a", "-m", "Break")
    base = git(place, "rev-parse", "HEAD")
    write(place, 400)
    assert "cannot be read" in compared(place, base).note


def test_without_a_pull_request_or_a_file_nothing_is_compared(place, tmp_path_factory):
    base = git(place, "rev-parse", "HEAD")
    write(place, 500)
    assert compared(place, base, event="push") is None
    empty = tmp_path_factory.mktemp("empty")
    found = compare(load(Request(empty), lambda _: None), {"GITHUB_EVENT_NAME": "pull_request"})
    assert "no configuration file" in found.note


def test_outside_a_repository_that_is_said(tmp_path, monkeypatch):
    (tmp_path / "ci tests").mkdir()
    write(tmp_path, 400)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert "not in this checkout" in compared(tmp_path, "a" * 40).note
