from __future__ import annotations

import pytest

from soak_action.errors import UsageError
from soak_action.github.job_limits import runners_of


@pytest.mark.parametrize(
    ("text", "labels", "self_hosted", "system", "hours", "multiplier"),
    [
        ("ubuntu-latest", ("ubuntu-latest",), False, "linux", 6, 1),
        (" windows-2025 ", ("windows-2025",), False, "windows", 6, 2),
        ("macos-15", ("macos-15",), False, "macos", 6, 10),
        ("self-hosted, Linux", ("self-hosted", "Linux"), True, "linux", 120, 1),
        ('["Self-Hosted", "Windows"]', ("Self-Hosted", "Windows"), True, "windows", 120, 1),
        ('"ubuntu-24.04"', ("ubuntu-24.04",), False, "linux", 6, 1),
    ],
)
def test_labels_say_which_limits_hold(text, labels, self_hosted, system, hours, multiplier):
    runners = runners_of(text, "--runs-on")
    assert (runners.labels, runners.self_hosted, runners.system) == (labels, self_hosted, system)
    assert (runners.job_seconds, runners.multiplier) == (hours * 3600, multiplier)


@pytest.mark.parametrize(
    "text", ["", " ", ",", "a,,b", "[", "[]", "{}", '{"group": "x"}', "[1]", '[""]', "a\nb", "[" * 90000]
)
def test_what_names_no_runner_is_refused(text):
    with pytest.raises(UsageError, match="names no runner; write ubuntu-latest") as caught:
        runners_of(text, "--runs-on")
    assert str(caught.value).startswith("--runs-on: ")
    assert len(str(caught.value)) < 200


def test_runners_that_end_after_a_quarter_of_an_hour_are_refused():
    with pytest.raises(UsageError, match="--runs-on: a job on ubuntu-slim ends after 15 minutes"):
        runners_of("Ubuntu-Slim", "--runs-on")
