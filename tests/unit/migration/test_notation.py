from __future__ import annotations

import pytest

from soak_action.config.yaml_source import parse_mapping
from soak_action.migration.rendering import rendered


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (True, "true"),
        (False, "false"),
        (3, "3"),
        (3.0, "3"),
        (0.25, "0.25"),
        (1e300, "1e+300"),
        (None, "null"),
        ("1h", "1h"),
        ("3", '"3"'),
        ("true", '"true"'),
        ("no", '"no"'),
        (".nan", '".nan"'),
        ("0755", '"0755"'),
        ("", '""'),
        ("a: b", "'a: b'"),
        ("# a", "'# a'"),
        ("é 😀", "é 😀"),
        ("a\tb", '"a\\tb"'),
        ("a\n b\n", "|\n  a\n   b"),
        (["a", 1, {"b": [2]}], "[a, 1, b: [2]]"),
        ({}, "{}"),
        ([], "[]"),
    ],
)
def test_values_are_written_as_people_would(value, written):
    former = b"version: 1\n"
    text = rendered(former, parse_mapping(former, "soak.yaml"), {("x",): value}, {}, spaced=False).decode()
    assert text == f"version: 1\nx: {written}\n"
    assert parse_mapping(text.encode(), "soak.yaml").data["x"] == value
