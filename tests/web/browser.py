"""Renders Markdown as GitHub would, opens it in Chromium, and tells what became of the text and of its charts.

Not GitHub itself: the sanitiser is modelled on GitHub's rules, mermaid is the version of the lock, and alerts, emoji,
formulas and mentions are not rendered (`Rendered.live` lists what GitHub would take for one).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Literal

import devtools

HERE = Path(__file__).resolve().parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--hide-scrollbars",
    "--allow-file-access-from-files",
    "--virtual-time-budget=8000",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # a page's images are not fetched from anywhere
)
SECONDS = 60.0
DRAWINGS = re.compile(r'<script type="application/json" id="drawings">(.*?)</script>', re.DOTALL)
POINT = re.compile(r"[ML]([^,]+),([^LMZ]+)")
VIEW = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')
CHART = '<pre><code class="language-mermaid">{}</code></pre>'

Theme = Literal["light", "dark"]


@dataclass(frozen=True)
class Line:
    """A line of a drawn xychart: its computed colour (`rgb(31, 119, 180)`) and its path in the SVG."""

    colour: str
    path: str

    @property
    def points(self) -> tuple[tuple[float, float], ...]:
        """The places that the line joins; mermaid writes NaN where a value is missing."""
        return tuple((float(x), float(y)) for x, y in POINT.findall(self.path))


@dataclass(frozen=True)
class Drawing:
    """What mermaid drew: the SVG, all texts in it, pairs of texts that overlap, texts cut by the chart's edge."""

    svg: str
    labels: tuple[str, ...]
    overlapping: tuple[tuple[str, str], ...]
    cut: tuple[str, ...]
    lines: tuple[Line, ...]
    bars: int
    width: int
    height: int

    def flaws(self) -> list[str]:
        """Return what a reader would stumble over; mermaid draws it all without a word."""
        found = [f"{one!r} overlaps {other!r}" for one, other in self.overlapping]
        found += [f"{label!r} is cut" for label in self.cut]
        width, height = map(float, VIEW.search(self.svg).groups())  # type: ignore[union-attr]
        for number, line in enumerate(self.lines, 1):
            found += [
                f"line {number} leaves the chart at point {place}"
                for place, (x, y) in enumerate(line.points, 1)
                if not (0 <= x <= width and 0 <= y <= height)
            ]
        return found


@dataclass(frozen=True)
class Chart:
    """A mermaid chart: why mermaid rejects it (`error`), or why it could not draw what it read (`failure`)."""

    source: str
    error: str | None
    failure: str | None
    drawing: Drawing | None

    @property
    def parses(self) -> bool:
        """Whether mermaid can read the chart."""
        return self.error is None


@dataclass(frozen=True)
class Rendered:
    """What GitHub would show of a Markdown text.

    `elements` and `attributes` are the sorted names that occur in `html`, attributes as the DOM calls them
    (`className`). `live` holds names, issues, emoji and formulas that GitHub would make of plain text.
    """

    html: str
    charts: tuple[Chart, ...]
    links: tuple[str, ...]
    images: tuple[str, ...]
    elements: tuple[str, ...]
    attributes: tuple[str, ...]
    headings: tuple[str, ...]
    text: str
    tables: tuple[tuple[tuple[str, ...], ...], ...]
    live: tuple[str, ...]


@dataclass(frozen=True)
class Looked:
    """A page as a browser shows it: a picture, and the DOM after mermaid ran."""

    rendered: Rendered
    picture: Path
    dom: str


@dataclass(frozen=True)
class Web:
    """The installed Node project and the browser."""

    project: Path
    chromium: str

    def render(self, *texts: str) -> list[Rendered]:
        """Render Markdown; one start of Node for all texts, and one of the browser if there is any chart."""
        results = self._extract(texts)
        sources = [source for result in results for source in result["charts"]]
        charts: list[Chart] = []
        if sources:
            with tempfile.TemporaryDirectory() as scratch:
                page = self._page(Path(scratch), "".join(CHART.format(escape(source)) for source in sources), "light")
                charts = read_charts(self._open(page), sources)
        rendered = []
        for result in results:
            own, charts = charts[: len(result["charts"])], charts[len(result["charts"]) :]
            rendered.append(make_rendered(result, own))
        return rendered

    def look(self, text: str, picture: Path, theme: Theme = "light", size: tuple[int, int] = (900, 1200)) -> Looked:
        """Render Markdown, and save as `picture` what of it fits into a window of this size (width, height)."""
        (result,) = self._extract([text])
        with tempfile.TemporaryDirectory() as scratch:
            page = self._page(Path(scratch), result["html"], theme)
            dom = self._open(page, f"--window-size={size[0]},{size[1]}", f"--screenshot={picture.resolve()}")
        if not picture.exists():
            raise AssertionError(f"Chromium left no picture at {picture}")
        return Looked(make_rendered(result, read_charts(dom, result["charts"])), picture, dom)

    def _extract(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        """Run rendering.mjs on Markdown texts."""
        with tempfile.TemporaryDirectory() as scratch:
            files = [Path(scratch, f"{number}.md") for number, _ in enumerate(texts)]
            for file, text in zip(files, texts, strict=True):
                file.write_bytes(text.encode())
            output = finish(["node", str(HERE / "rendering.mjs"), str(self.project), *map(str, files)])
        # Not splitlines(): U+2028 stands unescaped in JSON.
        return [json.loads(line) for line in output.split("\n") if line]

    def _page(self, folder: Path, body: str, theme: Theme) -> Path:
        """Write a page around sanitised HTML."""
        modules = self.project.resolve() / "node_modules"
        style = modules / "github-markdown-css" / f"github-markdown-{theme}.css"
        page = folder / "page.html"
        page.write_text(
            f'<!DOCTYPE html><html data-theme="{theme}"><head><meta charset="utf-8"><title>page</title>'
            f'<link rel="stylesheet" href="{style.as_uri()}">'
            f"<style>body {{ margin: 0; background: {'#0d1117' if theme == 'dark' else '#fff'} }}"
            " .markdown-body { padding: 24px } .mermaid { text-align: center }</style></head>"
            f'<body><article class="markdown-body">{body}</article>'
            f'<script src="{(modules / "mermaid" / "dist" / "mermaid.min.js").as_uri()}"></script>'
            f'<script src="{(HERE / "page.js").as_uri()}"></script></body></html>',
            "utf-8",
        )
        return page

    def _open(self, page: Path, *options: str) -> str:
        """Open a page in a browser of its own; return its DOM."""
        profile = f"--user-data-dir={page.parent / 'profile'}"
        return finish([self.chromium, *FLAGS, profile, *options, "--dump-dom", page.as_uri()])


def find_web() -> Web:
    """Return what pages are rendered with; raises ToolsError that begins with "needs" where it is absent."""
    chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not chromium:
        raise devtools.ToolsError("needs chromium: apt-get install chromium")
    return Web(devtools.node_project(), chromium)


def make_rendered(result: dict[str, Any], charts: Sequence[Chart]) -> Rendered:
    """Return what rendering.mjs found, with what the browser says about the charts."""
    return Rendered(**{name: frozen(value) for name, value in result.items()} | {"charts": tuple(charts)})


def read_charts(dom: str, sources: Sequence[str]) -> list[Chart]:
    """Return what page.js left in the DOM about the charts with these sources."""
    found = DRAWINGS.search(dom)
    if not found:
        raise AssertionError(f"the page's script did not finish:\n{dom[-2000:]}")
    charts = [make_chart(**drawing) for drawing in json.loads(found[1])]
    if [chart.source for chart in charts] != list(sources):
        raise AssertionError(f"the browser shows other charts than Node: {[chart.source for chart in charts]}")
    return charts


def make_chart(source: str, error: str | None, failure: str | None = None, **drawn: Any) -> Chart:
    """Return a chart from the JSON of page.js."""
    if not drawn:
        return Chart(source, error, failure, None)
    lines = tuple(Line(**line) for line in drawn.pop("lines"))
    return Chart(source, error, failure, Drawing(lines=lines, **{name: frozen(value) for name, value in drawn.items()}))


def frozen(value: Any) -> Any:
    """Return JSON with tuples for its lists."""
    return tuple(map(frozen, value)) if isinstance(value, list) else value


def finish(command: Sequence[str]) -> str:
    """Return the standard output of a program; when its time is over it ends with all that it started."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=SECONDS)
        except BaseException as error:
            end(process)
            if isinstance(error, subprocess.TimeoutExpired):
                raise TimeoutError(f"{command[0]} did not end within {SECONDS} seconds") from None
            raise
        if process.returncode:
            errors.seek(0)
            raise AssertionError(
                f"{command[0]} failed ({process.returncode}):\n{errors.read().decode(errors='replace')}"
            )
    return output.decode()


def end(process: subprocess.Popen[bytes]) -> None:
    """End a program that leads a session of its own, with all that it started there."""
    if sys.platform != "win32":
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.communicate()
