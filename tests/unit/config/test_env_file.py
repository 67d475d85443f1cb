from __future__ import annotations

import pytest

from soak_action.config.env_file import parse_env_file
from soak_action.errors import ConfigurationError


def test_lines_are_variables() -> None:
    text = b"\xef\xbb\xbf# a comment\r\n\r\nSOAK_SCHEDULE__ITERATIONS=6\rexport A = 'x # y'\n  B=\"$HOME\"\nC=a=b\n"
    text += b"D=\nE=\"\nF=''"
    assert parse_env_file(text, "ci.env") == {
        "SOAK_SCHEDULE__ITERATIONS": "6",
        "A": "x # y",
        "B": "$HOME",
        "C": "a=b",
        "D": "",
        "E": '"',
        "F": "",
    }


def test_a_json_mapping_is_variables() -> None:
    text = b' {"SOAK_SCHEDULE__ITERATIONS": 6, "A": "x", "SOAK_GATE__LOCKED": ["gate"], "B": true}'
    assert parse_env_file(text, "env.json") == {
        "SOAK_SCHEDULE__ITERATIONS": "6",
        "A": "x",
        "SOAK_GATE__LOCKED": '["gate"]',
        "B": "true",
    }


def test_an_empty_file_has_no_variables() -> None:
    assert parse_env_file(b"", "ci.env") == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"A=1\nno variable\n2B=3\n", ["ci.env:2:1: not a variable", "ci.env:3:1: not a variable"]),
        (b"A=\xff", ["ci.env: not UTF-8 at byte 2"]),
        (b'{"A": 1, "A": 2}', ["ci.env:1:"]),
        (b'{"a b": 1}', ["ci.env: 'a b' is no name of a variable"]),
    ],
)
def test_what_is_none_is_told_with_its_place(text: bytes, told: list[str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_env_file(text, "ci.env")
    assert len(caught.value.mistakes) == len(told)
    for mistake, start in zip(caught.value.mistakes, told, strict=True):
        assert mistake.startswith(start)
