"""The place of a KPI inside a document: a JMESPath expression."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final

from soak_action.kpi.expression import PathError, compile_expression

__all__ = ["MISSING", "KpiPath", "Missing", "PathError", "compile_path", "kind_of"]

_IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_]*"
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_BLANK = r"[ \t\n\r]*"
_FIELD = re.compile(rf"{_BLANK}(?:({_IDENTIFIER})|({_QUOTED})){_BLANK}", re.DOTALL)

_KEYS_SHOWN = 8


class Missing(Enum):
    """The answer of a path that leads nowhere; an explicit null in the document is None instead."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING


@dataclass(frozen=True)
class KpiPath:
    """A compiled path: the keys of a plain chain of fields, or the search function of any other expression."""

    text: str
    way: tuple[str, ...] | Callable[[object], object]

    @property
    def keys(self) -> tuple[str, ...] | None:
        """The keys of a plain chain, which needs no jmespath."""
        return self.way if isinstance(self.way, tuple) else None

    def search(self, document: object) -> object:
        """Return what the path finds, or MISSING; a null counts as found only at the end of a plain chain.

        Raises PathError when a function of the expression refuses the document.
        """
        way = self.way
        if isinstance(way, tuple):
            found = document
            for key in way:
                if not isinstance(found, dict) or key not in found:
                    return MISSING
                found = found[key]
            return found
        answer = way(document)
        return MISSING if answer is None else answer

    def why_missing(self, document: object) -> str:
        """Return a clause that says where in `document` the path breaks off."""
        if not isinstance(self.way, tuple):
            return f"'{self.text}' finds nothing"
        found, walked = document, "the document"
        for key in self.way:
            if not isinstance(found, dict):
                return f"{walked} is {kind_of(found)}, so it has no '{key}'"
            if key not in found:
                return f"{walked} has no '{key}' ({_listing(found)})"
            found, walked = found[key], f"'{key}'"
        return f"'{self.text}' is there"


@lru_cache(maxsize=1024)
def compile_path(text: str) -> KpiPath:
    """Compile a path; raises PathError with the column and, where one can be guessed, what to write instead."""
    keys = _plain_keys(text)
    if keys is not None:
        return KpiPath(text, keys)
    if not text.strip():
        raise PathError(text, "the path is empty", hint='write for example latency.p95 or metrics."p(95)"')
    return KpiPath(text, compile_expression(text))


def kind_of(value: object) -> str:
    """Return the JSON kind of a value in words, with its length where it has one."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return f"an object of {len(value)} entries"
    if isinstance(value, list):
        return f"a list of {len(value)} entries"
    return "a text" if isinstance(value, str) else "a number"


def _plain_keys(text: str) -> tuple[str, ...] | None:
    """Return the keys of a chain such as ``a."p(95)".c``; None for every other expression, right or wrong."""
    keys: list[str] = []
    position = 0
    while (match := _FIELD.match(text, position)) is not None:
        plain, quoted = match.groups()
        if quoted is None:
            keys.append(plain)
        else:
            try:
                keys.append(json.loads(quoted))
            except ValueError:
                return None
        position = match.end()
        if position == len(text):
            return tuple(keys)
        if text[position] != ".":
            return None
        position += 1
    return None


def _listing(mapping: dict[str, object]) -> str:
    """Name the first few keys of an object."""
    if not mapping:
        return "it is empty"
    shown = list(mapping)[:_KEYS_SHOWN]
    more = len(mapping) - len(shown)
    return "it has " + ", ".join(f"'{key}'" for key in shown) + (f" and {more} more" if more else "")
