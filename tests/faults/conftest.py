"""Faults are many processes that do the same again and again; what they run is measured in the other suites."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the coverage of child processes from being measured: it doubles what each of them costs."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
