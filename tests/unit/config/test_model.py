"""What the plain data can tell about itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from soak_action.config.model import BuiltInSource, Kpi, Schedule, Service, Window, Workload

SCHEDULE = Schedule(None, None, None, None, 0, 0, None, None)


@pytest.mark.parametrize(
    ("iterations", "duration", "every", "warmup", "planned", "judged"),
    [
        (24, None, None, 2, 24, 22),
        (None, None, None, 0, None, None),
        (None, 3600.0, None, 0, None, None),
        (None, 3600.0, 600.0, 1, 6, 5),
        (None, 3601.0, 600.0, 0, 7, 7),
        (None, 10.0, 600.0, 3, 1, 0),
        (9, 3600.0, 600.0, 0, 9, 9),
        (3, 3600.0, 600.0, 0, 6, 6),
        (3, 3600.0, None, 0, 3, 3),
        (3, None, 600.0, 0, 3, 3),
    ],
)
def test_the_promise_implies_a_number_of_iterations(iterations, duration, every, warmup, planned, judged) -> None:
    schedule = replace(SCHEDULE, iterations=iterations, duration=duration, every=every, warmup=warmup)
    assert schedule.planned_iterations == planned
    assert schedule.planned_judged == judged


@pytest.mark.parametrize(
    ("window", "text"), [(Window(), "all"), (Window(iterations=8), "last 8"), (Window(seconds=90.5), "last 90.5s")]
)
def test_a_window_is_written_as_it_is_read(window: Window, text: str) -> None:
    assert str(window) == text


def test_a_limit_itself_is_within_the_limit() -> None:
    source, window = BuiltInSource("x"), Window()
    lower = Kpi("x", source, "x", None, "lower", None, "mean", window, 4, None, None, None, 0.0, must_vary=False)
    assert [lower.is_beyond(value, 4) for value in (3, 4, 5)] == [False, False, True]
    higher = replace(lower, better="higher")
    assert [higher.is_beyond(value, 4) for value in (3, 4, 5)] == [True, False, False]


SERVICE = Service("server", None, 0, 10.0, 60.0)


@pytest.mark.parametrize(
    ("run", "service", "window", "longest"),
    [
        ("load", None, None, 90),
        ("load", SERVICE, None, 90),
        (None, SERVICE, 60, 60),
        (None, replace(SERVICE, window=120.0), 120, 90),
    ],
)
def test_an_iteration_is_a_window_of_the_service_where_no_command_is_run(run, service, window, longest) -> None:
    workload = Workload(run, 90.0, {}, None, service)
    assert (workload.window, workload.longest_iteration) == (window, longest)
