"""Locks: what neither the environment nor the command line may override, and who tried."""

# ruff: noqa: E501  (a message is compared as the one line that it is)
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak_action import resources
from soak_action.config.command_line import Setting
from soak_action.config.environment import parse_overrides
from soak_action.config.layers import Entry, merge
from soak_action.config.locks import Lock, idle_locks
from soak_action.config.stack import Stack, gather
from soak_action.config.yaml_source import parse_mapping

SCHEMA = resources.schema("soak")
FILE = """\
version: 1
workload: {run: x, env: {LEVEL: info}}
schedule: {iterations: 24, every: 1h}
kpis:
  a: {from: m#a, better: lower, hard: 400, soft: 300}
  b: {from: {regex: "(?P<x>.)"}}
gate:
  locked: [%s]
profiles:
  ci: {schedule: {iterations: 3}, gate: {locked: [suite, kpis.*.hard]}}
  loose: {gate: {locked: []}}
  long: {schedule: {duration: 24h}}
"""


def stack(locked: str, *settings: str, profile: str | None = None, **environ: str) -> Stack:
    document = parse_mapping((FILE % locked).encode(), "soak.yaml")
    pairs = [setting.split("=", 1) for setting in settings]
    given_ = [Setting(key, value, f"--set {key}") for key, value in pairs]
    return gather(SCHEMA, document, profile, environ, parse_overrides(environ), given_)


def tries(locked: str, *settings: str, profile: str | None = None, **environ: str) -> list[str]:
    """Return who was refused, as the places of the mistakes."""
    return [mistake.place for mistake in stack(locked, *settings, profile=profile, **environ).mistakes]


def told(locked: str, *settings: str, profile: str | None = None, **environ: str) -> list[str]:
    return [str(mistake) for mistake in stack(locked, *settings, profile=profile, **environ).mistakes]


def locked_in(found: Stack) -> object:
    return merge(found.layers)["gate", "locked"].value


def test_trap_11_a_try_to_override_a_lock_names_who_tried_and_where_the_lock_stands() -> None:
    assert told("kpis.*.hard", "kpis.a.hard=900", SOAK_KPIS__A__HARD="800") == [
        "env SOAK_KPIS__A__HARD: 'kpis.a.hard' may not be overridden here because of the lock 'kpis.*.hard' (soak.yaml:8:12); change soak.yaml, or leave it out",
        "--set kpis.a.hard: 'kpis.a.hard' may not be overridden here because of the lock 'kpis.*.hard' (soak.yaml:8:12); change soak.yaml, or leave it out",
    ]


@pytest.mark.parametrize(
    ("locked", "setting"),
    [
        ("kpis.*.hard", "kpis.a.hard=400"),
        ("kpis.*.hard", 'kpis.a={"hard": 500}'),
        ("kpis.*.hard", 'kpis={"a": {"hard": 500}}'),
        ("kpis.*.hard", "kpis.b.hard=3"),
        ("kpis.a.hard", "kpis.a.hard=500"),
        ("kpis", "kpis.a.title=x"),
        ("kpis", "kpis.new={}"),
        ("kpis.*.from.regex", "kpis.b.from=m#b"),
        ("gate", "gate.fail_on=fail"),
        ("'*'", "suite=x"),
        ("'*.*'", "schedule.warmup=1"),
        ("workload.env", "workload.env.LEVEL=debug"),
        ("workload.env.LEVEL", "workload.env.LEVEL=debug"),
        ("schedule", "schedule.budget=1h"),
    ],
)
def test_a_lock_holds_for_the_path_for_all_below_it_and_against_what_replaces_it(locked: str, setting: str) -> None:
    assert tries(locked, setting) == [f"--set {setting.partition('=')[0]}"]
    assert tries("", setting) == []


@pytest.mark.parametrize(
    ("locked", "setting"),
    [
        ("kpis.*.hard", "kpis.a.soft=200"),
        ("kpis.a.hard", "kpis.b.hard=3"),
        ("kpis.a.hard", "kpis={}"),
        ("kpis.a", "kpis={}"),
        ("schedule.iterations", "schedule.warmup=1"),
        ("schedule.iterations", "schedule.pause=1s"),
        ("gate.fail_on", "suite=x"),
        ("kpis.*.missing", "kpis.a.must_vary=true"),
    ],
)
def test_what_is_not_locked_may_be_set(locked: str, setting: str) -> None:
    assert tries(locked, setting) == []


@pytest.mark.parametrize(
    ("locked", "environ", "place"),
    [
        ("suite", {"soak_suite": "x"}, "env soak_suite"),
        ("schedule", {"SOAK_OVERRIDES": "{schedule: {warmup: 1}}"}, "env SOAK_OVERRIDES:1:13"),
        ("gate.fail_on", {"SOAK_GATE__FAIL_ON": "fail"}, "env SOAK_GATE__FAIL_ON"),
    ],
)
def test_a_try_of_the_environment_is_named(locked: str, environ: dict[str, str], place: str) -> None:
    assert tries(locked, **environ) == [place]


@pytest.mark.parametrize("origin", ["input set schedule.iterations", "input iterations", "--iterations"])
def test_a_try_of_an_input_or_an_option_is_named(origin: str) -> None:
    document = parse_mapping((FILE % "schedule").encode(), "soak.yaml")
    found = gather(SCHEMA, document, None, {}, None, [Setting("schedule.iterations", "1", origin)])
    assert [mistake.place for mistake in found.mistakes] == [origin]


@pytest.mark.parametrize("locked", ["", "suite", "gate.locked", "gate"])
def test_the_list_of_locks_cannot_be_set_from_outside(locked: str) -> None:
    refused = tries(
        locked, "gate.locked=[]", 'gate={"locked": ["suite"]}', SOAK_GATE__LOCKED="[]"
    )  # fmt: skip
    assert refused == ["env SOAK_GATE__LOCKED", "--set gate.locked", "--set gate"]
    assert tries(locked, SOAK_OVERRIDES="{gate: {locked: [suite]}}") == ["env SOAK_OVERRIDES:1:9"]
    assert told("", "gate.locked=[]") == [
        "--set gate.locked: 'gate.locked' can only be given in soak.yaml, at the top or in a profile; leave it out here"
    ]


@pytest.mark.parametrize(
    ("locked", "setting", "other"),
    [
        ("schedule.iterations", "schedule.duration=1h", "schedule.iterations"),
        ("schedule.every", "schedule.pause=0s", "schedule.every"),
    ],
)
def test_unsetting_what_is_locked_through_its_excluded_key_is_a_try(locked: str, setting: str, other: str) -> None:
    (mistake,) = told(locked, setting)
    key = setting.partition("=")[0]
    assert mistake == (
        f"--set {key}: '{key}' would unset '{other}', which the lock '{locked}' (soak.yaml:8:12) forbids; change soak.yaml, or leave it out"
    )


def test_what_is_not_in_force_cannot_be_unset() -> None:
    """The profile long gives a duration, so the locked iterations of the file no longer hold."""
    assert tries("schedule.iterations", "schedule.duration=1h", profile="long") == []
    assert tries("schedule.iterations", "schedule.iterations=1", profile="long") == ["--set schedule.iterations"]


def test_a_profile_overrides_what_the_file_locks_and_adds_locks_but_takes_none_away() -> None:
    ci = stack("kpis.*.hard, schedule", profile="ci")
    assert ci.mistakes == ()
    assert locked_in(ci) == ["kpis.*.hard", "schedule", "suite"]
    assert tries("schedule", "suite=x", profile="ci") == ["--set suite"]
    assert tries("schedule", "schedule.iterations=9", profile="ci") == ["--set schedule.iterations"]
    assert locked_in(stack("schedule", profile="loose")) == ["schedule"]
    assert tries("schedule", "schedule.iterations=9", profile="loose") == ["--set schedule.iterations"]
    assert tries("schedule", "suite=x") == []


def test_a_lock_of_a_profile_is_told_with_its_place() -> None:
    (mistake,) = told("schedule", "suite=x", profile="ci")
    assert "because of the lock 'suite' (profile ci soak.yaml:10:51)" in mistake


@pytest.mark.parametrize(
    ("locked", "words"),
    [
        ("kpi.*.hard", "the lock 'kpi.*.hard' matches no key, so it would protect nothing - did you mean 'kpis'?"),
        ("kpis.*.hardd", " - did you mean 'hard'?"),
        ("schedule.iterations.x", "the lock 'schedule.iterations.x' matches no key, so it would protect nothing"),
        ("profiles", "matches no key"),
        ("gate.*.x", "matches no key"),
    ],
)
def test_a_lock_with_a_typing_error_is_a_mistake(locked: str, words: str) -> None:
    (mistake,) = told(locked)
    assert mistake.startswith("soak.yaml:8:12: ")
    assert words in mistake


@pytest.mark.parametrize("locked", ["kpis.a b", "''", "3", "a..b", "suite, suite", "[suite]"])
def test_a_lock_that_is_no_dotted_path_is_a_mistake(locked: str) -> None:
    assert len([mistake for mistake in told(locked) if "soak.yaml:8:" in mistake]) == 1


def test_a_list_that_is_none_locks_nothing_and_is_told() -> None:
    text = "version: 1\ngate: {locked: suite}\n"
    found = gather(SCHEMA, parse_mapping(text.encode(), "f"), None, {}, None, [Setting("suite", "x", "--set suite")])
    assert [mistake.place for mistake in found.mistakes] == ["f:2:8"]
    assert found.locks == ()


def test_a_lock_on_what_nothing_is_named_like_is_idle() -> None:
    found = stack("kpis.a.hard, kpis.c.hard, kpis.*.soft, schedule.budget, workload.env.DEBUG, workload.env, suite")
    idle = [str(mistake) for mistake in idle_locks(found.locks, merge(found.layers))]
    assert idle == [
        "soak.yaml:8:25: the lock 'kpis.c.hard' protects nothing: there is no 'kpis.c' in this configuration",
        "soak.yaml:8:68: the lock 'workload.env.DEBUG' protects nothing: there is no 'workload.env.DEBUG' in this configuration",
    ]


PARTS = st.lists(st.sampled_from(["kpis", "a", "hard", "x"]), min_size=1, max_size=4).map(tuple)


@given(PARTS, PARTS, st.sets(st.integers(0, 3)))
def test_a_star_never_locks_less_than_the_part_that_it_stands_for(pattern, path, stars: set[int]) -> None:
    starred = tuple("*" if number in stars else part for number, part in enumerate(pattern))
    for value in (3, {}):
        entry = Entry(path, value, "x")
        if Lock(pattern, "").is_overrun_by(entry):
            assert Lock(starred, "").is_overrun_by(entry)
    assert Lock(pattern, "").covers(path) == (path[: len(pattern)] == pattern)
