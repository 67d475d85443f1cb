"""How long GitHub lets a job run, by the labels of its runner, and how it counts the minutes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from soak_action.errors import UsageError

HOSTED_SECONDS = 6 * 3600
SELF_HOSTED_SECONDS = 5 * 86_400
# What a job does around its main step: check out and set up, stop what runs, judge, upload.
AROUND_SECONDS = 15 * 60

System = Literal["linux", "windows", "macos"]
_MULTIPLIERS: dict[System, int] = {"linux": 1, "windows": 2, "macos": 10}
_SHORT_LIVED = "ubuntu-slim"


@dataclass(frozen=True)
class Runners:
    """The runners that some labels choose."""

    labels: tuple[str, ...]
    self_hosted: bool
    system: System

    @property
    def job_seconds(self) -> int:
        """The longest that a job may run there."""
        return SELF_HOSTED_SECONDS if self.self_hosted else HOSTED_SECONDS

    @property
    def multiplier(self) -> int:
        """How many minutes GitHub counts for one; those of one's own machines are counted as they are."""
        return 1 if self.self_hosted else _MULTIPLIERS[self.system]

    def __str__(self) -> str:
        kind = "self-hosted" if self.self_hosted else "hosted by GitHub"
        return f"{', '.join(self.labels)} ({kind})"


def runners_of(text: str, source: str) -> Runners:
    """Return the runners that `source` names: a label, labels with commas between, or a JSON list of labels.

    Raises UsageError.
    """
    labels = _labels(text.strip(), source)
    lowered = {label.lower() for label in labels}
    if _SHORT_LIVED in lowered:
        raise UsageError(f"{source}: a job on {_SHORT_LIVED} ends after 15 minutes; write ubuntu-latest, for example")
    return Runners(labels, "self-hosted" in lowered, _system(lowered))


def _labels(text: str, source: str) -> tuple[str, ...]:
    found: object = text.split(",")
    if text[:1] in {"[", "{", '"'}:
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            raise _not_labels(text, source) from None
    found = [found] if isinstance(found, str) else found
    if not isinstance(found, list) or not found:
        raise _not_labels(text, source)
    labels = tuple(label.strip() for label in found if isinstance(label, str))
    if len(labels) != len(found) or not all(label and label.isprintable() for label in labels):
        raise _not_labels(text, source)
    return labels


def _not_labels(text: str, source: str) -> UsageError:
    shown = text if len(text) <= 60 else f"{text[:60]}..."
    return UsageError(
        f'{source}: {shown!r} names no runner; write ubuntu-latest, or several labels as "self-hosted, linux"'
    )


def _system(labels: set[str]) -> System:
    if any("windows" in label for label in labels):
        return "windows"
    return "macos" if any("macos" in label for label in labels) else "linux"
