"""All that is said about a configuration: its mistakes, its warnings, each profile, and what was expected of it."""

# ruff: noqa: E501  (a message is compared as the one line that it is)
from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import full

from soak_action import canonical, resources
from soak_action.commands.settings import problem_of_source
from soak_action.config.keys import leaves_below
from soak_action.config.load import Request, Setting, examine
from soak_action.config.report import Report, examine_all
from soak_action.config.schema_tree import settable
from soak_action.errors import ConfigurationError, UsageError

SCHEMA = settable(resources.schema("soak"))

GOOD = "version: 1\nkpis:\n  a: {from: m#a, better: lower, hard: 3}\n"


def report(directory: Path, text: str | None, *expectations: str, sets: str = "", **request: Any) -> Report:
    if text is not None:
        (directory / "soak.yaml").write_text(text, encoding="utf-8")
    given_ = tuple(Setting(key, value, f"--set {key}") for key, value in (pair.split("=") for pair in sets.split()))
    return examine_all(Request(directory, settings=given_, **request), problem_of_source, expectations)


def test_nothing_is_said_about_a_sensible_configuration(tmp_path: Path) -> None:
    found = report(tmp_path, GOOD)
    assert found.to_dict() == {"ok": True, "mistakes": [], "warnings": [], "expectations": []}
    assert found.subject == "soak.yaml"
    assert report(tmp_path, GOOD, profile="smoke").subject == "soak.yaml with the profile smoke"
    (tmp_path / "soak.yaml").unlink()
    assert report(tmp_path, None).subject == "no configuration file, only defaults"


def test_mistakes_of_schema_and_coherence_are_told_in_one_form(tmp_path: Path) -> None:
    found = report(tmp_path, f"{GOOD}suit: x\n").to_dict()
    assert found["ok"] is False
    assert found["mistakes"] == [
        {
            "place": "soak.yaml:4:1",
            "key": "suit",
            "reason": "unknown key 'suit' - did you mean 'suite'?",
            "profile": None,
        }
    ]
    found = report(tmp_path, GOOD.replace("hard: 3", "hard: 3, range: [0, 1]")).to_dict()
    assert [(one["place"], one["key"]) for one in found["mistakes"]] == [("soak.yaml:3:33", "kpis.a.hard")]


@pytest.mark.parametrize("text", ["a: @", "a: 1\na: 2\n"])
def test_a_file_that_is_no_yaml_is_told_with_its_place(tmp_path: Path, text: str) -> None:
    found = report(tmp_path, text, "suite=x")
    (mistake,) = found.mistakes
    assert mistake.about.place.startswith("soak.yaml:")
    assert found.outcomes == ()
    assert mistake.to_dict()["key"] is None


def test_every_profile_of_the_file_is_checked_not_only_the_one_asked_for(tmp_path: Path) -> None:
    text = f"{GOOD}schedule: {{iterations: 3}}\nprofiles:\n  ci: {{schedule: {{warmup: 9}}}}\n  long: {{kpis: {{a: {{hard: 3, range: [0, 1]}}}}}}\n  fine: {{}}\n"
    told = list(map(str, report(tmp_path, text).mistakes))
    assert told == [
        "profile ci soak.yaml:6:19: 9 warm-up iterations leave nothing to judge of 3 planned; plan more of them",
        "profile long soak.yaml:7:21: the hard limit 3 can never be broken: no value of the range [0, 1] is beyond it",
    ]
    asked = report(tmp_path, text, profile="ci").mistakes
    assert [finding.profile for finding in asked] == [None, "long"]


def test_what_is_wrong_in_the_file_is_told_once_and_not_again_for_each_profile(tmp_path: Path) -> None:
    text = f"{GOOD}schedule: {{iterations: 3, warmup: 9}}\nprofiles: {{a: {{}}, b: {{}}, c: {{schedule: {{iterations: 20}}}}}}\n"
    assert len(report(tmp_path, text).mistakes) == 1


def test_what_a_profile_makes_of_a_value_of_the_file_is_told_with_the_profile(tmp_path: Path) -> None:
    text = (
        GOOD.replace("hard: 3", "hard: 3, abort: {beyond: 9, for: 3}")
        + "profiles:\n  ci: {schedule: {iterations: 1}}\n"
    )
    assert list(map(str, report(tmp_path, text).warnings)) == [
        "soak.yaml:3:50: under the profile ci: 3 iterations in a row never happen: this schedule promises 1 judged iteration"
    ]


def test_environment_and_command_line_belong_to_the_profile_asked_for_alone(tmp_path: Path) -> None:
    text = f"{GOOD}profiles: {{long: {{schedule: {{iterations: 9, warmup: 2}}}}}}\n"
    environ = {"SOAK_SCHEDULE__ITERATIONS": "1", "SOAK_FOO": "x"}
    found = report(tmp_path, text, environ=environ, sets="kpis.b.from=m#b")
    assert found.mistakes == ()
    assert [str(one) for one in found.warnings] == [
        "env SOAK_FOO: is not a setting of soak and is ignored",
        "--set kpis.b.from: 'kpis.b' is measured and never judged: it has no limit and no other rule",
    ]


@pytest.mark.parametrize("request_", [{"profile": "nightly"}, {"environ": {"SOAK_PROFILE": "nightly"}}])
def test_trap_41_a_profile_that_is_named_and_unknown_is_a_mistake(tmp_path: Path, request_: dict[str, Any]) -> None:
    (mistake,) = report(tmp_path, f"{GOOD}profiles: {{nightli: {{}}}}\n", **request_).mistakes
    assert str(mistake) == "soak.yaml:4:1: there is no profile 'nightly' - did you mean 'nightli'?"


def test_profiles_that_are_no_mapping_are_told(tmp_path: Path) -> None:
    (mistake,) = report(tmp_path, f"{GOOD}profiles: 3\n").mistakes
    assert mistake.about.place == "soak.yaml:4:1"


def test_expectations_are_all_looked_at_and_the_malformed_ones_are_mistakes(tmp_path: Path) -> None:
    found = report(tmp_path, GOOD, "schedule.iterations=3@default", "suite=x", "suit=x", "schedule.iterations=x")
    assert [outcome.ok for outcome in found.outcomes] == [True, False]
    assert [str(mistake) for mistake in found.mistakes] == [
        "--expect suit: unknown key 'suit' - did you mean 'suite'?",
        "--expect schedule.iterations: 'x' is not a whole number (for example 24)",
    ]
    assert not found.to_dict()["ok"]
    assert [one["ok"] for one in found.to_dict()["expectations"]] == [True, False]


def test_a_warning_does_not_make_it_wrong(tmp_path: Path) -> None:
    found = report(tmp_path, "version: 1\nkpis: {b: {from: m#b}}\n")
    assert found.warnings
    assert found.to_dict()["ok"]


WORDS = [
    "suite",
    "schedule",
    "iterations",
    "kpis",
    "a",
    "hard",
    "gate",
    "locked",
    "profiles",
    "p",
    "*",
    "",
    "range",
    "workload",
    "env",
    "API_TOKEN",
]
DOTTED = st.lists(st.sampled_from(WORDS), max_size=4).map(".".join)
DATA = st.recursive(
    st.one_of(st.none(), st.integers(-9, 9), st.text("a*.1 ", max_size=4), DOTTED),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)),
)


@settings(max_examples=full(500, 60))
@given(
    data=st.dictionaries(st.sampled_from(WORDS), DATA, max_size=4),
    locks=st.lists(DOTTED, max_size=3),
    expectations=st.lists(st.builds("{}={}{}".format, DOTTED, st.text(max_size=5), st.sampled_from(["", "@cli", "@fil", "@"])), max_size=3),
    key=st.one_of(DOTTED, st.text(max_size=5)),
)  # fmt: skip
def test_nothing_that_is_asked_ends_in_a_traceback(tmp_path_factory, data, locks, expectations, key: str) -> None:
    folder = tmp_path_factory.getbasetemp()
    for gate in ({}, {"gate": {"locked": locks}}):
        text = canonical.compact({"version": 1, **data, **gate})
        found = report(
            folder,
            text,
            *expectations,
            profile="p",
            environ={"SOAK_SUITE": "x", "SOAK_OVERRIDES": canonical.compact(data)},
        )
        told = [*map(str, found.mistakes), *map(str, found.warnings), *map(str, found.outcomes)]
        assert all(line.isprintable() for line in told)
        assert found.to_dict()["ok"] == (not found.mistakes and all(outcome.ok for outcome in found.outcomes))
    with contextlib.suppress(ConfigurationError, UsageError):
        assert leaves_below(key, SCHEMA, examine(Request(folder), problem_of_source).resolution.leaves)
