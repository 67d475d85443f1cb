"""The five layers of a request, and what is wrong with each of them."""

# ruff: noqa: E501  (a message is compared as the one line that it is)
from __future__ import annotations

import pytest

from soak_action import resources
from soak_action.config.command_line import Setting
from soak_action.config.environment import parse_overrides
from soak_action.config.stack import Stack, gather, section
from soak_action.config.yaml_source import parse_mapping

SCHEMA = resources.schema("soak")
FILE = "version: 1\nkpis: {b: {from: m#b}}\nprofiles:\n  ci: {kpis: {a: {hard: 3}}}\n  empty: {}\n"


def stack(file: str | None = FILE, *, profile: str | None = None, settings: str = "", **environ: str) -> Stack:
    document = None if file is None else parse_mapping(file.encode(), "soak.yaml")
    pairs = [pair.split("=", 1) for pair in settings.split()]
    given = [Setting(key, value, f"--set {key}") for key, value in pairs]
    return gather(SCHEMA, document, profile, environ, parse_overrides(environ), given)


def told(**request: object) -> list[str]:
    return [str(mistake) for mistake in stack(**request).mistakes]  # type: ignore[arg-type]


def kpis_of(found: Stack) -> list[str]:
    """Return the KPIs that the default layer knows, in their order."""
    return list(dict.fromkeys(entry.path[1] for entry in found.layers[0].entries if entry.path[0] == "kpis"))


def test_the_layers_come_in_their_order() -> None:
    found = stack(
        profile="ci", settings="schedule.warmup=1", SOAK_SUITE="x", SOAK_OVERRIDES="{schedule: {iterations: 9}}"
    )
    assert [layer.name for layer in found.layers] == ["default", "file", "profile", "env", "cli"]
    assert [entry.origin for entry in found.layers[2].entries] == ["profile ci soak.yaml:4:19"]
    assert [entry.origin for entry in found.layers[3].entries] == ["env SOAK_SUITE", "env SOAK_OVERRIDES:1:13"]
    assert found.mistakes == found.warnings == ()


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        ({"file": None}, ["exit_code", "wall_seconds", "peak_rss_mib"]),
        ({"file": "version: 1\nkpis: {}\n"}, ["exit_code", "wall_seconds", "peak_rss_mib"]),
        ({}, ["b"]),
        ({"profile": "ci"}, ["b", "a"]),
        ({"profile": "empty"}, ["b"]),
        ({"settings": "kpis.z.from=m#z kpis.c={}"}, ["b", "z", "c"]),
        ({"file": None, "settings": 'kpis={"q":{"hard":1}}'}, ["q"]),
        ({"file": None, "SOAK_OVERRIDES": "kpis: {o: {}}", "settings": "kpis.c={}"}, ["o", "c"]),
        ({"file": None, "settings": "schedule.iterations=3"}, ["exit_code", "wall_seconds", "peak_rss_mib"]),
    ],
)
def test_the_kpis_are_those_that_any_layer_names_in_that_order(request_: dict[str, str], names: list[str]) -> None:
    assert kpis_of(stack(**request_)) == names  # type: ignore[arg-type]


def test_a_variable_may_set_a_kpi_that_another_layer_names() -> None:
    assert told(file=None, settings="kpis.q.from=m#q", SOAK_KPIS__Q__HARD="3") == []


def test_trap_41_an_unknown_profile_is_never_invented() -> None:
    assert told(profile="cii") == ["soak.yaml:3:1: there is no profile 'cii' - did you mean 'ci'?"]
    assert told(file="version: 1\n", profile="ci") == ["soak.yaml:1:1: there is no profile 'ci'; known here: smoke"]
    assert told(file=None, profile="ci") == [
        "profile 'ci': is not defined, because there is no soak.yaml; write one, or leave the profile out"
    ]


@pytest.mark.parametrize("file", [None, "version: 1\n", FILE])
def test_the_profile_smoke_needs_no_definition(file: str | None) -> None:
    found = stack(file, profile="smoke")
    assert found.mistakes == ()
    layer = next(layer for layer in found.layers if layer.name == "profile")
    assert {entry.origin for entry in layer.entries} == {"built-in profile smoke"}
    assert {".".join(entry.path): entry.value for entry in layer.entries} == {
        "schedule.iterations": 3,
        "schedule.pause": "0s",
        "schedule.warmup": 0,
        "schedule.budget": "2m",
    }


def test_a_profile_smoke_of_the_file_replaces_the_built_in_one() -> None:
    found = stack("version: 1\nprofiles:\n  smoke: {schedule: {iterations: 7}}\n", profile="smoke")
    layer = next(layer for layer in found.layers if layer.name == "profile")
    assert [(entry.path, entry.value) for entry in layer.entries] == [(("schedule", "iterations"), 7)]


def test_a_profile_that_is_no_mapping_is_told() -> None:
    assert told(file=f"{FILE}  nothing:\n", profile="nothing") == [
        "soak.yaml:6:3: 'profiles.nothing' is empty; write {} for the defaults or remove the key"
    ]
    assert told(file="version: 1\nprofiles: 3\n", profile="ci")[0].startswith("soak.yaml:2:1: 'profiles' is 3")


def test_the_file_must_say_its_version_and_the_environment_must_not() -> None:
    assert told(file="suite: x\n") == [
        "soak.yaml:1:1: the file does not say which format it has; add the line version: 1"
    ]
    assert told(SOAK_OVERRIDES="version: 1") == [
        (
            "env SOAK_OVERRIDES:1:1: unknown key 'version'; "
            "known here: suite, workload, schedule, kpis, resources, gate, evidence, parameters, tuning, guards, retention"
        )
    ]


def test_a_mistake_in_overrides_is_told_once() -> None:
    assert told(SOAK_OVERRIDES="{wrong: {a: 1}, suite: [x]}") == [
        (
            "env SOAK_OVERRIDES:1:2: unknown key 'wrong'; "
            "known here: suite, workload, schedule, kpis, resources, gate, evidence, parameters, tuning, guards, retention"
        ),
        (
            "env SOAK_OVERRIDES:1:17: 'suite' is [x], but must be a name of letters, digits, dots, dashes and underscores,"
            " at most 64 long"
        ),
    ]


def test_values_given_one_by_one_are_checked_where_they_were_given() -> None:
    assert told(settings="schedule.iterations=0 kpis.A.hard=3", SOAK_WORKLOAD__TIMEOUT="5") == [
        (
            "env SOAK_WORKLOAD__TIMEOUT: 'workload.timeout': '5' is not a duration; write for example 30s, 5m, 1h30m or 500ms"
            " - did you mean '5s'?"
        ),
        (
            "--set kpis.A.hard: 'A' cannot be a name here; KPI names are lower-case letters, digits and single underscores,"
            " beginning with a letter"
        ),
        "--set schedule.iterations: 'schedule.iterations' is 0, but must be at least 1 (for example 24)",
    ]


def test_a_setting_that_a_later_one_replaces_is_not_checked() -> None:
    assert told(settings="schedule.iterations=0 schedule.iterations=3") == []


def test_every_beside_pause_is_told_in_each_layer() -> None:
    both = "version: 1\nschedule:\n  every: 1h\n  pause: 1s\n"
    assert told(file=both) == ["soak.yaml:4:3: 'pause' cannot stand beside 'every' (soak.yaml:3:3); keep one of them"]
    assert told(settings="schedule.every=1h schedule.pause=1s") == [
        "--set schedule.pause: 'pause' cannot stand beside 'every' (--set schedule.every); keep one of them"
    ]
    assert told(file=both.replace("  pause: 1s\n", ""), settings="schedule.pause=1s") == []


def test_a_scalar_where_another_variable_sets_something_below_is_told() -> None:
    mistakes = told(SOAK_SCHEDULE__ITERATIONS="3", SOAK_OVERRIDES="schedule: 5")
    assert mistakes == ["env SOAK_OVERRIDES:1:1: 'schedule' is 5, but must be a mapping"]


@pytest.mark.parametrize(
    ("path", "part"),
    [
        (("kpis", "a", "hard"), ("kpis", "a")),
        (("kpis",), ("kpis",)),
        (("profiles", "ci", "kpis", "a", "hard"), ("kpis", "a")),
        (("profiles", "other", "kpis"), ("profiles",)),
        (("schedule", "every"), ("schedule",)),
        ((), ()),
    ],
)
def test_a_path_belongs_to_a_section(path: tuple[str, ...], part: tuple[str, ...]) -> None:
    assert section(path, "ci") == part
