"""Keeping secrets out of evidence, messages and logs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from soak_action.config.layers import Leaf, Leaves, Path, Shadowed

MASK = "***"
_SECRET_NAME = re.compile(
    r"(?i)token|secret|passw(or)?d|passphrase|credential|private|api_?key|access_?key|webhook|cookie|bearer|connection_?string"
    r"|(^|_)(key|auth|pass|jwt|dsn|database_url)($|_)|_pwd($|_)"
)
_SHORTEST_SECRET = 4
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
    """Return `text` with every secret replaced."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def _without_profile(path: Path) -> Path:
    return path[2:] if path[:1] == ("profiles",) else path
