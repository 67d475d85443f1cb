"""The generated reference: complete, always the same, and known to be stale when it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import reference
import reference_actions
from soak_action import cli

ROOT = Path(__file__).resolve().parents[2]


def test_the_pages_of_this_checkout_are_fresh(capsys) -> None:
    assert reference.main(["--check"]) == 0, capsys.readouterr().out


def test_a_stale_a_missing_and_a_foreign_page_are_named(tmp_path: Path, capsys) -> None:
    assert reference.main([], tmp_path) == 0
    assert reference.main(["--check"], tmp_path) == 0
    (tmp_path / "commands.md").write_bytes(b"old\n")
    (tmp_path / "evidence.md").unlink()
    (tmp_path / "notes.md").write_bytes(b"by hand\n")
    assert reference.main(["--check"], tmp_path) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [
        f"{tmp_path.name}/{name}" for name in ("commands.md", "evidence.md", "notes.md")
    ]
    assert all(line.endswith("scripts/reference.py") for line in lines)


def test_neither_terminal_nor_hash_seed_nor_place_change_a_page(tmp_path: Path) -> None:
    environ = {**os.environ, "COLUMNS": "31", "PYTHONHASHSEED": "7", "LC_ALL": "C", "TZ": "Asia/Tokyo"}
    command = [sys.executable, str(ROOT / "scripts" / "reference.py"), "--check"]
    assert subprocess.run(command, cwd=tmp_path, env=environ, check=False).returncode == 0


def test_every_command_and_every_option_is_documented() -> None:
    page = reference.pages()["commands.md"]
    for name, command in reference.commands_of(cli.parser()).items():
        _, found, chapter = page.partition(f"## soak {name}\n")
        assert found
        chapter = chapter.partition("\n## ")[0]
        missing = [
            action.dest
            for action in command._actions
            if action.dest != "help" and f"| `{reference.invocation(action)}` |" not in chapter
        ]
        assert missing == []


def test_every_schema_has_its_page() -> None:
    documented = {schema for _, schema, _ in (*reference.FILES, *reference.OUTPUT_FILES) if schema} | {"soak"}
    assert documented == {path.name.removesuffix(".schema.json") for path in (ROOT / "schemas").iterdir()}


def test_a_key_tells_all_that_one_must_know_to_write_it() -> None:
    _, _, chapter = reference.pages()["configuration.md"].partition("### `kpis.NAME.better`\n")
    lines = chapter.partition("\n###")[0].split("\n- ")
    assert lines[1:] == [
        "Expects: `lower` or `higher`",
        "Example: `better: lower`",
        "Environment variable: `SOAK_KPIS__NAME__BETTER`\n",
    ]


@pytest.mark.parametrize("key", ["version", "profiles", "workload.env.VARIABLE", "kpis.NAME.from.regex", "gate.locked"])
def test_no_variable_is_promised_for_what_none_can_set(key: str) -> None:
    _, found, chapter = reference.pages()["configuration.md"].partition(f"# `{key}`\n")
    assert found
    assert "Environment variable" not in chapter.partition("\n##")[0]


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ({"const": 1}, "`1`"),
        ({"enum": ["a"]}, "`a`"),
        ({"type": ["integer", "null"], "minimum": 1}, "a whole number, at least 1 or `null`"),
        ({"type": "number", "minimum": 0, "maximum": 1}, "a number from 0 to 1"),
        ({"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "number"}}, "a list of 2, each a number"),
        ({"type": "array"}, "a list"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "a mapping, each value a text"),
        ({"type": "object", "additionalProperties": {"type": "object"}}, "a mapping"),
        ({"type": "object", "additionalProperties": False}, "a mapping"),
        ({"x-expects": "what it says", "type": "string"}, "what it says"),
        ({}, "any value"),
    ],
)
def test_an_expectation_is_told_in_words(node: dict, words: str) -> None:
    assert reference.expectation(node) == words


def test_a_parser_without_commands_is_no_command_line() -> None:
    with pytest.raises(LookupError):
        reference.commands_of(cli.parser()._subparsers._group_actions[0].choices["verify"])


def test_the_page_about_actions_tells_what_is_needed_what_holds_else_and_why_a_permission_is_asked_for() -> None:
    page = reference.pages()["actions.md"]
    assert "| `segment` | How long each slot soaks" in page
    assert "| required |" in page
    assert "| `auto` |" in page
    assert "| `contents: read` | to check the repository out |" in page
    assert "\nuses: org/soak-action/.github/workflows/smoke.yml@v1" in page.replace("\n    uses", "\nuses")
    assert reference_actions.in_table("for example 'a|b'") == "for example `a\\|b`"
