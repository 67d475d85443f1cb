"""One Windows for all tests below: built once, its server ended by whichever test process is the last to leave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.wine.environment import MissingError, Windows, open_windows

FIRST_BUILD_SECONDS = 900


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave time for the first build, which the test that happens to be first pays for."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(FIRST_BUILD_SECONDS))


@pytest.fixture(scope="session")
def windows() -> Iterator[Windows]:
    """Give the Windows Python, or skip with what to install."""
    try:
        opened = open_windows()
        with opened as ready:
            yield ready
    except MissingError as error:
        pytest.skip(str(error))
