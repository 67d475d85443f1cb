"""The words in which mistakes are told: values as they would be written, what is expected, what was probably meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from soak_action import canonical
from soak_action.config.layers import Path
from soak_action.config.masking import MASK, is_secret, may_be_quoted
from soak_action.config.schema_tree import Schema
from soak_action.config.yaml_source import core_value
from soak_action.units import UnitError, parse_duration, parse_share, parse_size

NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")

_TYPE_WORDS = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}
_PARSERS = {"duration": parse_duration, "size": parse_size, "share": parse_share}
_BOOLEANS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
_WITH_UNIT = re.compile(rf"({NUMBER.pattern})\s*[A-Za-z%/]+")
_LONGEST_QUOTE = 60
# What a text that needs quotes in YAML begins with.
_INDICATOR = r"""-(?![\w.])|[\s?:,\[\]{}#&*!|>'"%@`]|---|\.\.\."""
# A text of this shape needs none, unless it would be read as a number or the like.
_PLAIN_TEXT = re.compile(rf"(?!{_INDICATOR})(?:(?!:\s|\s#|:\Z)[^,\[\]{{}}\n])+(?<!\s)")


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return a suggestion to append to a message: the nearest known word, or all of them when none is near."""
    near = nearest(word, known)
    if near:
        return f" - did you mean '{near}'?"
    return f"; known here: {', '.join(known)}" if known else ""


def nearest(word: str, known: Sequence[str], cutoff: float = 0.6) -> str | None:
    """Return the known word that is most like `word`, or None when none is like it."""
    return next(iter(difflib.get_close_matches(word[:_LONGEST_QUOTE], known, n=1, cutoff=cutoff)), None)


def quote(value: Any, path: Path = ("",)) -> str:
    """Return a value as it would be written, in one line and shortened; what may hold a secret is only described."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value):
        return "a list"
    if is_secret(path) or (not may_be_quoted(path) and isinstance(value, str | list)):
        return "a list" if isinstance(value, list) else "a masked value"
    return shortened(f"'{value}'" if isinstance(value, str) else flow(value))


def shortened(text: str, longest: int = _LONGEST_QUOTE) -> str:
    """Return a text in one line, its middle left out when it is long."""
    line = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
    return line if len(line) <= longest else f"{line[: longest - 4]}...{line[-1]}"


def flow(value: Any) -> str:
    """Return a value as it would stand in YAML's flow style."""
    if isinstance(value, list):
        return f"[{', '.join(map(flow, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name}: {flow(item)}' for name, item in value.items())}}}"
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def like_written(value: Any, longest: int = _LONGEST_QUOTE) -> str:
    """Return a value in one line as it could stand in soak.yaml: a text that would be read as something else is quoted.

    The middle is left out of what is longer than `longest`.
    """
    return shortened(_in_yaml(value), longest)


def expected(node: Schema) -> str:
    """Return what a value must be, in words."""
    if "x-expects" in node:
        return str(node["x-expects"])
    if "enum" in node:
        return f"one of {', '.join(node['enum'])}"
    return " or ".join(_TYPE_WORDS[kind] for kind in kinds(node))


def example(node: Schema) -> str:
    """Return an example in brackets, or nothing when the expectation already shows one."""
    if "examples" not in node or "x-expects" in node:
        return ""
    return f" (for example {flow(node['examples'][0])})"


def kinds(node: Schema) -> tuple[str, ...]:
    """Return the JSON types that a value may have."""
    types = node.get("type", "string")
    return (types,) if isinstance(types, str) else tuple(types)


def unit_problem(value: Any, node: Schema) -> str | None:
    """Return what is wrong with a duration, size or share, or None when the value is no such thing or nothing is."""
    parse = _PARSERS.get(node.get("x-unit", ""))
    if parse is None or isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        parse(str(value))
    except UnitError as error:
        return str(error)
    return None


def parsed_unit(value: Any, node: Schema) -> float | None:
    """Return a duration in seconds, a size in bytes or a share as a ratio; None when the value is no such thing."""
    if "x-unit" not in node or not isinstance(value, str) or unit_problem(value, node):
        return None
    return float(_PARSERS[node["x-unit"]](value))


def repair(value: Any, node: Schema) -> str:
    """Return ``; write ...`` when what was meant is plain to see, or nothing."""
    allowed = kinds(node)
    if "const" in node:
        return f"; write {node['const']} without quotes" if value == str(node["const"]) else ""
    if isinstance(value, str):
        return _repair_text(value.strip(), node, allowed)
    if (
        "string" in allowed
        and isinstance(value, bool | int | float)
        and re.search(node.get("pattern", ""), flow(value))
    ):
        return "; put it in quotes"
    return ""


def _repair_text(text: str, node: Schema, allowed: tuple[str, ...]) -> str:
    if "enum" in node:
        near = nearest(text.lower(), node["enum"])
        return f" - did you mean '{near}'?" if near else ""
    if {"integer", "number"} & set(allowed):
        if NUMBER.fullmatch(text):
            return f"; write {shortened(text)} without quotes"
        if match := _WITH_UNIT.fullmatch(text):
            return f"; write {shortened(match[1])} without a unit"
    if "boolean" in allowed and text.lower() in _BOOLEANS:
        return f"; write {_BOOLEANS[text.lower()]}"
    return ""


def _in_yaml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_in_yaml, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name}: {_in_yaml(item)}' for name, item in value.items())}}}"
    if not isinstance(value, str):
        return flow(value)
    is_plain = value == MASK or (bool(_PLAIN_TEXT.fullmatch(value)) and core_value(value) == value)
    return value if is_plain else canonical.canonical_bytes(value).decode()
