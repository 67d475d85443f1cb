"""What a legacy file is for: the top level of soak.yaml, a profile, or the variables of an environment."""

from __future__ import annotations

import re
from dataclasses import dataclass

from soak_action.config.layers import Path
from soak_action.errors import UsageError

_WORD = re.compile(r"(default|profile|env)(?::([^=]*))?=(.*)", re.DOTALL)
_PROFILE_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_SEPARATORS = re.compile(r"[-_. ]+")
_DEFAULT_WORDS = frozenset({"default", "defaults", "base", "common", "override", "overrides"})
_PROFILE_WORDS = frozenset({"profile", "profiles"})
_ENVIRONMENT_WORDS = frozenset({"env", "environment"})
_NOISE = frozenset({"soak", "config", "json", "yaml", "yml"})
_ENVIRONMENT_PROFILE = "env"


@dataclass(frozen=True)
class Role:
    """Where the values of a file go: to a profile, or to the top level when `profile` is None."""

    profile: str | None = None
    is_environment: bool = False

    @property
    def prefix(self) -> Path:
        """The path in soak.yaml below which the values go."""
        return () if self.profile is None else ("profiles", self.profile)

    def __str__(self) -> str:
        return "top level" if self.profile is None else f"profile {self.profile}"


def role_and_file(word: str) -> tuple[Role, str]:
    """Return the role and the path that a word of the command line gives. Raises UsageError when the role is not plain.

    ``default=FILE``, ``profile:NAME=FILE``, ``env=FILE`` and ``env:NAME=FILE`` say it; else the file's name must.
    """
    match = _WORD.fullmatch(word)
    if match is None:
        return _guess(word), word
    kind, name, file = match.groups()
    if not file:
        raise UsageError(f"{word}: name the file behind the equals sign")
    if kind == "default":
        if name is not None:
            raise UsageError(f"{word}: the default has no name; write default={file}")
        return Role(), file
    if kind == "env":
        return Role(_checked(name if name is not None else _ENVIRONMENT_PROFILE, word), is_environment=True), file
    if not name:
        raise UsageError(f"{word}: say which profile; write profile:NAME={file}")
    return Role(_checked(name, word)), file


def _checked(name: str, word: str) -> str:
    if not _PROFILE_NAME.fullmatch(name):
        raise UsageError(
            f"{word}: '{name}' cannot be a profile; profile names are lower-case letters, digits and dashes, "
            f"beginning with a letter"
        )
    return name


def _guess(word: str) -> Role:
    *folders, file = re.split(r"[/\\]", word)
    words = [part for part in _SEPARATORS.split(file.lower()) if part]
    # The ending is no part of the name, whatever it is.
    words = words[:-1] if "." in file.lstrip(".") else words
    words = [part for part in words if part not in _NOISE]
    in_profiles = bool(folders) and folders[-1].lower() in _PROFILE_WORDS
    kinds = (_DEFAULT_WORDS, _PROFILE_WORDS, _ENVIRONMENT_WORDS)
    is_default, is_profile, is_environment = (bool(kind & set(words)) for kind in kinds)
    is_profile = is_profile or in_profiles
    if is_default + is_profile + is_environment == 1:
        rest = "-".join(part for part in words if part not in _PROFILE_WORDS | _ENVIRONMENT_WORDS)
        if is_default:
            return Role()
        if is_environment:
            return Role(_ENVIRONMENT_PROFILE, is_environment=True)
        if _PROFILE_NAME.fullmatch(rest):
            return Role(rest)
    what = "fits several roles" if is_default + is_profile + is_environment > 1 else "does not tell its role"
    raise UsageError(f"{word}: the name {what}; write default={word}, profile:NAME={word} or env={word}")
