"""Where a proposal moves a parameter: rounded toward what holds, within the bounds, never the other way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.tuning.building import FREE, INTERVAL, RATIO, change, target

from soak_action.config.model import Parameter
from soak_action.tuning.candidate import Candidate, OutOfBoundsError, candidate_of, exact, number_of, step_of, written
from soak_action.tuning.proposal import Proposal

# The largest value on its steps is 75, below its maximum.
LOOSE = replace(INTERVAL, maximum=79)
COUNT = Parameter("count", 3, 1, 9, is_integer=True)
EIGHTHS = Parameter("eighths", 0.1, 0.1, 0.9, step=0.1)
# The bounds leave nothing.
AWAY = None


@pytest.mark.parametrize(
    ("parameter", "current", "amount", "value"),
    [
        (INTERVAL, 70, 5, 75),
        (INTERVAL, 70, -5, 65),
        (INTERVAL, 70, 9, 75),
        (INTERVAL, 70, -9, 65),
        (INTERVAL, 70, 4, 70),
        (INTERVAL, 70, -4, 70),
        (INTERVAL, 70, 0, 70),
        (INTERVAL, 70, 50, 80),
        (INTERVAL, 70, -50, 40),
        (INTERVAL, 80, 5, AWAY),
        (INTERVAL, 40, -5, AWAY),
        (INTERVAL, 80, 4, 80),
        (LOOSE, 70, 50, 75),
        (LOOSE, 75, 5, AWAY),
        # Off its steps: never past the current value, and never the other way.
        (INTERVAL, 72, 1, 72),
        (INTERVAL, 72, 3, 75),
        (INTERVAL, 72, -1, 72),
        (INTERVAL, 72, -2, 70),
        (LOOSE, 77, 1, 77),
        (LOOSE, 77, 5, AWAY),
        (LOOSE, 77, 0, 77),
        (LOOSE, 77, -1, 77),
        (LOOSE, 77, -2, 75),
        # An integer without a step moves by 1.
        (COUNT, 3, 1.9, 4),
        (COUNT, 3, 0.9, 3),
        (COUNT, 3, -1.9, 2),
        (COUNT, 9, 1, AWAY),
        # Exact: binary fractions would make it 0.30000000000000004, or fall below the step.
        (EIGHTHS, 0.1, 0.2, 0.3),
        (EIGHTHS, 0.3, -0.1, 0.2),
        (EIGHTHS, 0.6, 0.1, 0.7),
        (EIGHTHS, 0.9, -0.8, 0.1),
        (RATIO, 0.09, 0.01, 0.1),
        (RATIO, 0.12, 0.01, AWAY),
        (FREE, 5.0, -5, 0.0),
        (FREE, 5.0, 1.7e308, 1000.0),
        (FREE, 5.0, 10**400, 1000.0),
        (FREE, 5.0, 5e-324, 5.0),
    ],
)
def test_a_change(parameter: Parameter, current: float, amount: float, value: float | None) -> None:
    found = candidate_of(parameter, current, change(amount, parameter))
    assert found == (Candidate(current, is_clamped_away=True) if value is AWAY else Candidate(value))
    assert type(found.value) is type(current)


@pytest.mark.parametrize(
    ("parameter", "current", "wanted", "value"),
    [
        (INTERVAL, 70, 75, 75),
        (INTERVAL, 70, 79, 75),
        (INTERVAL, 70, 61, 65),
        (INTERVAL, 70, 70, 70),
        (INTERVAL, 70, 80, 80),
        (INTERVAL, 70, 40, 40),
        (INTERVAL, 70, 80.5, None),
        (INTERVAL, 70, 39, None),
        (INTERVAL, 70, 10**400, None),
        (LOOSE, 70, 79, 75),
        (LOOSE, 75, 79, 75),
        (LOOSE, 77, 79, 77),
        (LOOSE, 77, 80, None),
        (EIGHTHS, 0.1, 0.7, 0.7),
        (FREE, 5.0, -0.0, 0.0),
    ],
)
def test_a_target(parameter: Parameter, current: float, wanted: float, value: float | None) -> None:
    found = candidate_of(parameter, current, target(wanted, parameter))
    assert found == Candidate(value)
    assert found.value is None or type(found.value) is type(current)


@pytest.mark.parametrize("current", [85, 39, 80.1])
@pytest.mark.parametrize("proposal", [change(5), change(-5), change(0), target(70)])
def test_trap_39_a_value_out_of_bounds_is_not_clamped_but_an_error(current: float, proposal: Proposal) -> None:
    with pytest.raises(OutOfBoundsError) as caught:
        candidate_of(INTERVAL, current, proposal)
    assert str(caught.value) == f"min_interval_ms is {current} ms, outside its bounds 40 to 80 ms"


def test_trap_39_a_clamp_does_not_make_an_increase_of_five_a_decrease_of_five() -> None:
    with pytest.raises(OutOfBoundsError):
        candidate_of(replace(INTERVAL, maximum=75), 80, change(5))
    assert candidate_of(LOOSE, 79, change(5)) == Candidate(79, is_clamped_away=True)


def test_trap_29_a_change_and_a_target_of_five_are_two_things() -> None:
    wide = replace(INTERVAL, minimum=0)
    assert candidate_of(wide, 70, change(5)).value == 75
    assert candidate_of(wide, 70, target(5)).value == 5


PARAMETERS = st.builds(
    lambda low, width, step, is_integer: Parameter("p", low, low, low + width, step, is_integer),
    *(st.integers(-50, 50), st.integers(0, 60), st.one_of(st.none(), st.integers(1, 9)), st.booleans()),
)


@given(PARAMETERS, st.integers(0, 60), st.sampled_from([change, target]), st.integers(-200, 200))
def test_trap_39_no_candidate_leaves_the_bounds_the_steps_or_the_direction(
    parameter: Parameter, above: int, kind: Callable[[float, Parameter], Proposal], requested: int
) -> None:
    current = min(parameter.minimum + above, parameter.maximum)
    wanted = requested + (current if kind is change else 0)
    found = candidate_of(parameter, current, kind(requested, parameter)).value
    if found is None:
        assert kind is target
        assert not parameter.minimum <= requested <= parameter.maximum
        return
    assert parameter.minimum <= found <= parameter.maximum
    assert min(current, wanted) <= found <= max(current, wanted)
    step = step_of(parameter)
    assert found == current or step is None or (found - parameter.minimum) % step == 0


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(70, None, "70"), (70.0, "ms", "70 ms"), (0.09, None, "0.09"), (-5, "ms", "-5 ms"), (1e22, None, "1e+22")],
)
def test_a_number_is_written_with_all_its_digits(value: float, unit: str | None, text: str) -> None:
    assert written(value, unit) == text


def test_numbers_have_the_type_of_their_parameter() -> None:
    assert str(number_of(INTERVAL, 70.0)) == "70"
    assert str(number_of(FREE, 70)) == "70.0"
    assert str(number_of(FREE, -0.0)) == "0.0"
    assert exact(0.1) + exact(0.2) == exact(0.3)
    assert exact(10**400) == 10**400
