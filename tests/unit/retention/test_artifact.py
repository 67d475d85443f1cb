"""Artifacts as GitHub lists them, and what their names say."""

from __future__ import annotations

import pytest

from soak_action.errors import SurroundingsError
from soak_action.retention.artifact import Artifact, Label, artifact_of, label_of

RUN = "20261123T005200Z-nightly-ab12cd"
GATE = "20261123T005200Z-gate-ab12cd"
ROW = {
    "id": 5,
    "name": "soak-x",
    "size_in_bytes": 12,
    "created_at": "2026-05-28T20:26:40Z",
    "expired": False,
    "workflow_run": {"id": 9, "head_branch": "main", "head_sha": "abc", "repository_id": 1, "head_repository_id": 1},
}


def test_a_row_is_read() -> None:
    assert artifact_of(ROW) == Artifact(5, "soak-x", 12, 1_780_000_000.0, False, 9, "main", "abc")
    assert artifact_of({**ROW, "workflow_run": None}) == Artifact(5, "soak-x", 12, 1_780_000_000.0, False)
    assert artifact_of({**ROW, "expired": True}).is_expired
    assert artifact_of({**ROW, "name": "soak-\ud800"}).name.encode(), "a name that could not be stored"


@pytest.mark.parametrize(
    "change",
    [
        {"id": "5"},
        {"id": -5},
        {"id": True},
        {"name": None},
        {"size_in_bytes": 1.5},
        {"size_in_bytes": None},
        {"created_at": None},
        {"created_at": "yesterday"},
        {"workflow_run": 5},
        {"workflow_run": {"id": "x"}},
        {"workflow_run": {"head_branch": "main"}},
    ],
)
def test_a_row_that_makes_no_sense_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(SurroundingsError, match="makes no sense"):
        artifact_of({**ROW, **change})
    with pytest.raises(SurroundingsError, match="makes no sense"):
        artifact_of({})


@pytest.mark.parametrize(
    ("run", "origin"),
    [
        ({}, "default branch"),
        ({"head_branch": "topic"}, "other branches"),
        ({"head_repository_id": 2}, "forks"),
        ({"head_repository_id": None}, "forks"),
    ],
)
def test_where_it_comes_from_is_told_by_github_not_by_names(run: dict[str, object], origin: str) -> None:
    artifact = artifact_of({**ROW, "workflow_run": {**ROW["workflow_run"], **run}})
    assert artifact.origin("main") == origin


@pytest.mark.parametrize(
    ("name", "label"),
    [
        (f"soak-{RUN}", Label("evidence", RUN, ("", "nightly"))),
        (f"soak-{GATE}", Label("evidence", GATE, ("", "gate"), is_judgement=True)),
        (f"soak-receipt-api-nightly-{RUN}", Label("receipt", f"receipt {RUN}", ("api", "nightly"))),
        (f"soak-receipt-my-api-nightly-{RUN}", Label("receipt", f"receipt {RUN}", ("my-api", "nightly"))),
        (f"soak-receipt-api-week-{GATE}", Label("receipt", f"receipt {GATE}", ("api", "week"), is_judgement=True)),
        (f"soak-receipt-api-{GATE}", Label("receipt", f"receipt {GATE}", ("api", "default"), is_judgement=True)),
        ("soak-api-attempt-2-slot-11", Label("slots", "soak-api slots", ("api", "slots"))),
        ("soak-a-b-verdict-attempt-2", Label("judgement", "soak-a-b verdict", ("a-b", "slots"), is_judgement=True)),
        ("soak-linux", Label("other", "", ("soak-linux", "artifacts"))),
        ("soak-linux-12345678901-2", Label("other", "", ("soak-linux-*-2", "artifacts"))),
        (f"soak-{'a1' * 20}", Label("other", "", ("soak-*", "artifacts"))),
        ("soak-ubuntu-22.04-17", Label("other", "", ("soak-ubuntu-22.04-17", "artifacts"))),
        ("", Label("other", "", ("", "artifacts"))),
        ("soak-a-attempt-1-slot-1\n", Label("other", "", ("soak-a-attempt-1-slot-1\n", "artifacts"))),
    ],
)
def test_a_name_says_what_belongs_together(name: str, label: Label) -> None:
    assert label_of(name) == label
