"""The retention log: every line keeps the schema, and the file itself is held to a size."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator
from tests.unit.retention.runs import NOW, log_of, output

from soak_action import resources
from soak_action.errors import SurroundingsError
from soak_action.retention import log as module
from soak_action.retention.log import RetentionLog

DIGEST = "0" * 64


@pytest.fixture
def root(tmp_path):
    return output(tmp_path / "runs")


def append(log, run="a"):
    log.append("delete", run, group="api/default", bytes_before=10, bytes_after=0, reasons=["no rule keeps it"])


def test_every_line_keeps_the_schema(root):
    log = RetentionLog(root, DIGEST, lambda: NOW)
    append(log)
    append(log, "\udcff\n\u00e4")
    lines = log_of(root)
    validator = Draft202012Validator(resources.schema("retention-log"))
    for line in lines:
        validator.validate(line)
    assert [line["run"] for line in lines] == ["a", "\\udcff\n\u00e4"]
    assert lines[0]["time"] == "2026-11-26T00:00:00.000Z"


def test_the_log_is_held_to_a_size_and_the_oldest_lines_go(root, monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 1000)
    log = RetentionLog(root, DIGEST, lambda: NOW)
    for number in range(60):
        append(log, str(number))
    names = sorted(path.name for path in root.glob("retention-log*"))
    assert names == [*(f"retention-log.{number}.jsonl" for number in range(1, 5)), "retention-log.jsonl"]
    assert all(path.stat().st_size < 1500 for path in root.glob("retention-log*"))
    newest_first = [names[-1], *names[:-1]]
    runs = [
        int(json.loads(line)["run"])
        for name in reversed(newest_first)
        for line in (root / name).read_text("utf-8").splitlines()
    ]
    assert runs == list(range(60 - len(runs), 60))


def test_a_torn_line_is_set_aside(root):
    log = RetentionLog(root, DIGEST, lambda: NOW)
    append(log)
    with (root / "retention-log.jsonl").open("ab") as file:
        file.write(b'{"torn')
    append(log)
    assert len(log_of(root)) == 2
    assert (root / "retention-log.jsonl.torn-1").read_bytes() == b'{"torn'


def test_a_log_that_cannot_be_written_is_told_before_anything_is_done(root):
    (root / "retention-log.jsonl").mkdir()
    with pytest.raises(SurroundingsError, match="retention-log.jsonl"):
        RetentionLog(root, DIGEST, lambda: NOW).check()
