"""Turning the text of an environment variable or a command line into the type that the schema wants."""

from __future__ import annotations

import re
from math import isfinite
from typing import Any

from soak_action import canonical
from soak_action.config.layers import Path
from soak_action.config.schema_tree import Schema
from soak_action.config.wording import NUMBER, example, expected, kinds, quote, repair

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_OPENINGS = {"array": "[", "object": "{"}


def coerce(raw: str, node: Schema, path: Path) -> Any:
    """Return the value of `raw` for the key at `path`, guided by its schema `node` and by nothing else.

    Lists are JSON, or their items with commas between them; mappings are JSON. Raises ValueError with what is expected.
    """
    if not _is_utf8(raw):
        raise ValueError(f"{quote(raw, path)} is not UTF-8 text")
    text = raw.strip()
    allowed = kinds(node)
    for kind, opening in _OPENINGS.items():
        if kind in allowed and text.startswith(opening):
            return _json(raw, path)
    if {"integer", "number"} & set(allowed) and NUMBER.fullmatch(text) and isfinite(float(text)):
        return _number(text)
    if "boolean" in allowed and text.lower() in {"true", "false"}:
        return text.lower() == "true"
    if "enum" in node:
        return text
    if "string" in allowed:
        return raw
    if "array" in allowed:
        return [coerce(item.strip(), node["items"], path) for item in raw.split(",")]
    hint = "; write it as JSON, or set its keys one by one" if allowed == ("object",) else ""
    hint = hint or repair(text, node) or example(node)
    raise ValueError(f"{quote(raw, path)} is not {expected(node)}{hint}")


def _number(text: str) -> int | float:
    number = float(text)
    return int(number) if number.is_integer() and abs(number) <= canonical.LARGEST_INTEGER else number


def _json(raw: str, path: Path) -> Any:
    try:
        value = canonical.parse(raw.encode(), "JSON text")
    except canonical.CanonicalError as error:
        raise ValueError(f"{quote(raw, path)} is not valid {error}; texts need double quotes") from None
    try:
        canonical.canonical_bytes(value)
    except canonical.CanonicalError as error:
        raise ValueError(f"{quote(raw, path)} cannot be kept as evidence: {error}") from None
    if _NUL.search(raw):
        raise ValueError(f"{quote(raw, path)} holds the character \\0, which cannot stand in a configuration")
    return value


def _is_utf8(text: str) -> bool:
    # Bytes that were no text arrive from the system as lone surrogates.
    return not any("\ud800" <= character <= "\udfff" for character in text)
