from __future__ import annotations

import pytest

from soak_action.workload.environment import child_environment

WITHHELD = [
    "SOAK_OUT", "SOAK_SCHEDULE__ITERATIONS", "SOAK_RUN_MARK", "INPUT_TOKEN", "INPUT_KPI-FILE", "GITHUB_OUTPUT",
    "GITHUB_ENV",
    "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY", "GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_RUNTIME_TOKEN",
    "ACTIONS_RUNTIME_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL",
]  # fmt: skip
KEPT = [
    "PATH",
    "HOME",
    "PYTHONPATH",
    "PYTHONHOME",
    "GITHUB_SHA",
    "GITHUB_ENVIRONMENT",
    "MY_SOAK_X",
    "SOAKED",
    "RUNNER_TEMP",
]


@pytest.mark.parametrize("name", WITHHELD)
def test_withheld(name: str) -> None:
    assert child_environment({name: "x", "PATH": "p"}, {}, {}, windows=False) == {"PATH": "p"}


@pytest.mark.parametrize("name", KEPT)
def test_kept(name: str) -> None:
    assert child_environment({name: "x"}, {}, {}) == {name: "x"}


def test_a_token_may_be_given_on_purpose() -> None:
    assert child_environment({"GITHUB_TOKEN": "job"}, {"GITHUB_TOKEN": "own"}, {}) == {"GITHUB_TOKEN": "own"}


def test_soak_wins_over_settings_and_settings_over_the_caller() -> None:
    base = {"A": "base", "B": "base", "C": "base"}
    settings = {"B": "settings", "C": "settings", "SOAK_OUT": "settings"}
    soak = {"C": "soak", "SOAK_OUT": "soak"}
    expected = {"A": "base", "B": "settings", "C": "soak", "SOAK_OUT": "soak"}
    assert child_environment(base, settings, soak) == expected


def test_names_are_case_blind_on_windows_only() -> None:
    base = {"Path": "base", "github_token": "secret", "Soak_X": "1"}
    assert child_environment(base, {"PATH": "new"}, {}, windows=True) == {"PATH": "new"}
    assert child_environment(base, {"PATH": "new"}, {}, windows=False) == {**base, "PATH": "new"}


def test_the_callers_mappings_stay_as_they_were() -> None:
    base = {"A": "1"}
    child_environment(base, {"A": "2"}, {"A": "3"})
    assert base == {"A": "1"}
