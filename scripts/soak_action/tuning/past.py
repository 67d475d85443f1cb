"""What the guards must know of the past of one parameter."""

from __future__ import annotations

from dataclasses import dataclass

from soak_action.config.model import Guards, Parameter
from soak_action.tuning.candidate import exact


@dataclass(frozen=True)
class Past:
    """The last values that a parameter `held`, oldest first and the one in force last: never one that was suppressed.

    `changed_at` is the soak time in seconds of its last change, at first that of the run's start. `jumped_before` is
    the iteration before which it last changed by more than the cooldown's threshold, None when it never did.
    """

    held: tuple[float, ...]
    changed_at: float = 0.0
    jumped_before: int | None = None

    @property
    def current(self) -> float:
        """The value in force."""
        return self.held[-1]

    def moved(self, parameter: Parameter, guards: Guards, value: float, iteration: int, now: float) -> Past:
        """Return the past once `value` was applied before `iteration`, at the soak time `now`."""
        remembered = max(1, 0 if guards.oscillation is None else guards.oscillation.window - 1)
        jumped = is_jump(parameter, guards, self.current, value)
        return Past((*self.held, value)[-remembered:], now, iteration if jumped else self.jumped_before)


def is_jump(parameter: Parameter, guards: Guards, before: float, after: float) -> bool:
    """Whether a change is so large that the parameter must cool down."""
    if guards.cooldown is None:
        return False
    span = exact(parameter.maximum) - exact(parameter.minimum)
    return abs(exact(after) - exact(before)) > exact(guards.cooldown.threshold) * span
