"""Whether a configuration makes sense as a whole: each finding fires, and does not fire beside it."""

# ruff: noqa: E501  (a message is compared as the one line that it is)
from __future__ import annotations

import pytest

from soak_action import resources
from soak_action.commands.settings import problem_of_source
from soak_action.config import coherence
from soak_action.config.coherence import Case
from soak_action.config.command_line import Setting
from soak_action.config.resolve import Given, Rules, resolve
from soak_action.config.yaml_source import parse_mapping

RULES = Rules(resources.schema("soak"), problem_of_source, "suite")
GOOD = "{from: m#a, better: lower, hard: 3}"


def case(text: str, *settings: str) -> Case:
    given = tuple(Setting(key, value, f"--set {key}") for key, value in (item.split("=", 1) for item in settings))
    found = resolve(Given(parse_mapping(f"version: 1\n{text}\n".encode(), "f"), settings=given), RULES)
    assert found.mistakes == ()
    assert found.config is not None
    return Case(found.config, found.leaves, found.stack.locks, found.where)


def errors(text: str, *settings: str) -> list[str]:
    return list(map(str, coherence.errors(case(text, *settings))))


def warnings(text: str, *settings: str) -> list[str]:
    return list(map(str, coherence.warnings(case(text, *settings))))


def kpi(settings: str, schedule: str = "{}") -> str:
    return f"schedule: {schedule}\nkpis: {{a: {{from: m#a, better: lower, {settings}}}}}"


def test_a_sensible_configuration_has_no_findings() -> None:
    text = kpi(
        "hard: 3, soft: 2, range: [0, 9], sustained: 3 of 5, window: last 5, abort: {beyond: 8, for: 2}",
        "{iterations: 5, every: 1h, budget: 6h}",
    )
    assert errors(text) == warnings(text) == []
    assert errors("suite: x") == warnings("suite: x") == []


@pytest.mark.parametrize(
    ("schedule", "mistake"),
    [
        (
            "{iterations: 24, every: 1h, budget: 2h}",
            "24 iterations with every 1h take at least 23h, but the budget ends after 2h; such a run is never complete",
        ),
        (
            "{iterations: 4, pause: 90s, budget: 4m}",
            "4 iterations with pause 90s take at least 270s, but the budget ends after 4m; such a run is never complete",
        ),
    ],
)
def test_a_budget_that_ends_before_the_promised_iterations_is_wrong(schedule: str, mistake: str) -> None:
    place = f"f:2:{schedule.index('budget') + 11}"
    assert errors(f"schedule: {schedule}") == [f"{place}: {mistake}"]


@pytest.mark.parametrize(
    "schedule",
    [
        "{iterations: 24, every: 1h, budget: 23h}",
        "{iterations: 24, budget: 1s}",
        "{iterations: 24, every: 1h}",
        "{duration: 1h, pause: 1h, budget: 2h}",
        "{iterations: 3, min_active: 3h}",
        "{duration: 9h, min_active: 9h}",
    ],
)
def test_a_schedule_that_can_be_kept_is_not_wrong(schedule: str) -> None:
    assert errors(f"schedule: {schedule}") == []


def test_iterations_that_are_too_short_for_the_promised_activity_are_wrong() -> None:
    text = "workload: {run: x, timeout: 10m}\nschedule: {iterations: 3, min_active: 1h}"
    assert errors(text) == ["f:3:27: 3 iterations of at most 10m add up to 30m, never to 1h"]
    assert errors(text.replace("3,", "6,")) == []


def windows(schedule: str, service: str = "window: 2m", workload: str = "timeout: 1h") -> str:
    return f"workload: {{service: {{start: x, {service}}}, {workload}}}\nschedule: {schedule}"


def test_a_window_that_its_time_out_ends_is_wrong() -> None:
    text = windows("{iterations: 3}", workload="timeout: 1m")
    assert errors(text) == [
        "f:2:32: a window of 2m never ends, because workload.timeout stops it after 1m (f:2:45); every iteration is a time-out"
    ]
    assert errors(text.replace("timeout: 1m", "timeout: 2m")) == []
    assert errors(text.replace("timeout: 1m", "timeout: 1m, run: x")) == []


def test_windows_that_miss_slots_are_wrong_where_a_duration_is_promised_and_else_suspicious() -> None:
    told = "a window of 2m (f:2:32) never ends before the next slot of a pace of 2m, so slots are missed; write a longer pace, or 'pause: 0s' instead"
    promised = windows("{duration: 1h, every: 2m}")
    assert (errors(promised), warnings(promised)) == ([f"f:3:26: {told}"], [])
    counted = windows("{iterations: 30, every: 2m}")
    assert (errors(counted), warnings(counted)) == ([], [f"f:3:28: {told}"])


@pytest.mark.parametrize(
    "text",
    [
        windows("{duration: 1h, every: 121s}"),
        windows("{duration: 1h, pause: 0s}"),
        windows("{iterations: 3, every: 3m}"),
        windows("{duration: 1h, every: 2m}", service="restarts: 0", workload="run: x"),
    ],
)
def test_windows_that_keep_the_pace_are_neither(text: str) -> None:
    assert errors(text) == warnings(text) == []


def test_a_window_beside_a_command_is_told_to_have_no_effect() -> None:
    text = windows("{duration: 1h, every: 2m}", workload="run: x")
    told = "f:2:32: the window has no effect: an iteration is as long as workload.run takes (f:2:45)"
    assert (errors(text), warnings(text)) == ([], [told])
    assert warnings(windows("{iterations: 3}")) == []
    assert warnings(windows("{iterations: 3}", service="grace: 1s", workload="run: x")) == []


def test_a_time_out_says_nothing_about_the_pace_of_windows() -> None:
    assert warnings(windows("{iterations: 3, every: 10m}", workload="timeout: 20m")) == []


@pytest.mark.parametrize(
    ("schedule", "least"),
    [
        ("{iterations: 5, budget: 10m}", "with pause 0s take at least 10m, but the budget ends after 10m"),
        ("{iterations: 5, pause: 1m, budget: 13m}", "with pause 1m take at least 14m, but the budget ends after 13m"),
        ("{iterations: 3, every: 1m, budget: 5m}", "with every 1m take at least 6m, but the budget ends after 5m"),
    ],
)
def test_a_budget_that_ends_before_the_windows_is_wrong(schedule: str, least: str) -> None:
    (mistake,) = errors(windows(schedule))
    assert least in mistake
    assert "iterations that are windows of 2m" in mistake
    assert errors(windows(schedule.replace("budget: ", "budget: 1"))) == []


def test_windows_that_are_too_short_for_the_promised_activity_are_wrong() -> None:
    text = windows("{iterations: 3, min_active: 7m}")
    assert errors(text) == ["f:3:27: 3 iterations of at most 2m add up to 6m, never to 7m"]
    assert errors(text.replace("7m", "6m")) == []


@pytest.mark.parametrize(
    ("settings", "mistake"),
    [
        ("range: [0, 1], hard: 1", "the hard limit 1 can never be broken: no value of the range [0, 1] is beyond it"),
        (
            "range: [0, 1], hard: 0.5, soft: -1",
            "the soft limit -1 can never be met: every value of the range [0, 1] is beyond it",
        ),
        ("range: [0, 1], hard: 0.5, abort: {beyond: 2, for: 1}", "the value to abort at 2 can never be broken"),
        (
            "range: [0, 1], stat: sum, hard: 9, sustained: {within: hard, at_least: 1, of: 2}",
            "the hard limit of single iterations 9 can never be broken",
        ),
    ],
)
def test_a_limit_outside_of_the_range_decides_nothing_and_is_wrong(settings: str, mistake: str) -> None:
    (found,) = errors(kpi(settings))
    assert mistake in found
    assert found.startswith("f:3:")


@pytest.mark.parametrize(
    "settings",
    [
        "range: [0, 1], hard: 0",
        "range: [0, 1], hard: 0.99, soft: 0.5",
        "range: [0, 1], stat: sum, hard: 9, soft: 8",
        "range: [0, 1], stat: count, hard: 9, soft: 0.5, sustained: 1 of 2",
        "hard: 9",
        "range: [0, 9], hard: 8, abort: {beyond: 8, for: 1}",
    ],
)
def test_a_limit_inside_of_the_range_is_not_wrong(settings: str) -> None:
    assert errors(kpi(settings)) == []


def test_the_range_of_what_is_better_when_higher_is_read_the_other_way_round() -> None:
    text = "kpis: {a: {from: m#a, better: higher, range: [0, 20], hard: %s}}"
    assert errors(text % 20) == []
    assert "can never be broken" in errors(text % 0)[0]
    assert "can never be met" in errors(text % 21)[0]
    assert errors("kpis: {a: {from: m#a, range: [0, 1], must_vary: true}}") == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            "window: last 8",
            "a window of last 8 is never filled: this schedule promises 3 judged iterations; it looks at all of them",
        ),
        ("soft: 3, sustained: 6 of 8", "'6 of 8' never applies: this schedule promises 3 judged iterations"),
        (
            "abort: {beyond: 9, for: 4}",
            "4 iterations in a row never happen: this schedule promises 3 judged iterations",
        ),
    ],
)
def test_what_needs_more_iterations_than_are_promised_is_suspicious(settings: str, words: str) -> None:
    (found,) = warnings(kpi(f"hard: 3, {settings}", "{iterations: 5, warmup: 2}"))
    assert found.endswith(f": {words}")
    assert warnings(kpi(f"hard: 3, {settings}", "{iterations: 8}")) == []
    assert warnings(kpi(f"hard: 3, {settings}", "{duration: 1h}")) == []
    (one,) = warnings(kpi(f"hard: 3, {settings}", "{iterations: 1}"))
    assert "promises 1 judged iteration" in one
    assert "promises 1 judged iterations" not in one


def test_a_window_longer_than_the_run_is_suspicious() -> None:
    told = warnings(kpi("hard: 3, window: last 2h", "{duration: 1h}"))
    assert told == ["f:3:47: a window of 2h is longer than the run of 1h; it looks at all of it"]
    for schedule in ("{duration: 2h}", "{duration: 1h, iterations: 3}", "{iterations: 3}"):
        assert warnings(kpi("hard: 3, window: last 2h", schedule)) == []


def test_a_time_out_longer_than_the_pace_is_suspicious_when_somebody_chose_it() -> None:
    text = f"workload: {{run: x, timeout: 5m}}\nschedule: {{iterations: 3, every: %s}}\nkpis: {{a: {GOOD}}}"
    assert warnings(text % "1m") == [
        "f:3:27: an iteration may take 5m before its time-out ends it (f:2:20), which is longer than the pace of 1m; slow iterations put off those after them"
    ]
    assert warnings(text % "5m") == []
    assert warnings((text % "1m").replace(", timeout: 5m", "")) == []
    assert warnings(f"workload: {{timeout: 5m}}\nschedule: {{every: 1m}}\nkpis: {{a: {GOOD}}}") == []


@pytest.mark.parametrize(
    ("settings", "is_judged"),
    [
        ("title: x", False),
        ("range: [0, 1]", False),
        ("must_vary: true", True),
        ("hard: 1, better: lower", True),
        ("soft: 1, better: lower", True),
        ("abort: {beyond: 1, for: 1}, better: lower", True),
        ("hard: 1, better: lower, sustained: {within: hard, at_least: 1, of: 1}", True),
    ],
)
def test_a_kpi_without_a_rule_is_suspicious(settings: str, *, is_judged: bool) -> None:
    told = warnings(f"kpis: {{a: {{from: m#a, {settings}}}, b: {GOOD}}}")
    expected = ["f:2:12: 'kpis.a' is measured and never judged: it has no limit and no other rule"]
    assert told == ([] if is_judged else expected)


@pytest.mark.parametrize(
    ("settings", "schedule", "is_hard"),
    [
        ("hard: 1", "{iterations: 1}", True),
        ("soft: 1", "{iterations: 9}", False),
        ("soft: 1, sustained: 1 of 3", "{iterations: 3}", True),
        ("soft: 1, sustained: 1 of 3", "{iterations: 2}", False),
        ("soft: 1, sustained: 1 of 3", "{duration: 1s}", True),
        ("soft: 1, sustained: {at_least: 1, of: 3, severity: soft}", "{iterations: 3}", False),
        ("abort: {beyond: 1, for: 3}", "{iterations: 3}", True),
        ("abort: {beyond: 1, for: 3}", "{iterations: 2}", False),
    ],
)
def test_a_gate_without_an_applicable_hard_rule_is_suspicious(settings: str, schedule: str, *, is_hard: bool) -> None:
    words = "no KPI has a hard rule that applies to this schedule, so every run is inconclusive"
    told = [found.partition(": ") for found in warnings(kpi(settings, schedule))]
    assert [place for place, _, sentence in told if sentence == words] == ([] if is_hard else ["f:3:12"])


def test_a_lock_on_what_is_not_there_is_suspicious() -> None:
    assert warnings(f"kpis: {{a: {GOOD}}}\ngate: {{locked: [kpis.b]}}") == [
        "f:3:17: the lock 'kpis.b' protects nothing: there is no 'kpis.b' in this configuration"
    ]


def test_a_finding_about_a_value_from_outside_names_who_gave_it() -> None:
    text = f"schedule: {{iterations: 24, every: 1h}}\nkpis: {{a: {GOOD}}}"
    (found,) = errors(text, "schedule.budget=1h")
    assert found.startswith("--set schedule.budget: 24 iterations")


@pytest.mark.parametrize(("seconds", "words"), [(86400, "1d"), (5400, "90m"), (61, "61s"), (0.5, "0.5s"), (7200, "2h")])
def test_a_span_is_told_in_its_largest_whole_unit(seconds: float, words: str) -> None:
    assert coherence._span(seconds) == words
