"""A pytest plugin: few drawn examples, for under Wine only what the systems do differently is of interest."""

from __future__ import annotations

import pytest
from hypothesis import settings


@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    """Take over from the profile that tests/conftest.py has chosen."""
    settings.register_profile("wine", settings.get_profile("short"), max_examples=5)
    settings.load_profile("wine")
