"""What is suspicious about tuning is told, and the same without the reason for it is not."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.config.test_build_tuning import changed

from soak_action.config.coherence_tuning import suspicions

RULE = {"when": "risk >= 0.6", "change": {"interval_ms": 5}}


def told(*changes: tuple[str, Any], guarded: bool = True) -> list[str]:
    config, mistakes = changed(*changes)
    assert mistakes == []
    return [f"{'.'.join(path)}: {sentence}" for path, sentence in suspicions(config, guarded=guarded)]


def test_nothing_is_suspicious_about_what_makes_sense() -> None:
    assert told() == []


@pytest.mark.parametrize("changes", [[("tuning/enabled", False)], [("tuning", None)]])
def test_guards_that_nobody_meets(changes: list[tuple[str, Any]]) -> None:
    assert told(*changes) == [
        "guards: the guards have no effect, because nobody proposes anything: tuning.enabled is false"
    ]
    assert told(*changes, guarded=False) == []


@pytest.mark.parametrize(("warmup", "count"), [(4, 1), (3, 0)])
def test_a_warm_up_as_long_as_the_run(warmup: int, count: int) -> None:
    found = told(("guards/warmup", warmup), ("schedule", {"iterations": 4}))
    assert found == ["guards.warmup: 4 iterations of warm-up leave none of 4 to move a parameter before"][:count]


@pytest.mark.parametrize(("change", "count"), [(4, 1), (-4, 1), (5, 0), (-5, 0)])
def test_a_change_that_rounding_swallows(change: int, count: int) -> None:
    found = told(("tuning/rules", [RULE, {**RULE, "change": {"interval_ms": change, "impact.cap": 0.001}}]))
    sentence = f"is changed by {change}, less than its step of 5, which moves it nowhere"
    assert found == [f"tuning.rules.1.change: rule 2: 'interval_ms' {sentence}"][:count]
