from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from soak_action.github.workflow_commands import Annotation
from soak_action.report.annotations import of_mistakes, of_verdict

WORKSPACE = Path("/w/repository").absolute()
FAIL_ON = ("fail", "invalid", "inconclusive")


def rule(result: str, **more: Any) -> dict[str, Any]:
    return {"id": "p95.hard", "result": result, "reason": "too slow", "origin": None, "reproduce": ""} | more


def annotations(*rules: dict[str, Any], verdict: str = "fail", **more: Any) -> list[Annotation]:
    document = {"verdict": verdict, "rules": rules, "reasons": ["one", "two"]}
    settings: dict[str, Any] = {"fail_on": FAIL_ON, "directory": WORKSPACE, "workspace": WORKSPACE} | more
    return list(of_verdict(document, **settings))


@pytest.mark.parametrize(
    ("origin", "place"),
    [
        ("soak.yaml:24:5", ("soak.yaml", 24, 5)),
        ("profile nightly .github/soak.yaml:61:5", (".github/soak.yaml", 61, 5)),
        ("my soak file.yaml:1:2", ("my soak file.yaml", 1, 2)),
        ("--set kpis.p95.hard", (None, None, None)),
        ("env SOAK_KPIS__P95__HARD", (None, None, None)),
        ("built-in profile smoke", (None, None, None)),
        ("/elsewhere/soak.yaml:1:1", (None, None, None)),
        ("../soak.yaml:1:1", (None, None, None)),
        (None, (None, None, None)),
    ],
)
def test_a_bad_rule_stands_beside_the_line_of_its_limit(origin: str | None, place: tuple[Any, ...]) -> None:
    (found,) = annotations(rule("fail", origin=origin))
    assert (found.file, found.line, found.column) == place
    assert (found.level, found.title, found.message) == ("error", "p95.hard: fail", "too slow")


def test_the_file_is_named_from_the_root_of_the_repository() -> None:
    (found,) = annotations(rule("fail", origin="soak.yaml:2:3"), directory=WORKSPACE / "deep" / "er")
    assert found.file == "deep/er/soak.yaml"


def test_how_to_reproduce_it_is_told() -> None:
    (found,) = annotations(rule("fail", reproduce="soak verify x"))
    assert found.message == "too slow\nreproduce: soak verify x"


def test_good_rules_are_not_annotated_and_the_worst_comes_first() -> None:
    rules = [
        rule(result, id=result) for result in ("pass", "warn", "not_applicable", "inconclusive", "fail", "invalid")
    ]
    found = annotations(*rules)
    assert [one.title.partition(":")[0] for one in found] == ["fail", "invalid", "inconclusive", "warn"]
    assert [one.level for one in found] == ["error", "error", "error", "warning"]


def test_what_does_not_turn_the_job_red_is_a_warning() -> None:
    assert [one.level for one in annotations(rule("fail"), fail_on=["invalid"])] == ["warning"]
    assert [one.level for one in annotations(rule("warn"), fail_on=["warn"])] == ["error"]


def test_a_bad_verdict_without_a_bad_rule_is_annotated_all_the_same() -> None:
    (found,) = annotations(rule("pass"), verdict="inconclusive")
    assert (found.level, found.title, found.message) == ("error", "inconclusive", "one\ntwo")
    (found,) = annotations(verdict="inconclusive", fail_on=["fail"])
    assert found.level == "warning"
    assert annotations(rule("pass"), verdict="pass") == []


def test_a_mistake_stands_on_its_line() -> None:
    told = ["soak.yaml:3:5: unknown key 'kpi' - did you mean 'kpis'?", "nothing to run: give a command", "a:b:c: d"]
    found = list(of_mistakes(told, WORKSPACE, WORKSPACE, "cannot start"))
    assert found[0] == Annotation(
        "error", "cannot start", "unknown key 'kpi' - did you mean 'kpis'?", "soak.yaml", 3, 5
    )
    assert [one.message for one in found[1:]] == told[1:]
    assert [one.file for one in found[1:]] == [None, None]
