"""One legacy file: its bytes, and its values with the places where they stand."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from soak_action import canonical
from soak_action.config.yaml_source import MAX_BYTES, Document, parse_mapping
from soak_action.errors import ConfigurationError, UsageError
from soak_action.migration.role import Role, role_and_file

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


@dataclass(frozen=True)
class Source:
    """A legacy file; `shown` is its name as the user wrote it, `path` where it is."""

    shown: str
    path: Path
    role: Role
    data: bytes
    document: Document

    @property
    def is_json(self) -> bool:
        """Whether it is JSON, which has no comments."""
        return self.path.suffix.lower() == ".json"


def read_sources(words: Sequence[str], directory: Path, target: Path) -> tuple[Source, ...]:
    """Return the files that the words of the command line name; `target` is the file to be written.

    Raises UsageError for a word, ConfigurationError with every mistake that was found in the files.
    """
    roles = [role_and_file(word) for word in words]
    _check_distinct([file for _, file in roles], directory, target)
    sources: list[Source] = []
    mistakes: list[str] = []
    for role, file in roles:
        path = directory / file
        data = read_bytes(path, file)
        try:
            sources.append(Source(file, path, role, data, parse(data, file)))
        except ConfigurationError as error:
            mistakes += error.mistakes
    if mistakes:
        raise ConfigurationError(mistakes)
    return tuple(sources)


def read_bytes(path: Path, shown: str) -> bytes:
    """Return the bytes of a file that is small enough to be a configuration. Raises UsageError."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UsageError(f"{shown}: this is not a file; name the file itself")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(f"{shown}: there is no such file") from None
    except OSError as error:
        raise UsageError(f"{shown}: the file cannot be read: {error.strerror}") from None


def parse(data: bytes, name: str) -> Document:
    """Return the mapping in a JSON or YAML file. Raises ConfigurationError with name:line:column."""
    if not name.lower().endswith(".json") or len(data) > MAX_BYTES:
        return parse_mapping(data, name)
    try:
        values = canonical.parse(data, name)
    except canonical.CanonicalError as error:
        raise ConfigurationError([str(error)]) from None
    if not isinstance(values, dict):
        raise ConfigurationError([f"{name}:1:1: this must be an object, such as {{}}"])
    # JSON spells characters beyond 16 bits as two escapes, which YAML does not know; only the places matter here.
    legible = _SURROGATE.sub(rb"\\uFFFD", data)
    try:
        return Document(name, values, parse_mapping(legible, name).places)
    except ConfigurationError:
        if legible == data:
            raise
        return Document(name, values, {})


def _check_distinct(files: Iterable[str], directory: Path, target: Path) -> None:
    written, seen = os.path.realpath(target), set[str]()
    for file in files:
        place = os.path.realpath(directory / file)
        if place == written:
            raise UsageError(f"{file}: this is the file that is written; its values stay without being named")
        if place in seen:
            raise UsageError(f"{file}: the file is named twice; name it once, with one role")
        seen.add(place)
