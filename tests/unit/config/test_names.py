"""Nested and dotted names of parameters are one and the same, wherever they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from soak_action.config.load import Loaded, Request, Setting, load
from soak_action.config.names import normal, parse_configuration, path_of
from soak_action.errors import ConfigurationError

HEAD = "version: 1\nworkload: {run: [job]}\nkpis: {v: {from: m.json#v}}\n"
DOTTED = (
    HEAD + "parameters: {values: {impact.cap: {initial: 1, min: 0, max: 2}, plain: {initial: 1, min: 0, max: 2}}}\n"
)
NESTED = (
    HEAD + "parameters: {values: {impact: {cap: {initial: 1, min: 0, max: 2}}, plain: {initial: 1, min: 0, max: 2}}}\n"
)


def loaded(
    folder: Path, text: str, *settings: str, profile: str | None = None, environ: dict[str, str] | None = None
) -> Loaded:
    (folder / "soak.yaml").write_text(text, "utf-8")
    pairs = (setting.split("=", 1) for setting in settings)
    given = tuple(Setting(key, value, f"--set {key}") for key, value in pairs)
    return load(Request(folder, profile=profile, settings=given, environ=environ or {}), lambda _: None)


def mistakes(folder: Path, text: str, *settings: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        loaded(folder, text, *settings)
    return list(caught.value.mistakes)


def test_both_spellings_give_the_same_configuration(tmp_path: Path) -> None:
    dotted, nested = loaded(tmp_path, DOTTED), loaded(tmp_path, NESTED)
    assert dotted.config == nested.config
    assert [leaf.key for leaf in dotted.public_leaves] == [leaf.key for leaf in nested.public_leaves]
    assert dotted.public_tree == nested.public_tree


def test_a_nested_parameter_knows_its_place(tmp_path: Path) -> None:
    text = (
        HEAD + "parameters:\n  values:\n    impact:\n      cap:\n        initial: 5\n        min: 0\n        max: 2\n"
    )
    assert mistakes(tmp_path, text) == [
        "soak.yaml:8:9: 'parameters.values.impact.cap.initial' is 5, which is not between min, 0, and max, 2"
    ]


def test_one_parameter_in_both_spellings_is_given_twice(tmp_path: Path) -> None:
    text = HEAD + (
        "parameters:\n  values:\n    impact.cap: {initial: 1, min: 0, max: 2}\n"
        "    impact: {cap: {initial: 1, min: 0, max: 2}}\n"
    )
    assert mistakes(tmp_path, text) == ["soak.yaml:7:14: the parameter 'impact.cap' is already given at soak.yaml:6:5"]


@pytest.mark.parametrize("text", [DOTTED, NESTED], ids=["dotted", "nested"])
def test_the_layers_above_meet_it_in_either_spelling(tmp_path: Path, text: str) -> None:
    profile = text + "profiles: {p: {parameters: {values: {impact: {cap: {max: 3}}}}}}\n"
    found = loaded(tmp_path, profile, "parameters.values.impact.cap.initial=3", profile="p")
    overrides = {"SOAK_OVERRIDES": "{parameters: {values: {impact: {cap: {max: 4}}}}}"}
    assert found.config.parameters is not None
    cap = found.config.parameters.values[0]
    assert (cap.name, cap.initial, cap.minimum, cap.maximum) == ("impact.cap", 3, 0, 3)
    from_environment = loaded(tmp_path, text, environ=overrides).config.parameters
    assert from_environment is not None
    assert from_environment.values[0].maximum == 4


def test_a_mapping_on_the_command_line_may_nest(tmp_path: Path) -> None:
    found = loaded(tmp_path, DOTTED, 'parameters.values={"impact": {"cap": {"max": 5}}}')
    assert found.config.parameters is not None
    assert found.config.parameters.values[0].maximum == 5


@pytest.mark.parametrize("name", ["impact.max", "Impact", "a__b", "a..b", ".a", "min", "1a"])
def test_a_name_that_could_mean_something_else_is_refused(tmp_path: Path, name: str) -> None:
    text = HEAD + f"parameters: {{values: {{'{name}': {{initial: 1, min: 0, max: 2}}}}}}\n"
    (told,) = mistakes(tmp_path, text)
    assert "cannot be a name here; parameter names are lower-case letters" in told


def test_a_misspelled_setting_is_told_with_what_was_meant(tmp_path: Path) -> None:
    told = mistakes(tmp_path, HEAD + "parameters: {values: {a: {inital: 1, min: 0, max: 2}}}\n")
    assert told == [
        "soak.yaml:4:27: unknown key 'parameters.values.a.inital' - did you mean 'initial'?",
    ]


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    told = mistakes(tmp_path, HEAD + "parameters: {values: {a: {initial: 1}}}\n")
    assert [sentence.partition(": ")[2] for sentence in told] == [
        "'parameters.values.a.max' is missing (for example 80)",
        "'parameters.values.a.min' is missing (for example 40)",
    ]


def test_a_key_says_whether_it_is_a_parameter_or_a_setting_of_it() -> None:
    assert path_of("parameters.values.impact.cap.max") == ("parameters", "values", "impact.cap", "max")
    assert path_of("parameters.values.impact.cap") == ("parameters", "values", "impact.cap")
    assert path_of("parameters.values.max") == ("parameters", "values", "max")
    assert path_of("parameters.values") == ("parameters", "values")
    assert path_of("kpis.v.hard") == ("kpis", "v", "hard")
    assert normal(("kpis", "v.x")) == ("kpis", "v.x")


def test_what_is_no_mapping_is_left_to_the_schema() -> None:
    document = parse_configuration(b"parameters: {values: [1]}\nprofiles: 3\n", "soak.yaml")
    assert document.data == {"parameters": {"values": [1]}, "profiles": 3}
