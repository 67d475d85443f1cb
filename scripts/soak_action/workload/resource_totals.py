"""What the samples of one iteration come to: a few numbers, however many samples and processes there were."""

from __future__ import annotations

from collections.abc import Mapping

from soak_action.workload.usage import Usage

Identity = tuple[int, float]


class Totals:
    """The highest sum over the tree of every figure; of CPU time the sum of all processes, the ended ones included."""

    def __init__(self) -> None:
        self.highest: dict[str, float] = {}
        self.refused: dict[str, int] = {}
        self._cpu: dict[Identity, float] = {}
        self._cpu_of_gone = 0.0

    def add(self, usages: Mapping[Identity, Usage], main: Identity) -> None:
        """Take one sample: who was alive, and what it used."""
        if not usages:
            return
        sums = {"children": float(len(usages.keys() - {main}))}
        for identity, usage in usages.items():
            for name in usage.refused:
                self.refused[name] = self.refused.get(name, 0) + 1
            for name, figure in usage.figures.items():
                if name == "cpu_seconds":
                    self._cpu[identity] = figure
                else:
                    sums[name] = sums.get(name, 0.0) + figure
        if self._cpu or self._cpu_of_gone:
            sums["cpu_seconds"] = self._cpu_of_gone + sum(self._cpu.values())
        for name, total in sums.items():
            self.highest[name] = max(self.highest.get(name, total), total)

    def end(self, identity: Identity) -> None:
        """Keep what a process had used when it was read last; it is gone."""
        self._cpu_of_gone += self._cpu.pop(identity, 0.0)
