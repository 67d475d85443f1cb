from __future__ import annotations

import pytest

from soak_action import resources
from soak_action.migration.name import Names, is_reserved
from soak_action.migration.role import Role

SCHEMA = resources.schema("soak")
TOP = Names(SCHEMA, Role())
ENVIRONMENT = Names(SCHEMA, Role("env", is_environment=True), ("p95_ms",))


@pytest.mark.parametrize(
    ("names", "name", "path"),
    [
        (TOP, "schedule.iterations", "schedule.iterations"),
        (TOP, "iterations", "schedule.iterations"),
        (TOP, "schedule_iterations", "schedule.iterations"),
        (TOP, "Schedule-Iterations", "schedule.iterations"),
        (TOP, "workload__timeout", "workload.timeout"),
        (TOP, "kpis.p95.hard", "kpis.p95.hard"),
        (TOP, "profiles.x.gate.fail_on", "profiles.x.gate.fail_on"),
        (TOP, "profiles.x.iterations", "profiles.x.schedule.iterations"),
        (Names(SCHEMA, Role("x")), "iterations", "schedule.iterations"),
        (ENVIRONMENT, "SOAK_SCHEDULE__ITERATIONS", "schedule.iterations"),
        (ENVIRONMENT, "soak_kpis__p95_ms__hard", "kpis.p95_ms.hard"),
        (ENVIRONMENT, "ITERATIONS", "schedule.iterations"),
        (ENVIRONMENT, "SOAK_ITERATIONS", "schedule.iterations"),
        (ENVIRONMENT, "gate.fail_on", "gate.fail_on"),
    ],
)
def test_a_name_stands_for_its_key(names, name, path):
    assert names.path_of(name) == tuple(path.split("."))


@pytest.mark.parametrize(
    ("names", "name"),
    [
        (TOP, "hard"),
        (TOP, "schedule..iterations"),
        (TOP, ""),
        (TOP, "gate.fail_on.0"),
        (TOP, "SOAK_KPIS__P95_MS__HARD"),
        (TOP, "profiles.x.suite"),
        (Names(SCHEMA, Role("x")), "suite"),
        (Names(SCHEMA, Role("x")), "profiles.y.gate"),
        (ENVIRONMENT, "SOAK_KPIS__OTHER__HARD"),
        (ENVIRONMENT, "SOAK_PROFILE"),
    ],
)
def test_other_names_stand_for_nothing(names, name):
    assert names.path_of(name) is None


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("schedule.iteratons", "schedule.iterations"),
        ("SOAK_SCHEDULE__ITERATONS", "schedule.iterations"),
        ("run.iterations", "schedule.iterations"),
        ("iteration", "schedule.iterations"),
        ("limits.p95.hard", "kpis.p95.hard"),
        ("kpis.p95.hrad", "kpis.p95.hard"),
        ("theme", None),
        ("SOAK_CONFIG", None),
        ("profiles.x.suite", None),
    ],
)
def test_a_likely_key_is_suggested(name, suggestion):
    assert TOP.suggestion(name) == suggestion


def test_names_for_other_purposes_are_reserved():
    assert [is_reserved(name) for name in ("soak_profile", "SOAK_OUT", "SOAK_X")] == [True, True, False]
