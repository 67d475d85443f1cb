"""What a user probably meant by a path that does not compile."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BARE_NUMBER = re.compile(r"(==|!=|<=|>=|<|>)\s*(-?[0-9]+(?:\.[0-9]+)?)")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'|\([^()]*\)|\{[^{}]*\}|\.|[^.({"\']+|.', re.DOTALL)
_WITH_TAGS = re.compile(r"[^{}]+\{[^{}]*\}")
_OPERATORS = frozenset('[]{}|&*@`"\\?!<>=,')


def hint_for(text: str, is_valid: Callable[[str], bool]) -> str:
    """Return ``write ...`` for the first repair of `text` that `is_valid` accepts, or an empty string."""
    if "#" in text:
        rest = text.split("#", 1)[1]
        for candidate in (rest, *_repairs(rest)):
            if is_valid(candidate):
                return f"write only what follows the '#': {candidate}"
    for candidate in _repairs(text):
        if candidate != text and is_valid(candidate):
            return f"write {candidate}"
    return ""


def _repairs(text: str) -> Iterator[str]:
    """Yield repaired forms, the likeliest first."""
    yield _BARE_NUMBER.sub(r"\1 `\2`", text)
    segments = _segments(text)
    if segments and segments[0] == "$":
        segments = segments[1:]
    if len(segments) > 1 and segments[-1].isdecimal():
        yield f"{'.'.join(map(_quoted, segments[:-1]))}[{segments[-1]}]"
    yield ".".join(map(_quoted, segments))


def _segments(text: str) -> list[str]:
    """Split at the dots that stand outside quotes and parentheses."""
    segments = [""]
    for token in _TOKEN.findall(text):
        if token == ".":
            segments.append("")
        else:
            segments[-1] += token
    return [segment.strip() for segment in segments]


def _quoted(segment: str) -> str:
    """Put double quotes around a segment that needs them, like ``p(95)`` or ``reqs{status:200}``; operators stay."""
    if len(segment) > 1 and segment[0] == segment[-1] == "'":
        segment = segment[1:-1]
    elif not segment or _IDENTIFIER.fullmatch(segment):
        return segment
    characters = set(segment) - set("{},=:" if _WITH_TAGS.fullmatch(segment) else "")
    if _OPERATORS & characters or segment.count("(") != segment.count(")"):
        return segment
    return f'"{segment}"'
