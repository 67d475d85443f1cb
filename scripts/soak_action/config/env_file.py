"""Environment variables from a file: a JSON mapping, or lines ``NAME=VALUE``."""

from __future__ import annotations

import re
from typing import Any

from soak_action import canonical
from soak_action.errors import ConfigurationError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUOTES = frozenset("\"'")


def parse_env_file(data: bytes, name: str) -> dict[str, str]:
    """Return the variables in a file that people call `name`; whatever is no text in JSON is written as JSON.

    Empty lines and lines that begin with ``#`` are left out, ``export`` in front is allowed, and one pair of quotes
    around a value is taken off; nothing is expanded. Raises ConfigurationError with every line that is none.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError([f"{name}: not UTF-8 at byte {error.start}; save it as UTF-8"]) from None
    return _from_json(data, name) if text.lstrip().startswith("{") else _from_lines(text, name)


def _from_json(data: bytes, name: str) -> dict[str, str]:
    try:
        found: dict[str, Any] = canonical.parse(data, name)
    except canonical.CanonicalError as error:
        raise ConfigurationError([str(error)]) from None
    wrong = [key for key in found if not _NAME.fullmatch(key)]
    if wrong:
        raise ConfigurationError([f"{name}: {key[:60]!r} is no name of a variable" for key in wrong])
    return {key: value if isinstance(value, str) else canonical.compact(value) for key, value in found.items()}


def _from_lines(text: str, name: str) -> dict[str, str]:
    found: dict[str, str] = {}
    mistakes = []
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        stripped = line.strip().removeprefix("export ").lstrip()
        if not stripped or stripped.startswith("#"):
            continue
        key, equals, value = stripped.partition("=")
        if equals and _NAME.fullmatch(key.rstrip()):
            found[key.rstrip()] = _unquoted(value.strip())
        else:
            mistakes.append(f"{name}:{number}:1: not a variable; write NAME=VALUE")
    if mistakes:
        raise ConfigurationError(mistakes)
    return found


def _unquoted(value: str) -> str:
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in _QUOTES
    return value[1:-1] if is_quoted else value
