"""The gates on the branch that a pull request goes to, from git alone: no network, and nothing is checked out."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soak_action import canonical, resources
from soak_action.config.load import Loaded
from soak_action.config.loosening import Change, changes
from soak_action.config.names import parse_configuration
from soak_action.config.resolve import Given, Rules, resolve
from soak_action.errors import ConfigurationError

_EVENTS = frozenset({"pull_request", "pull_request_target"})
_SECONDS = 30


@dataclass(frozen=True)
class Comparison:
    """What differs from the base branch in the file and the profile in force; `note` says why nothing can be told."""

    changes: tuple[Change, ...] = ()
    note: str | None = None


def compare(loaded: Loaded, environ: Mapping[str, str]) -> Comparison | None:
    """Return how the gates of the configuration file differ from those on the base branch; None without a pull request.

    What environment and command line override is no part of it: that is an override, and is told as one.
    """
    if environ.get("GITHUB_EVENT_NAME") not in _EVENTS:
        return None
    if loaded.file is None:
        return Comparison(note="there is no configuration file to compare with the base branch")
    revision = next(_base_revisions(loaded.base, environ), None)
    if revision is None:
        return Comparison(
            note="the base branch is not in this checkout, so nobody can tell which gates this pull request changes; "
            "give actions/checkout the input fetch-depth: 2"
        )
    before = _git(loaded.base, "show", f"{revision}:./{loaded.file}")
    if before is None:
        return Comparison(note=f"there is no {loaded.file} on the base branch")
    try:
        values = [_values(text, loaded) for text in (before, (loaded.base / loaded.file).read_bytes())]
    except (ConfigurationError, OSError):
        return Comparison(note=f"{loaded.file} on the base branch cannot be read, so there is nothing to compare with")
    return Comparison(tuple(changes(*values)))


def _base_revisions(base: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the commits that are there and stand for the base branch, the best one first."""
    # What a pull request is tested as is a merge, whose first parent is the base branch as it was merged.
    if _git(base, "rev-parse", "--verify", "--quiet", "HEAD^2") is not None:
        yield "HEAD^1"
    commit = _base_of_event(environ)
    if commit and _git(base, "cat-file", "-e", f"{commit}^{{commit}}") is not None:
        yield commit


def _base_of_event(environ: Mapping[str, str]) -> str | None:
    try:
        event = canonical.parse(Path(environ["GITHUB_EVENT_PATH"]).read_bytes(), "the event")
        commit = event["pull_request"]["base"]["sha"]
    except (KeyError, TypeError, OSError, canonical.CanonicalError):
        return None
    return commit if isinstance(commit, str) and commit.isalnum() else None


def _values(text: bytes, loaded: Loaded) -> dict[tuple[str, ...], Any]:
    rules = Rules(resources.schema("soak"), lambda _: None, loaded.config.suite)
    document = parse_configuration(text, loaded.file or "")
    return {path: leaf.value for path, leaf in resolve(Given(document, loaded.profile), rules).leaves.items()}


def _git(directory: Path, *words: str) -> bytes | None:
    """Return what git prints, None when it fails or is not there."""
    command = ["git", "-C", str(directory), *words]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
