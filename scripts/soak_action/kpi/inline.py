"""A KPI in one line: ``NAME=PATH [key=value]...``."""

from __future__ import annotations

import re

from soak_action.errors import UsageError
from soak_action.kpi.path import PathError, compile_path

_EXAMPLE = "p95_ms=latency.p95 better=lower hard=400"
_NAME = re.compile(r"(?!.*__)[a-z][a-z0-9_]*")
_SETTING = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(?!=)(.*)", re.DOTALL)
_WORD = re.compile(r"\S+")
_QUOTES = "\"'`"
_OPENING, _CLOSING = "[{(", "]})"


def parse_inline(text: str) -> tuple[str, dict[str, str]]:
    """Return the name and the raw mapping as it would stand under ``kpis.NAME``; `from` is ``#PATH``, without a file.

    The last words of the form key=value are settings, everything before them is the PATH; quotes and brackets keep
    blanks together. Raises UsageError, which says what to write instead.
    """
    name, equals, rest = text.partition("=")
    name = name.strip()
    if not equals:
        raise _error(text, f"there is no '='; write NAME=PATH, for example {_EXAMPLE}")
    _check_name(text, name)
    words = _words(text, rest)
    first_setting = len(words)
    while first_setting and _SETTING.fullmatch(words[first_setting - 1][0]):
        first_setting -= 1
    path = rest[: words[first_setting][1]] if first_setting < len(words) else rest
    _check_path(text, name, path.strip(), [word for word, _ in words[:first_setting]])
    settings: dict[str, str] = {"from": f"#{path.strip()}"}
    for word, _ in words[first_setting:]:
        key, _, value = word.partition("=")
        if key == "from":
            raise _error(text, f"'from' is the PATH already; write {name}=PATH and leave it out")
        if key in settings:
            raise _error(text, f"'{key}' is given twice; keep one of them")
        settings[key] = _unquoted(value)
    return name, settings


def _check_name(text: str, name: str) -> None:
    if _NAME.fullmatch(name):
        return
    meant = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    suggestion = f"; write for example {meant}=..." if _NAME.fullmatch(meant) else f"; write for example {_EXAMPLE}"
    raise _error(text, f"'{name}' is no KPI name: small letters, digits and single '_', a letter first{suggestion}")


def _check_path(text: str, name: str, path: str, words: list[str]) -> None:
    if not path:
        raise _error(text, f"the PATH is empty; write {name}=PATH, for example {name}=latency.p95")
    for position, word in enumerate(words[:-1]):
        setting = _SETTING.fullmatch(word)
        if setting:
            what = f"'{words[position + 1]}' after {word} is not key=value"
            raise _error(text, f"""{what}; a value with blanks needs quotes: {setting[1]}="{setting[2]} ...\"""")
    try:
        compile_path(path)
    except PathError as error:
        raise _error(text, str(error)) from error


def _words(text: str, rest: str) -> list[tuple[str, int]]:
    """Split at blanks outside quotes and brackets; each word comes with its position in `rest`."""
    masked = list(rest)
    quote, depth = "", 0
    escaped = False
    for position, character in enumerate(rest):
        inside = bool(quote) or depth > 0
        if quote:
            escaped, quote = _after_quoted(character, quote, escaped=escaped)
        elif character in _QUOTES:
            quote = character
        elif character in _OPENING:
            depth += 1
        elif character in _CLOSING:
            depth = max(0, depth - 1)
        if inside and character.isspace():
            masked[position] = "_"
    if quote:
        raise _error(text, f"a quote {quote} is never closed; write one more {quote}")
    return [(rest[match.start() : match.end()], match.start()) for match in _WORD.finditer("".join(masked))]


def _after_quoted(character: str, quote: str, *, escaped: bool) -> tuple[bool, str]:
    """Return whether the next character is escaped, and the quote that is still open."""
    if escaped:
        return False, quote
    if character == "\\":
        return True, quote
    return False, "" if character == quote else quote


def _unquoted(value: str) -> str:
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if is_quoted else value


def _error(text: str, what: str) -> UsageError:
    return UsageError(f"KPI '{text}': {what}")
