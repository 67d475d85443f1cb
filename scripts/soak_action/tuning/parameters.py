"""The parameters file: the one reader and the one writer of the values that the workload runs with.

A name is the same whether it is written dotted or as nested mappings, so one that is written both ways is a mistake.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soak_action import canonical, files
from soak_action.config.model import Parameter, Parameters
from soak_action.config.wording import did_you_mean, quote, shortened
from soak_action.errors import EvidenceError, SurroundingsError, UsageError
from soak_action.file_locks import FileLock

LARGEST_FILE = 1024**2
STEPS = ("params:decided", "params:read-back", "params:snapshot")

Keys = tuple[str, ...]
Values = Mapping[str, float]


@dataclass(frozen=True)
class Held:
    """The values that a parameters file holds, by their dotted names, and the SHA-256 of its bytes."""

    values: Values
    digest: str


def own_files(path: Path) -> list[Path]:
    """Return the parameters file at `path` and what stands beside it while it is held and written.

    Only a killed owner leaves more than the file itself, until the next one has held it.
    """
    target = Path(os.path.realpath(path))
    return [path, target, FileLock(path, "").path, _aside(target)]


def flat(tree: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of nested mappings by their dotted names. Raises ValueError for a name that is there twice."""
    values: dict[str, float] = {}
    for keys, value in _leaves(tree):
        name = ".".join(keys)
        if name in values:
            raise ValueError(f"{name} is there twice")
        values[name] = value
    return values


def nested(values: Values) -> dict[str, Any]:
    """Return values by their dotted names as nested mappings; a name that begins another one stays dotted."""
    tree: dict[str, Any] = {}
    for name, value in values.items():
        *above, last = name.split(".")
        is_in_the_way = any(f"{name}.".startswith(f"{other}.") != (name == other) for other in values)
        node = tree
        for key in () if is_in_the_way else above:
            node = node.setdefault(key, {})
        node[name if is_in_the_way else last] = value
    return tree


def state_hash(values: Values) -> str:
    """Return the SHA-256 of the RFC 8785 bytes of values by their dotted names; 70 and 70.0 are the same."""
    return canonical.digest(dict(values))


class ParametersFile:
    """A file with a number for each declared parameter. Hold its FileLock.

    A symbolic link is followed once, now: the file that it leads to is the one that is read and replaced, and a link
    that somebody puts in that one's place later is refused.
    """

    def __init__(self, path: Path, declared: Parameters) -> None:
        self.path = path
        self._target = Path(os.path.realpath(path))
        self._shown = declared.file
        self._declared = {parameter.name: parameter for parameter in declared.values}

    def exists(self) -> bool:
        """Whether there is anything at the path, readable or not."""
        return os.path.lexists(self._target)

    def read(self) -> Held:
        """Return the values in force, in the order of their declaration, ints for the integer parameters.

        Raises UsageError, which tells every mistake in a line of its own; SurroundingsError when the system refuses.
        """
        held, _ = self._read()
        return held

    def create(self, values: Values) -> Held:
        """Write a new file, with nested names. Raises UsageError when there is one, SurroundingsError, ValueError."""
        if self.exists():
            raise UsageError(f"{self._shown} is there already; it is not overwritten")
        return self._replace(nested(self.checked(values)))

    def write(self, values: Values, held: Held) -> Held:
        """Make the file, which still is what it was when `held` was read, hold `values`, and read them back.

        Nothing is touched when nothing changes; else each name stays where and how it is written. Raises EvidenceError
        when somebody else changed the file, SurroundingsError, and ValueError for values that it may not hold.
        """
        values = self.checked(values)
        self.check_unchanged(held)
        if values == held.values:
            return held
        _, tree = self._read()
        for keys, _ in list(_leaves(tree)):
            node = tree
            for key in keys[:-1]:
                node = node[key]
            node[keys[-1]] = values[".".join(keys)]
        return self._replace(tree)

    def is_unchanged(self, digest: str) -> bool:
        """Whether the file has the bytes with this SHA-256. Raises SurroundingsError when it cannot be looked at."""
        try:
            return canonical.digest_of_bytes(self._content()) == digest
        except EvidenceError:
            return False

    def check_unchanged(self, held: Held) -> None:
        """Raise EvidenceError unless the file is what it was when `held` was read."""
        if not self.is_unchanged(held.digest):
            raise EvidenceError(
                f"{self._shown} was changed by somebody else while it was being tuned; nothing is written"
            )

    def checked(self, values: Values) -> dict[str, float]:
        """Return values in the order and the kinds of the declaration. Raises ValueError unless each may be written."""
        found, mistakes = self._examine([((name,), value) for name, value in values.items()])
        if mistakes:
            raise ValueError("; ".join(mistakes))
        return found

    def _content(self) -> bytes:
        return files.read_evidence(self._target, limit=LARGEST_FILE)

    def _read(self) -> tuple[Held, dict[str, Any]]:
        try:
            content = self._content()
            tree = canonical.parse(content, self._shown)
        except (EvidenceError, canonical.CanonicalError) as error:
            raise UsageError(str(error)) from None
        if not isinstance(tree, dict):
            raise UsageError(f"{self._shown}: expected a mapping of names to numbers, got {quote(tree)}")
        values, mistakes = self._examine(list(_leaves(tree)))
        if mistakes:
            raise UsageError("\n".join(f"{self._shown}: {mistake}" for mistake in mistakes))
        return Held(values, canonical.digest_of_bytes(content)), tree

    def _examine(self, leaves: list[tuple[Keys, Any]]) -> tuple[dict[str, float], list[str]]:
        """Return the values that are right, in the order of their declaration, and what is wrong with the others."""
        found: dict[str, float] = {}
        mistakes: list[str] = []
        written: dict[str, Keys] = {}
        for keys, value in leaves:
            name = ".".join(keys)
            parameter = self._declared.get(name)
            if name in written:
                mistakes.append(f"{_told(keys)} and {_told(written[name])} are the same name; keep one of them")
            elif parameter is None:
                mistakes.append(f"unknown parameter {shortened(repr(name))}{did_you_mean(name, list(self._declared))}")
            elif problem := _problem(value, parameter):
                mistakes.append(f"{name}: {problem}")
            else:
                found[name] = int(value) if parameter.is_integer else float(value)
            written.setdefault(name, keys)
        for name, parameter in self._declared.items():
            if name not in written:
                example = canonical.compact(name)
                mistakes.append(f"{name} is missing; write {example}: {_number(parameter.initial, parameter)}")
        return {name: found[name] for name in self._declared if name in found}, mistakes

    def _replace(self, tree: dict[str, Any]) -> Held:
        content = canonical.pretty_numbers(tree)
        # Renaming asks only the directory: whoever made the file read-only would not be heard.
        if self.exists() and not os.access(self._target, os.W_OK):
            raise files.surroundings(PermissionError(errno.EACCES, "not writable"), f"write {self.path}")
        files.write_atomic(self._target, content, aside=_aside(self._target).name)
        held, _ = self._read()
        if held.digest != canonical.digest_of_bytes(content):
            raise SurroundingsError(f"{self.path} does not hold what was written to it; is somebody else writing, too?")
        files.step("params:read-back")
        return held


def keep_snapshot(path: Path, values: Values) -> None:
    """Make the file at `path` hold `values`, with nested names; it is not touched when it does.

    Raises SurroundingsError.
    """
    content = canonical.pretty_numbers(nested(values))
    with contextlib.suppress(EvidenceError):
        if files.digest_of_file(path) == canonical.digest_of_bytes(content):
            return
    # A workload may have put a link there, which must not lead out of the directory.
    if path.is_symlink():
        path.unlink()
    files.write_atomic(path, content)
    files.step("params:snapshot")


def problem_of_snapshot(path: Path, states: Collection[str]) -> str | None:
    """Return what is wrong with the snapshot of a run whose parameters can only have one of these state hashes."""
    try:
        tree = canonical.parse(files.read_evidence(path, limit=LARGEST_FILE), path.name)
        is_one = isinstance(tree, dict) and state_hash(flat(tree)) in states
    except EvidenceError as error:
        return str(error).removeprefix(f"{path} ")
    except ValueError as error:
        return f"not a document that soak wrote: {error}"
    return None if is_one else "does not hold the parameters that the records tell of"


def _aside(target: Path) -> Path:
    # Named like the lock, so that `<name>*` ignores all of them.
    return target.with_name(f"{target.name}.new")


def _leaves(tree: Mapping[str, Any], above: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Yield the keys that lead to each value; a mapping without any is a value."""
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key), value


def _problem(value: Any, parameter: Parameter) -> str | None:
    """Return why a parameter cannot have this value, and what to write instead; None when it can."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"expected a number, got {quote(value)}"
    if parameter.is_integer and not float(value).is_integer():
        return f"expected a whole number, got {value}"
    if parameter.is_integer and abs(value) > canonical.LARGEST_INTEGER:
        return f"{value} is more than JSON holds exactly; write a number within {canonical.LARGEST_INTEGER}"
    if not parameter.minimum <= value <= parameter.maximum:
        low, high = (_number(bound, parameter) for bound in (parameter.minimum, parameter.maximum))
        return f"{value} is outside of what soak.yaml allows; write a number from {low} to {high}"
    return None


def _number(value: float, parameter: Parameter) -> str:
    return str(int(value) if parameter.is_integer else value)


def _told(keys: Keys) -> str:
    return shortened(" in ".join(canonical.compact(key) for key in reversed(keys)))
