from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.conftest import clean_environment

from soak_action.evidence import fingerprint


def git(directory, *words):
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(directory), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=clean_environment()).stdout.strip()


def test_the_host_is_described(monkeypatch):
    host = fingerprint.host({"ImageOS": "ubuntu24"})
    assert host["runner_image"] == "ubuntu24"
    assert host["cores"] >= 1
    assert host["memory_mib"] > 100
    assert fingerprint.host({})["runner_image"] is None


def test_the_workflow_is_described_on_github_only():
    assert fingerprint.workflow({}) == {}
    assert fingerprint.workflow({"GITHUB_RUN_ID": "5", "GITHUB_JOB": "", "OTHER": "x"}) == {"run_id": "5"}


def test_a_clean_and_a_dirty_tree_are_told_apart(tmp_path):
    git(tmp_path, "init", "-q")
    assert fingerprint.source_tree(tmp_path) == fingerprint.SourceTree(None, None)
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "x")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert fingerprint.source_tree(tmp_path) == fingerprint.SourceTree(commit, False)
    (tmp_path / "a").write_text("2")
    assert fingerprint.source_tree(tmp_path) == fingerprint.SourceTree(commit, True)


def test_outside_a_repository_nothing_is_claimed(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", "/")
    assert fingerprint.source_tree(tmp_path) == fingerprint.SourceTree(None, None)
    assert fingerprint.source_tree(tmp_path / "missing") == fingerprint.SourceTree(None, None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert fingerprint.source_tree(tmp_path) == fingerprint.SourceTree(None, None)


def test_a_blob_has_the_name_that_git_gives_it(tmp_path):
    (tmp_path / "f").write_bytes(b"version: 1\n")
    assert fingerprint.git_blob(b"version: 1\n") == git(tmp_path, "hash-object", "--no-filters", "f")


HEAD = "a" * 40


@pytest.mark.parametrize(
    ("event", "commit"),
    [
        (f'{{"pull_request": {{"head": {{"sha": "{HEAD}"}}}}}}', HEAD),
        (f'{{"pull_request": {{"head": {{"sha": "{HEAD}\\n::error::"}}}}}}', None),
        ('{"pull_request": {"head": {"sha": 5}}}', None),
        ('{"pull_request": null}', None),
        ('{"after": "x"}', None),
        ("[]", None),
        ("not JSON", None),
        ("", None),
    ],
)
def test_the_head_of_a_pull_request_is_read_from_the_event(tmp_path: Path, event: str, commit: str | None) -> None:
    (tmp_path / "event.json").write_text(event, "utf-8")
    assert fingerprint.head_commit({"GITHUB_EVENT_PATH": str(tmp_path / "event.json")}) == commit


def test_without_an_event_there_is_no_head_commit(tmp_path: Path) -> None:
    assert fingerprint.head_commit({}) is None
    assert fingerprint.head_commit({"GITHUB_EVENT_PATH": str(tmp_path)}) is None
