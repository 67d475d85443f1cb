"""The table of environment variables: complete, made from the schema, and without a secret."""

from __future__ import annotations

import pytest

from soak_action import resources
from soak_action.config.environment import variable_names
from soak_action.config.schema_tree import schema_at, settable
from soak_action.config.variables import type_in_short, variables

SCHEMA = settable(resources.schema("soak"))


def table(**environ: str) -> dict[str, tuple[str | None, str, str | None]]:
    found = variables(SCHEMA, ("p95_ms",), environ, {"hunter2"})
    return {variable.name: (variable.key, variable.type, variable.value) for variable in found}


def test_every_name_that_sets_something_is_listed() -> None:
    names = set(table())
    assert names == {*variable_names(SCHEMA, ["p95_ms"]), "SOAK_CONFIG", "SOAK_PROFILE", "SOAK_OVERRIDES"} - {
        "SOAK_GATE__LOCKED"
    }


def test_what_a_variable_says_now_is_shown_whatever_its_letter_case() -> None:
    found = table(soak_schedule__iterations="6", SOAK_PROFILE="ci", SOAK_SUITE=" ", SOAK_FOO="x")
    assert found["SOAK_SCHEDULE__ITERATIONS"] == ("schedule.iterations", "integer", "6")
    assert found["SOAK_PROFILE"] == (None, "name", "ci")
    assert found["SOAK_SUITE"] == ("suite", "string", None)
    assert "SOAK_FOO" not in found


def test_the_document_of_a_variable_has_all_of_it() -> None:
    first, *_ = variables(SCHEMA, (), {"SOAK_CONFIG": "f"})
    assert first.to_dict() == {"name": "SOAK_CONFIG", "key": None, "type": "path", "value": "f"}


def test_no_secret_is_shown() -> None:
    found = table(SOAK_OVERRIDES="{workload: {env: {TOKEN: x}}}", SOAK_WORKLOAD__RUN="curl -u hunter2")
    assert found["SOAK_OVERRIDES"][2] == "***"
    assert found["SOAK_WORKLOAD__RUN"][2] == "curl -u ***"


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("schedule.iterations", "integer"),
        ("workload.timeout", "duration"),
        ("evidence.log_limit", "size"),
        ("kpis.a.missing.allow", "share"),
        ("kpis.a.better", "lower|higher"),
        ("kpis.a.hard", "number"),
        ("kpis.a.must_vary", "boolean"),
        ("kpis.a.range", "array"),
        ("gate.fail_on", "list of fail|warn|inconclusive|invalid"),
        ("workload.run", "string|array"),
    ],
)
def test_the_type_is_told_in_short(key: str, kind: str) -> None:
    assert type_in_short(schema_at(SCHEMA, tuple(key.split("."))) or {}) == kind
