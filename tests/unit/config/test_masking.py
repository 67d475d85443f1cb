"""Secrets are known by their names and shown nowhere."""

from __future__ import annotations

import pytest

from soak_action.config.layers import Entry, Layer, merge
from soak_action.config.masking import MASK, is_secret, mask_leaf, mask_text, mask_words, may_be_quoted, secret_values


@pytest.mark.parametrize(
    "name",
    [
        "API_TOKEN",
        "github_token",
        "SECRET",
        "DB_PASSWORD",
        "passwd",
        "DB_PASS",
        "MYSQL_PWD",
        "API_KEY",
        "APIKEY",
        "KEY",
        "AWS_ACCESS_KEY_ID",
        "PRIVATE_PEM",
        "BASIC_AUTH",
        "SENTRY_DSN",
        "SLACK_WEBHOOK_URL",
        "JWT",
        "DATABASE_URL",
    ],
)
def test_a_telling_name_is_a_secret(name: str) -> None:
    assert is_secret(("workload", "env", name))
    assert is_secret(("profiles", "ci", "workload", "env", name))
    assert not may_be_quoted(("workload", "env", name))


@pytest.mark.parametrize("name", ["LOG_LEVEL", "MONKEY", "AUTHOR", "PWD", "PASSENGERS", "COMPASS"])
def test_other_names_are_none(name: str) -> None:
    assert not is_secret(("workload", "env", name))
    assert may_be_quoted(("workload", "env", name))


def test_only_variables_of_the_workload_are_secrets() -> None:
    assert not is_secret(("kpis", "token", "hard"))
    assert not is_secret(("workload", "env"))
    assert may_be_quoted(("kpis", "token", "hard"))


@pytest.mark.parametrize("path", [(), ("workload",), ("workload", "env"), ("profiles", "ci", "workload")])
def test_what_should_be_a_mapping_around_secrets_is_not_quoted(path: tuple[str, ...]) -> None:
    assert not may_be_quoted(path)


def test_a_leaf_is_masked_with_all_that_it_hides() -> None:
    path = ("workload", "env", "TOKEN")
    leaves = merge(Layer(name, (Entry(path, f"value-{name}", name),)) for name in ("file", "env", "cli"))
    masked = mask_leaf(leaves[path])
    assert masked.value == MASK
    assert [(item.value, item.origin) for item in masked.shadowed] == [(MASK, "env"), (MASK, "file")]
    assert secret_values(leaves) == {"value-file", "value-env", "value-cli"}


def test_other_leaves_and_short_secrets_are_left_alone() -> None:
    entries = (Entry(("workload", "env", "KEY"), "abc", "x"), Entry(("workload", "env", "LEVEL"), "warning", "x"))
    leaves = merge([Layer("file", entries)])
    assert mask_leaf(leaves["workload", "env", "LEVEL"]).value == "warning"
    assert secret_values(leaves) == frozenset()


def test_longer_secrets_are_masked_first() -> None:
    assert mask_text("a hunter2 and a hunter", ["hunter", "hunter2"]) == "a *** and a ***"


def test_a_secret_is_found_in_its_escaped_form_too() -> None:
    secret = 'a"b\\c\td'
    assert mask_text('{"API_TOKEN": "a\\"b\\\\c\\td"}', [secret]) == '{"API_TOKEN": "***"}'


def test_what_a_word_sets_to_a_secret_is_masked_however_short_it_is() -> None:
    words = [
        "run",
        "--set",
        "workload.env.API_TOKEN=abc",
        "--set=workload.env.PASSWORD=x=y\nz",
        "workload.env.LEVEL=abc",
    ]
    assert mask_words(words, ["abcd"]) == [
        *("run", "--set", "workload.env.API_TOKEN=***", "--set=workload.env.PASSWORD=***", "workload.env.LEVEL=abc"),
    ]
    assert mask_words(["job.py", "abcd"], ["abcd"]) == ["job.py", "***"]
