"""One thing that retention decides about, as plain data: a run, an artifact, or what a killed one left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["run", "judgement", "baseline", "release", "unfinished", "unknown", "damaged"]
GROUPED: frozenset[Kind] = frozenset({"run", "judgement", "baseline", "release"})


class Group(NamedTuple):
    """What counts are taken over: the runs of one suite and profile, or the judgements of soak gate on them."""

    suite: str
    profile: str
    judgements: bool = False

    def __str__(self) -> str:
        told = f"{self.suite}/{self.profile}{' judgements' if self.judgements else ''}"
        # Whatever a manifest says, it orders nothing of a terminal.
        return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in told)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is kept, compressed or deleted as a whole.

    `started` is when it began, in seconds since 1970 UTC, by its manifest; without one, when it last changed. `bytes`
    is the disk space that deleting it frees. `has_archive` tells that it was being compressed, and only its directory
    is left to be removed. `obstacle` says why it must be left alone whatever the rules say, such as another file system
    mounted in it.
    """

    id: str
    group: Group | None
    started: float
    bytes: int
    kind: Kind = "run"
    verdict: str | None = None
    is_running: bool = False
    is_pinned: bool = False
    is_compressed: bool = False
    has_archive: bool = False
    obstacle: str | None = None

    @property
    def is_grouped(self) -> bool:
        """Whether the rules of its group decide about it, rather than its age alone."""
        return self.group is not None and self.kind in GROUPED

    @property
    def order(self) -> tuple[float, str]:
        """What makes one item older than another; among equally old ones the id decides."""
        return self.started, self.id
