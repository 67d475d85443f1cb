"""The Python that runs soak."""

from __future__ import annotations

from collections.abc import Sequence

from soak_action.doctor.finding import Finding

_OLDEST = (3, 11)


def judge_interpreter(version: Sequence[int], bits: int) -> Finding:
    """Judge a Python by its version and the bits of its addresses."""
    told = f"Python {'.'.join(map(str, version))} with {bits} bits"
    if tuple(version[:2]) < _OLDEST:
        return Finding("interpreter", "problem", f"{told} is too old", "install Python 3.11 or newer")
    if bits < 64:
        return Finding(
            "interpreter",
            "warning",
            f"{told} can address 4 GB at most, which a gate over many iterations may need",
            "install a Python for 64 bits",
        )
    return Finding("interpreter", "ok", told)
