"""What Node and a browser make of Markdown."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.web import browser

import devtools


@pytest.fixture(scope="session")
def web() -> browser.Web:
    """The Node project, installed, and a browser."""
    if os.name == "nt":
        pytest.skip("pages are rendered on Linux and macOS")
    try:
        return browser.find_web()
    except devtools.ToolsError as error:
        pytest.skip(str(error))


@pytest.fixture
def rendered(web: browser.Web) -> Callable[[str], browser.Rendered]:
    """Return what GitHub would show of a Markdown text."""

    def render(markdown: str) -> browser.Rendered:
        (result,) = web.render(markdown)
        return result

    return render


@pytest.fixture
def looked_at(web: browser.Web, tmp_path: Path) -> Callable[..., browser.Looked]:
    """Return what a browser shows of a Markdown text; the picture is `name`.png in the test's directory."""

    def look(
        markdown: str, name: str, theme: browser.Theme = "light", size: tuple[int, int] = (900, 1200)
    ) -> browser.Looked:
        return web.look(markdown, tmp_path / f"{name}.png", theme, size)

    return look
