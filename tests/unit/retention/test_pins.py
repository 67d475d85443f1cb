"""Pins are set and removed, and one that cannot be read still holds."""

from __future__ import annotations

import json
import sys

import pytest
from jsonschema import Draft202012Validator
from tests.unit.retention.runs import NOW, output

from soak_action import resources
from soak_action.retention.pins import pin, pins_in, unpin


@pytest.fixture
def root(tmp_path):
    return output(tmp_path / "runs")


def test_a_pin_holds_until_it_is_removed(root):
    assert pins_in(root) == {}
    assert pin(root, "a", "pinned", NOW)
    assert not pin(root, "a", "pinned", NOW)
    assert pins_in(root) == {"a": "pinned"}
    assert pin(root, "a", "release", NOW)
    assert pins_in(root) == {"a": "release"}
    assert unpin(root, "a")
    assert not unpin(root, "a")
    assert pins_in(root) == {}


def test_a_pin_keeps_its_schema(root):
    pin(root, "a", "baseline", NOW)
    document = json.loads((root / ".pins/a").read_text("utf-8"))
    Draft202012Validator(resources.schema("pin")).validate(document)
    assert document["pinned_at"] == "2026-11-26T00:00:00.000Z"


@pytest.mark.skipif(sys.platform == "win32", reason="links are those of POSIX")
def test_a_pin_leads_nowhere_else(root, tmp_path):
    (tmp_path / "precious").write_bytes(b"x")
    (root / ".pins").mkdir()
    (root / ".pins/a").symlink_to(tmp_path / "precious")
    assert pins_in(root) == {"a": "pinned"}
    assert pin(root, "a", "release", NOW)
    assert (tmp_path / "precious").read_bytes() == b"x"
    assert pins_in(root) == {"a": "release"}


@pytest.mark.parametrize("content", [b"", b"[]", b'{"kept_as": "gold"}', b"\xff"])
def test_a_pin_that_cannot_be_read_still_pins(root, content):
    (root / ".pins").mkdir()
    (root / ".pins/a").write_bytes(content)
    assert pins_in(root) == {"a": "pinned"}
