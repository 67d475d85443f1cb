"""The value that a proposal would give to a parameter, before any guard has looked at it.

All arithmetic is exact, on the decimal digits that numbers are written with: 0.1 + 0.2 is 0.3 here, and a value on the
grid of steps stays on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from soak_action.config.model import Parameter
from soak_action.tuning.proposal import Proposal


class OutOfBoundsError(ValueError):
    """A value in force that its parameter does not allow, so that nothing can be said of a change of it."""


@dataclass(frozen=True)
class Candidate:
    """What is left of a proposal: `value`, or None where the target lies outside the bounds.

    `is_clamped_away` says that the bounds left nothing of it, so that the value is the one that holds already.
    """

    value: float | None
    is_clamped_away: bool = False


def candidate_of(parameter: Parameter, current: float, proposal: Proposal) -> Candidate:
    """Return where `proposal` moves `parameter` from `current`.

    What is wanted is rounded toward the current value onto the steps that begin at the minimum, never past the current
    value, and clamped to the bounds; a clamp never turns a direction round. Raises OutOfBoundsError when the current
    value is out of bounds itself. `requested` must be finite.
    """
    check_bounds(parameter, current)
    held = exact(current)
    wanted = exact(proposal.requested) + (held if proposal.kind == "change" else 0)
    if proposal.kind == "target" and not _is_within(parameter, wanted):
        return Candidate(None)
    rounded = _rounded(parameter, wanted, held)
    clamped = max(exact(parameter.minimum), min(_largest(parameter), rounded))
    moves = (clamped - held) * (rounded - held) > 0
    value = number_of(parameter, clamped) if moves else current
    return Candidate(value, is_clamped_away=not moves and rounded != held)


def check_bounds(parameter: Parameter, current: float) -> None:
    """Raise OutOfBoundsError when `parameter` does not allow the value that it has."""
    if not _is_within(parameter, exact(current)):
        bounds = f"{written(parameter.minimum)} to {written(parameter.maximum, parameter.unit)}"
        raise OutOfBoundsError(f"{parameter.name} is {written(current, parameter.unit)}, outside its bounds {bounds}")


def exact(value: float) -> Fraction:
    """Return a finite number as its shortest decimal digits say it, without the error of binary fractions."""
    return Fraction(value) if isinstance(value, int) else Fraction(repr(value))


def number_of(parameter: Parameter, value: float | Fraction) -> float:
    """Return a value in the type that the parameter has: an int, or a float that is never a negative zero."""
    return int(value) if parameter.is_integer else float(value) + 0.0


def step_of(parameter: Parameter) -> float | None:
    """Return the steps in which a parameter moves, None when it moves freely."""
    return 1 if parameter.step is None and parameter.is_integer else parameter.step


def written(value: float, unit: str | None = None) -> str:
    """Return a number with all its digits and its unit, as in ``70 ms``."""
    text = repr(value).removesuffix(".0")
    return text if unit is None else f"{text} {unit}"


def _is_within(parameter: Parameter, value: Fraction) -> bool:
    return exact(parameter.minimum) <= value <= exact(parameter.maximum)


def _rounded(parameter: Parameter, wanted: Fraction, held: Fraction) -> Fraction:
    step = step_of(parameter)
    if step is None or wanted == held:
        return wanted
    minimum, width = exact(parameter.minimum), exact(step)
    steps = (wanted - minimum) / width
    if wanted > held:
        return max(held, minimum + width * (steps.numerator // steps.denominator))
    return min(held, minimum - width * (-steps.numerator // steps.denominator))


def _largest(parameter: Parameter) -> Fraction:
    """Return the largest value on the steps that is within the bounds."""
    minimum, maximum, step = exact(parameter.minimum), exact(parameter.maximum), step_of(parameter)
    return maximum if step is None else minimum + (maximum - minimum) // exact(step) * exact(step)
