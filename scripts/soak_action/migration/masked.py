"""A text of soak.yaml as it may be shown: without the secrets in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from soak_action.config import layers
from soak_action.config.masking import MASK, is_secret, mask_text

_SHORTEST = 4


def masked_text(text: str, data: Mapping[str, Any]) -> str:
    """Return `text` with the secrets of the configuration `data` replaced, and what stands behind their names."""
    entries = [entry for entry in layers.flatten(data, lambda _: "") if is_secret(entry.path)]
    text = mask_text(text, {piece for entry in entries for piece in _pieces(entry.value)})
    for name in {entry.path[-1] for entry in entries}:
        text = re.sub(
            rf"(?m)((?<![A-Za-z0-9_]){re.escape(name)}[\"']?\s*:[ \t]*+)(?![|>\r\n])[^\r\n]*", rf"\g<1>{MASK}", text
        )
    return text


def _pieces(value: Any) -> Iterator[str]:
    """Yield the lines of a secret: a long one is written over several."""
    for line in str(value).splitlines():
        if len(line.strip()) >= _SHORTEST:
            yield line.strip()
