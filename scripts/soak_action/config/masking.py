"""Keeping secrets out of evidence, messages and logs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from soak_action import canonical
from soak_action.config.layers import Leaf, Leaves, Path, Shadowed

MASK = "***"
_SECRET_NAME = re.compile(
    r"(?i)token|secret|passw(or)?d|passphrase|credential|private|api_?key|access_?key|webhook|cookie|bearer|connection_?string"
    r"|(^|_)(key|auth|pass|jwt|dsn|database_url)($|_)|_pwd($|_)"
)
_SHORTEST_SECRET = 4
_SETTING = re.compile(r"(?s)^(?P<key>(?:--set=)?\s*(?P<path>workload\.env\.[^=\s]+)\s*)=.*")
_ENVIRONMENT: Path = ("workload", "env")


def is_secret(path: Path) -> bool:
    """Whether the value at `path` is one that must never be shown: an environment variable with a telling name."""
    path = _without_profile(path)
    return len(path) > 2 and path[:2] == _ENVIRONMENT and bool(_SECRET_NAME.search(path[2]))


def may_be_quoted(path: Path) -> bool:
    """Whether a message may show a wrong value at `path`; a misshapen mapping may hold secrets as well."""
    bare = _without_profile(path)
    return bool(bare) and bare != _ENVIRONMENT[: len(bare)] and not is_secret(path)


def mask_leaf(leaf: Leaf) -> Leaf:
    """Return the leaf as it may be shown."""
    if not is_secret(leaf.path):
        return leaf
    shadowed = tuple(Shadowed(item.path, MASK, item.layer, item.origin) for item in leaf.shadowed)
    return Leaf(leaf.path, MASK, leaf.layer, leaf.origin, shadowed)


def secret_values(leaves: Leaves) -> frozenset[str]:
    """Return the texts that must not appear anywhere; very short ones would mask innocent text and are left out."""
    values: set[Any] = set()
    for leaf in leaves.values():
        if is_secret(leaf.path):
            values.update((leaf.value, *(item.value for item in leaf.shadowed)))
    return frozenset(value for value in values if isinstance(value, str) and len(value) >= _SHORTEST_SECRET)


def mask_text(text: str, secrets: Iterable[str]) -> str:
    """Return `text` with every secret replaced, also where it stands in JSON or YAML with escapes."""
    forms = {form for secret in secrets for form in (secret, canonical.compact(secret)[1:-1])}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, MASK)
    return text


def mask_words(words: Iterable[str], secrets: Iterable[str]) -> list[str]:
    """Return the words of a command line without secrets: neither the given ones nor what a KEY=VALUE sets to one."""
    known = tuple(secrets)
    return [mask_text(_SETTING.sub(_mask_setting, word), known) for word in words]


def _mask_setting(found: re.Match[str]) -> str:
    return f"{found['key']}={MASK}" if is_secret(tuple(found["path"].split("."))) else found[0]


def _without_profile(path: Path) -> Path:
    return path[2:] if path[:1] == ("profiles",) else path
