"""Checking configuration values against the schema, with messages that say what to write instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from soak_action.config import wording
from soak_action.config.layers import Path
from soak_action.config.schema_tree import Schema, known_keys, schema_at

if TYPE_CHECKING:
    from jsonschema import ValidationError

_DIGITS = re.compile(r"([0-9]{1,9})")


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong: the place to look at, the key it is about, and a sentence."""

    place: str
    path: Path
    sentence: str

    def __str__(self) -> str:
        return f"{self.place}: {self.sentence}"


def mistakes_of(data: Any, schema: Schema, where: Callable[[Path], str], *, partial: bool) -> list[Mistake]:
    """Return each way in which `data` breaks `schema`, in the order of their places.

    `where` gives the place of a path. A `partial` document may lack required keys, because another layer may give them.
    """
    from jsonschema import Draft202012Validator

    found: dict[Mistake, None] = {}
    for error in _flat(Draft202012Validator(schema).iter_errors(data)):
        if partial and error.validator in {"required", "oneOf"}:
            continue
        for path, sentence in _sentences(error, tuple(map(str, error.absolute_path)), schema):
            found[Mistake(where(path), path, sentence)] = None
    return in_order(found)


def _flat(errors: Iterable[ValidationError]) -> Iterator[ValidationError]:
    """Yield the errors; where forms nest, those of the flat one, because nested names were flattened before."""
    for error in errors:
        if error.validator == "anyOf":
            yield from _flat(inner for inner in error.context or () if inner.relative_schema_path[0] == 0)
        else:
            yield error


def in_order(mistakes: Iterable[Mistake]) -> list[Mistake]:
    """Return the mistakes by their places, with numbers in them taken as numbers."""
    return sorted(mistakes, key=lambda mistake: (_natural(mistake.place), mistake.sentence))


def _sentences(error: ValidationError, path: Path, schema: Schema) -> Iterator[tuple[Path, str]]:
    node = schema_at(schema, path) or {}
    data: Any = error.instance
    if error.validator == "additionalProperties":
        known = known_keys(node)
        for unknown in data:
            if unknown not in known:
                key = wording.shortened(".".join((*path, unknown)))
                yield (*path, unknown), f"unknown key '{key}'{wording.did_you_mean(unknown, known)}"
    elif "propertyNames" in error.absolute_schema_path:
        yield (*path, str(data)), f"{wording.quote(data)} cannot be a name here; {node['x-names']}"
    elif error.validator == "required":
        names: Any = error.validator_value
        for name in names:
            if name not in data:
                missing = schema_at(schema, (*path, name)) or {}
                yield path, f"'{'.'.join((*path, name))}' is missing{wording.example(missing)}"
    else:
        yield path, _about_value(error, path, node)


def _about_value(error: ValidationError, path: Path, node: Schema) -> str:
    value: Any = error.instance
    key = f"'{'.'.join(path)}'" if path else "the configuration"
    if value in (None, "", []):
        mapping = wording.kinds(node) == ("object",)
        what = "write {} for the defaults" if mapping else f"give it a value{wording.example(node)}"
        return f"{key} is empty; {what} or remove the key"
    if problem := wording.unit_problem(value, node):
        return f"{key}: {problem}"
    told = wording.repair(value, node) or wording.example(node)
    return f"{key} is {wording.quote(value, path)}, but must be {_requirement(error, node)}{told}"


def _requirement(error: ValidationError, node: Schema) -> str:
    limit = error.validator_value
    match error.validator:
        case "minimum":
            return f"at least {limit}"
        case "exclusiveMinimum":
            return f"more than {limit}"
        case "maximum":
            return f"at most {limit}"
        case "maxLength":
            return f"at most {limit} characters long"
        case "uniqueItems":
            return "a list without repetitions"
        case "const":
            return f"{limit}, the only version that this soak reads"
        case _:
            return wording.expected(node)


def _natural(place: str) -> tuple[tuple[int, str], ...]:
    return tuple((int(part), "") if part.isdecimal() else (0, part) for part in _DIGITS.split(place))
