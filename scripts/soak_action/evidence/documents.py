"""Checking evidence against its published schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from soak_action import resources
from soak_action.evidence.measurements import Problem


def schema_check(name: str) -> Callable[[Any, str], Iterator[Problem]]:
    """Return a function that yields how a document, which stands at a given place, breaks the schema `name`."""
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(resources.schema(name))

    def check(document: Any, where: str) -> Iterator[Problem]:
        for error in validator.iter_errors(document):
            path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
            yield Problem(where, f"{path.lstrip('.') or 'the document'} breaks the schema: {error.message}")

    return check
