"""All guards are asked, in their order."""

from __future__ import annotations

import pkgutil
from dataclasses import replace

from tests.unit.tuning.building import FREE, INTERVAL, case, change

from soak_action.config.model import Cooldown, Guards
from soak_action.tuning import guards
from soak_action.tuning.freeze import Frozen


def test_every_module_of_the_package_is_registered_in_order() -> None:
    names = [name for name, _ in guards.GUARDS]
    assert names == ["conflict", "warmup", "freeze", "cooldown", "oscillation", "velocity", "bounds", "no_op"]
    assert sorted(names) == sorted(module.name for module in pkgutil.iter_modules(guards.__path__))


def test_all_reasons_are_told_in_the_order_of_the_guards() -> None:
    slow = replace(FREE, max_change_per_hour=1.0)
    judged = case(
        *(slow, [1.0, 2.0], "target", 1.0, Guards(warmup=9, cooldown=Cooldown(0.1, 3))),
        jumped_before=8,
        changed_at=28800.0,
        earlier=change(5),
        frozen=Frozen(("free",), 9, 9, "0" * 64),
    )
    assert list(guards.reasons_of(judged)) == [name for name, _ in guards.GUARDS[:6]]


def test_a_good_proposal_has_no_reasons() -> None:
    assert guards.reasons_of(case(INTERVAL, [70], "change", 5)) == {}
