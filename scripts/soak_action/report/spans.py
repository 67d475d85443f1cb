"""The iterations of a run in spans with one state of the parameters; too many are joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from soak_action.report.tuned_iteration import TunedIteration

MOST_SPANS = 30


@dataclass(frozen=True)
class Span:
    """The iterations `first` to `last`; `parameters` and `state_hash` are those of the last one of so many `states`."""

    first: int
    last: int
    state_hash: str
    parameters: Mapping[str, float]
    iterations: int = 1
    states: int = 1


class Spans:
    """Gathers the spans of a run, iteration by iteration; of too many the two shortest neighbours become one."""

    def __init__(self, most: int = MOST_SPANS) -> None:
        self._most = most
        self._spans: list[Span] = []

    def add(self, iteration: TunedIteration) -> None:
        """Look at the next iteration."""
        if self._spans and self._spans[-1].state_hash == iteration.state_hash:
            last = self._spans[-1]
            self._spans[-1] = replace(last, last=iteration.number, iterations=last.iterations + 1)
            return
        self._spans.append(Span(iteration.number, iteration.number, iteration.state_hash, iteration.parameters))
        if len(self._spans) > self._most:
            self._join()

    def finish(self) -> Sequence[Span]:
        """Return the spans in their order."""
        return tuple(self._spans)

    def _join(self) -> None:
        """Join two; not the last one, which has only begun."""
        lengths = [left.iterations + right.iterations for left, right in pairwise(self._spans[:-1])]
        place = lengths.index(min(lengths))
        left, right = self._spans[place : place + 2]
        self._spans[place : place + 2] = [
            replace(
                right,
                first=left.first,
                iterations=left.iterations + right.iterations,
                states=left.states + right.states,
            )
        ]
