"""Faults are many processes that do the same again and again; what they run is measured in the other suites."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _unmeasured(unmeasured: None) -> None:
    """Do so in all of these suites."""
