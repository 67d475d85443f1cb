"""What was decided about the parameters of a run, and when they were frozen: rows, of which few are kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from soak_action.config.model import Kpi
from soak_action.report.tuned_iteration import Freeze, TunedIteration
from soak_action.tuning.decision import Decision

MOST_ROWS = 60


@dataclass
class DecisionRow:
    """A decision; or equal ones, none of them applied, before the iterations `first` to `last` without a gap.

    `decision` is the first of `count`; the others may say otherwise why they were proposed (`because_differs`), or in
    detail what suppressed them (`detail_differs`).
    """

    order: int
    first: int
    last: int
    decision: Decision
    count: int = 1
    because_differs: bool = False
    detail_differs: bool = False


@dataclass(frozen=True)
class FreezeRow:
    """The beginning of a freeze; or its end, for the reason `thawed`, from iteration `first` on."""

    order: int
    first: int
    freeze: Freeze
    thawed: str | None = None


Row = DecisionRow | FreezeRow


@dataclass(frozen=True)
class Told:
    """The rows that are kept, in their order, and how many rows and decisions are not."""

    rows: Sequence[Row]
    rows_left: int
    decisions_left: int


class Timeline:
    """Gathers the rows of a run, iteration by iteration; what it holds does not grow with the run.

    What was applied, frozen or thawed is kept before what was not; of too many the first and the last ones are.
    """

    def __init__(self, kpis: Sequence[Kpi], most: int = MOST_ROWS) -> None:
        """`kpis` are those of the run, whose hard limits thaw."""
        self._limits = [(kpi, kpi.hard) for kpi in kpis if kpi.hard is not None]
        self._most = most
        self._moves, self._others = _Ends(most), _Ends(most)
        self._decisions = 0
        self._order = 0
        self._open: dict[tuple[object, ...], DecisionRow] = {}
        self._before: TunedIteration | None = None

    def add(self, iteration: TunedIteration) -> None:
        """Look at the next iteration."""
        self._add_freeze(iteration)
        self._open = {key: row for key, row in self._open.items() if row.last >= iteration.number - 1}
        for decision in iteration.decisions:
            self._add_decision(iteration.number, decision)
        self._before = iteration

    def finish(self) -> Told:
        """Return the rows."""
        moves = self._moves.taken(self._most)
        rows = sorted([*moves, *self._others.taken(self._most - len(moves))], key=lambda row: row.order)
        shown = sum(row.count for row in rows if isinstance(row, DecisionRow))
        return Told(rows, self._moves.count + self._others.count - len(rows), self._decisions - shown)

    def _add_freeze(self, iteration: TunedIteration) -> None:
        before = None if self._before is None else self._before.freeze
        if iteration.freeze == before:
            return
        if before is not None:
            self._moves.add(FreezeRow(self._next(), iteration.number, before, self._why_thawed(before)))
        if iteration.freeze is not None:
            self._moves.add(FreezeRow(self._next(), iteration.number, iteration.freeze))

    def _why_thawed(self, freeze: Freeze) -> str:
        assert self._before is not None  # noqa: S101 - it was in this freeze
        last, kpis = self._before.number, self._before.kpis
        if last >= freeze.until:
            return f"it was held to its end, iteration {freeze.until}"
        beyond = [kpi.name for kpi, hard in self._limits if kpi.name in kpis and kpi.is_beyond(kpis[kpi.name], hard)]
        return f"iteration {last} was beyond the hard limit of {', '.join(beyond) or 'a KPI'}"

    def _add_decision(self, number: int, decision: Decision) -> None:
        self._decisions += 1
        if decision.outcome == "applied":
            self._moves.add(DecisionRow(self._next(), number, number, decision))
            return
        proposal = decision.proposal
        reason = next(iter(decision.reasons), None)
        asked = (proposal.parameter, proposal.source, proposal.kind, proposal.requested)
        key = (*asked, decision.before, decision.to, decision.outcome, reason)
        row = self._open.get(key)
        if row is None:
            row = self._open[key] = DecisionRow(self._next(), number, number, decision)
            self._others.add(row)
            return
        row.last, row.count = number, row.count + 1
        row.because_differs |= proposal.because != row.decision.proposal.because
        row.detail_differs |= _detail(decision) != _detail(row.decision)

    def _next(self) -> int:
        self._order += 1
        return self._order


def _detail(decision: Decision) -> str | None:
    return next(iter(decision.reasons.values()), None)


class _Ends:
    """The first and the last ones of many rows, and how many there were."""

    def __init__(self, most: int) -> None:
        self.count = 0
        self._most_first = most - most // 2
        self._first: list[Row] = []
        self._last: deque[Row] = deque(maxlen=most // 2)

    def add(self, row: Row) -> None:
        self.count += 1
        if len(self._first) < self._most_first:
            self._first.append(row)
        else:
            self._last.append(row)

    def taken(self, most: int) -> list[Row]:
        """Return at most `most` rows, no more than this was made for."""
        rows = [*self._first, *self._last]
        if len(rows) <= most:
            return rows
        return rows[: most - most // 2] + rows[len(rows) - most // 2 :]
