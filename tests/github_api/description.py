"""Holds requests and answers against GitHub's published OpenAPI description (excerpt.py tells how it came here)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft202012Validator

_DESCRIPTION = json.loads((Path(__file__).parent / "description.json").read_text("utf-8"))


@dataclass(frozen=True)
class Operation:
    """One operation of the API: `name` is its method and path, with names in braces where values stand."""

    name: str
    status: int
    parameters: Mapping[tuple[str, str], Mapping[str, Any]]
    takes_body: bool
    answer: Any

    def mistakes(self, values: Mapping[str, str], query: Sequence[tuple[str, str]], body: bytes) -> list[str]:
        """Return what is wrong with a request, with the values of its path and of its query as they were sent."""
        given = [("path", name, text) for name, text in values.items()]
        given += [("query", name, text) for name, text in query]
        found = [each for place, name, text in given for each in self._parameter(place, name, text)]
        names = [name for name, _ in query]
        found += [f"query {name} is given twice" for name in set(names) if names.count(name) > 1]
        found += [
            f"{place} {name} is missing"
            for (place, name), parameter in self.parameters.items()
            if parameter["required"] and (place, name) not in {each[:2] for each in given}
        ]
        return found + (["there is a body, and the operation takes none"] if body and not self.takes_body else [])

    def _parameter(self, place: str, name: str, text: str) -> list[str]:
        parameter = self.parameters.get((place, name))
        if parameter is None:
            return [f"{place} {name} is not described"]
        is_number = re.fullmatch(r"-?[0-9]+", text) and "integer" in json.dumps(parameter["schema"])
        value: Any = int(text) if is_number else {"true": True, "false": False}.get(text, text)
        return [
            f"{place} {name}: {each.message}" for each in Draft202012Validator(parameter["schema"]).iter_errors(value)
        ]

    def mistakes_of_answer(self, document: Any) -> list[str]:
        """Return what is wrong with the document of a successful answer."""
        if self.answer is None:
            return [] if document is None else ["the answer has no document"]
        found = Draft202012Validator(self.answer).iter_errors(document)
        return [f"{each.json_path}: {each.message}" for each in found]


def find(method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
    """Return the operation that a request means, with the values in its path; None when there is none."""
    for name, described in _DESCRIPTION["operations"].items():
        wanted, _, template = name.partition(" ")
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template))
        found = re.fullmatch(pattern, path)
        if found and wanted == method:
            parameters = {(each["in"], each["name"]): each for each in described["parameters"]}
            operation = Operation(name, described["status"], parameters, described["body"], described["answer"])
            return operation, {key: unquote(value) for key, value in found.groupdict().items()}
    return None
