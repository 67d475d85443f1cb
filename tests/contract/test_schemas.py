"""Every published schema is valid, says what each key means, and is found under its own address."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
FILES = sorted(SCHEMAS.iterdir())
ADDRESS = "https://raw.githubusercontent.com/org/soak-action/v1/schemas/"


def describes(schema: Any, whole: dict[str, Any]) -> bool:
    """Tell whether `schema` says what it means, itself or where it refers to."""
    if not isinstance(schema, dict):
        return False
    if schema.get("description", "").strip():
        return True
    target: Any = whole if schema.get("$ref", "").startswith("#/") else None
    for step in schema.get("$ref", "").split("/")[1:]:
        target = target[step]
    return describes(target, whole)


def undescribed(schema: Any, whole: dict[str, Any], place: str = "") -> Iterator[str]:
    """Yield the place of every property, at any depth, that has no description."""
    if isinstance(schema, list):
        for number, part in enumerate(schema):
            yield from undescribed(part, whole, f"{place}/{number}")
    if not isinstance(schema, dict):
        return
    for name, part in schema.items():
        if name in {"const", "default", "enum", "examples"}:
            continue
        if name == "properties":
            for key, described in part.items():
                if not describes(described, whole):
                    yield f"{place}/{key}"
                yield from undescribed(described, whole, f"{place}/{key}")
        else:
            yield from undescribed(part, whole, f"{place}/{name}")


def test_there_are_schemas_and_nothing_else() -> None:
    assert FILES
    assert [path.name for path in FILES if not path.name.endswith(".schema.json")] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_schema_is_valid_titled_and_addressed(path: Path) -> None:
    schema = json.loads(path.read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == ADDRESS + path.name
    assert schema["title"].strip()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_schema_describes_every_property(path: Path) -> None:
    schema = json.loads(path.read_text("utf-8"))
    assert list(undescribed(schema, schema)) == []


def test_the_search_for_descriptions_goes_deep() -> None:
    properties = {"a": {"type": "number"}, "b": {"description": "Told.", "items": {"$ref": "#/$defs/c"}}}
    references = {"e": {"$ref": "#/properties/b"}, "f": {"$ref": "#/properties/a"}}
    hidden = {"$defs": {"c": {"oneOf": [{"properties": {"d": {"description": " "}}}]}}}
    schema = {"properties": properties | references} | hidden
    assert list(undescribed(schema, schema)) == ["/a", "/f", "/$defs/c/oneOf/0/d"]


def test_the_validity_check_can_fail() -> None:
    with pytest.raises(SchemaError):
        Draft202012Validator.check_schema({"type": "numbre"})
