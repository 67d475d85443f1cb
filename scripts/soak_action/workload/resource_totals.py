"""What the samples of one iteration come to: a few numbers, however many samples and processes there were."""

from __future__ import annotations

from collections.abc import Mapping

from soak_action.workload.usage import Usage

Identity = tuple[int, float]
# What a process has used since it started; the others are what it uses at the moment.
COUNTED = ("cpu_seconds", "io_read_mib", "io_write_mib")


class Totals:
    """The highest sum over the tree of every figure; of what is counted the sum of all processes, ended ones included.

    What was used `before` is not counted again.
    """

    def __init__(self) -> None:
        self.highest: dict[str, float] = {}
        self.refused: dict[str, int] = {}
        self._counts: dict[str, dict[Identity, float]] = {}
        self._inherited: dict[Identity, frozenset[str]] = {}
        self._of_gone: dict[str, float] = {}
        self._before: Mapping[str, float] = {}

    def add(self, usages: Mapping[Identity, Usage], main: Identity) -> dict[str, float]:
        """Take one sample: who was alive, and what it used. Return the sums, without those that are incomplete."""
        if not usages:
            return {}
        sums = {"children": float(len(usages.keys() - {main}))}
        incomplete = set()
        for identity, usage in usages.items():
            for name in usage.refused:
                self.refused[name] = self.refused.get(name, 0) + 1
                incomplete.add(name)
            for name, figure in usage.figures.items():
                if name in COUNTED:
                    self._counts.setdefault(name, {})[identity] = figure
                else:
                    sums[name] = sums.get(name, 0.0) + figure
            if usage.inherited:
                self._inherited[identity] = usage.inherited
        for name, total in self._counted().items():
            sums[name] = max(0.0, total - self._before.get(name, 0.0))
        for name, total in sums.items():
            self.highest[name] = max(self.highest.get(name, total), total)
        return {name: total for name, total in sums.items() if name not in incomplete}

    def end(self, identity: Identity) -> None:
        """Keep what a process had used when it was read last; it is gone."""
        inherited = self._inherited.pop(identity, frozenset())
        for name, counts in self._counts.items():
            used = counts.pop(identity, None)
            # Its parent has it in its own figure now.
            if used is not None and name not in inherited:
                self._of_gone[name] = self._of_gone.get(name, 0.0) + used

    def next(self) -> Totals:
        """Return the totals of what comes now, with the same processes."""
        following = Totals()
        following._counts = self._counts
        following._inherited = self._inherited
        following._of_gone = self._of_gone
        following._before = self._counted()
        return following

    def _counted(self) -> dict[str, float]:
        """Return what has been used since the start of the processes."""
        return {name: self._of_gone.get(name, 0.0) + sum(counts.values()) for name, counts in self._counts.items()}
