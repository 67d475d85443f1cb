"""Finds the schemas and other data files, in a checkout and in an installed package."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from soak_action.canonical import CanonicalError, parse
from soak_action.errors import SurroundingsError

PACKAGE = Path(__file__).resolve().parent


def path(*parts: str, package: Path = PACKAGE) -> Path:
    """Return the path of a data file, for example ``path("schemas", "run.schema.json")``.

    In a checkout it lies below the repository, in an installed package below ``_data``. Raises SurroundingsError.
    """
    roots = [package / "_data"]
    if package.parent.name == "scripts":
        # First, so that data left over from building a package never shadows what is being edited.
        roots.insert(0, package.parent.parent)
    for root in roots:
        candidate = root.joinpath(*parts)
        if candidate.exists():
            return candidate
    raise SurroundingsError(f"{'/'.join(parts)} is missing from this installation of soak-action; install it again")


@lru_cache
def schema(name: str, package: Path = PACKAGE) -> dict[str, Any]:
    """Return the JSON Schema of that name, read once; do not change it. Raises SurroundingsError."""
    file = path("schemas", f"{name}.schema.json", package=package)
    try:
        document: dict[str, Any] = parse(file.read_bytes(), str(file))
    except OSError as error:
        raise SurroundingsError(f"cannot read {file}: {error.strerror}") from error
    except CanonicalError as error:
        raise SurroundingsError(f"this installation of soak-action is damaged: {error}") from error
    return document
