"""What one process uses at one moment, and whoever can tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from soak_action.workload.process_tree import Member

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Usage:
    """The figures of one process by their KPI names; `refused` are those that the system keeps to itself.

    `inherited` are those that hold what its children used, too, once it has waited for them.
    """

    figures: Mapping[str, float]
    refused: frozenset[str] = frozenset()
    inherited: frozenset[str] = frozenset()


class Reader(Protocol):
    """Reads the figures of single processes."""

    @property
    def lacks(self) -> Mapping[str, str]:
        """The KPIs that this system has no figure for, each with the reason."""

    def member(self, pid: int) -> Member | None:
        """The living process that has this pid now."""

    def read(self, member: Member, *, uss: bool) -> Usage | None:
        """The figures of `member`, with `uss` the expensive one too; None when it is gone, whoever has its pid now."""

    def forget(self, member: Member) -> None:
        """Keep nothing about `member`, which is gone."""
