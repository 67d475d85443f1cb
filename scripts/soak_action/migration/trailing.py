"""The comments that ruamel.yaml hangs on a key: all lines until the next key are part of the one before it."""

from __future__ import annotations

from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import CommentMark
from ruamel.yaml.scalarstring import LiteralScalarString
from ruamel.yaml.tokens import CommentToken

ABOVE, BEHIND, _PLACES = 1, 2, 4


def comments_of(node: Any, key: Any) -> Any:
    """Return the comments of a key; those ABOVE are a list, the one BEHIND goes on until the next key."""
    places = node.ca.items.setdefault(key, [None] * _PLACES)
    if places[ABOVE] is None:
        places[ABOVE] = []
    return places


def last_key(node: Any) -> Any:
    """Return the last key of a mapping, the last index of a list."""
    return next(reversed(node)) if isinstance(node, CommentedMap) else len(node) - 1


def take_rest(node: Any, key: Any) -> str:
    """Take away the lines that follow the value of a key, and return them."""
    while True:
        slot = BEHIND if isinstance(node, CommentedMap) else 0
        places = node.ca.items.get(key)
        token = places[slot] if places else None
        if token is not None and "\n" in token.value:
            behind, _, rest = token.value.partition("\n")
            if rest:
                places[slot] = CommentToken(f"{behind}\n", token.start_mark) if behind else None
                return str(rest)
        node = node[key]
        if not isinstance(node, CommentedMap | CommentedSeq) or not node:
            return ""
        key = last_key(node)


def clear(node: Any, key: str) -> str:
    """Prepare a key for another value: comments within the present one go with it, the lines behind are returned."""
    if not isinstance(node[key], CommentedMap | CommentedSeq):
        return ""
    rest = take_rest(node, key)
    places = node.ca.items.get(key)
    if places:
        node.ca.items[key] = [
            None,
            places[ABOVE],
            places[BEHIND] if isinstance(node[key], CommentedSeq) else None,
            None,
        ]
    return rest


def give_rest(node: Any, key: Any, rest: str) -> None:
    """Put lines behind everything that belongs to a key."""
    while isinstance(node[key], CommentedMap) and node[key] and not node[key].fa.flow_style():
        node = node[key]
        key = last_key(node)
    places = comments_of(node, key)
    # A text of several lines ends its last line itself.
    end = "" if isinstance(node[key], LiteralScalarString) else "\n"
    behind = places[BEHIND].value.rstrip("\n") if places[BEHIND] is not None else ""
    places[BEHIND] = CommentToken(f"{behind}{end}{rest}", CommentMark(0))
