"""Markdown for GitHub in which text of others stays text: in prose, in code, in a cell of a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from soak_action.canonical import storable_text

MOST_BYTES = 900_000

_SPACE = re.compile(r"\s+")
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
# Marks that mean something to GitHub wherever they stand, and how they are written as text.
_MARKS = {
    **{mark: f"\\{mark}" for mark in "\\`*_[]|~"},
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    "$": "<span>$</span>",
    # A zero-width space: links, mentions, issues and emoji are recognised in finished text, where an escape is gone.
    "@": "@&#8203;",
    "#": "\\#&#8203;",
    "://": ":&#8203;//",
    "www.": "www&#8203;.",
    ":": ":&#8203;",
}
_MARK = re.compile(r"[\\`*_\[\]|~&<>$@#]|://|:(?=[\w+-]+:)|www\.", re.IGNORECASE)
# Marks that begin a list, a line or a heading where a line begins.
_BEGINNING = re.compile(r"^(\d{0,9})([-+=.)])")


def one_line(text: str, most: int) -> str:
    """Return text of others on one line of at most `most` characters, with what nobody could see made visible."""
    line = _INVISIBLE.sub(_visible, _SPACE.sub(" ", storable_text(text))).strip()
    return line if len(line) <= most else f"{line[: most - 3]}..."


def inert(text: str, most: int = 400) -> str:
    """Return text of others as prose that is nothing but text: no markup, no link, no formula, nobody mentioned."""
    line = _MARK.sub(lambda found: _MARKS[found[0].lower()], one_line(text, most))
    return _BEGINNING.sub(r"\1\\\2", line)


def in_html(text: str, most: int = 400) -> str:
    """Return text of others as text between tags of HTML, where Markdown is not read."""
    return _MARK.sub(_entity, one_line(text, most))


def code(text: str, most: int = 200) -> str:
    """Return text of others as code, for prose and for cells of tables."""
    line = one_line(text, most).replace("|", "\\|")
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    pad = " " if line.startswith("`") or line.endswith("`") or not line else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def code_block(lines: Iterable[str], language: str = "text") -> str:
    """Return lines as a block of code whose fence no line can close."""
    shown = [one_line(line, 2_000) for line in lines]
    fence = "`" * max(3, 1 + max((len(run) for line in shown for run in re.findall("`+", line)), default=0))
    return "\n".join((f"{fence}{language}", *shown, fence))


def table(head: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> str:
    """Return a table of cells that are Markdown already; the columns numbered in `right`, from 0, are set flush right.

    A cell that is empty gets a dash, so that it does not look forgotten.
    """
    flush_right = set(right)
    lines = [head, ["--:" if column in flush_right else "---" for column in range(len(head))]]
    lines += [[cell or "\u2013" for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def details(summary: str, body: str, *, is_open: bool = False) -> str:
    """Return `body`, which is Markdown already, folded away under `summary`, which is HTML already."""
    return f"<details{' open' if is_open else ''}><summary>{summary}</summary>\n\n{body}\n\n</details>"


def fitting(parts: Mapping[str, str], most_bytes: int = MOST_BYTES) -> str:
    """Return named parts of a page in their order; one that would make it too long is named instead of shown."""
    text, left_out = "", []
    for name, part in parts.items():
        longer = f"{text}\n\n{part}" if text and part else text + part
        if len(longer.encode()) > most_bytes - 200:
            left_out.append(name)
        else:
            text = longer
    if left_out:
        text += f"\n\nLeft out, because GitHub drops a summary that is too long: {', '.join(left_out)}."
    return f"{text}\n"


def _entity(found: re.Match[str]) -> str:
    mark, rest = found[0][0], found[0][1:]
    return _MARKS["$"] if mark == "$" else f"&#{ord(mark)};&#8203;{rest}"


def _visible(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
