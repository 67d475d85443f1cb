"""What the KPIs of a run were with each state of its parameters, as a table."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from soak_action.config.model import Kpi
from soak_action.evidence.measurements import Measurements
from soak_action.kpi.series import statistic
from soak_action.report.markdown import code, inert, table
from soak_action.report.spans import Span
from soak_action.report.tuning_wording import held, iterations, listed, moved, named
from soak_action.units import counted, format_number

_MOST_KPIS = 6
_CAVEAT = (
    "Each row is the iterations with one state of the parameters, and the median of each KPI over them, without the "
    "warm-up. This compares different times of one run: it does not prove that the parameters made the difference."
)


@dataclass(frozen=True)
class Effect:
    """The spans of a run with one state each.

    `began` are the parameters of the first iteration, `units` those of the parameters that have one, `warmup` is how
    many iterations at the beginning say nothing about KPIs.
    """

    spans: Sequence[Span]
    began: Mapping[str, float]
    units: Mapping[str, str]
    warmup: int

    @property
    def moved(self) -> dict[str, tuple[float, float]]:
        """The parameters that ended otherwise than they began, with both values."""
        return _differences(self.began, self.spans[-1].parameters)


def effect_markdown(effect: Effect, kpis: Sequence[Kpi], measurements: Measurements) -> str:
    """Return the table, with the KPIs that have a limit first; nothing when the parameters never changed."""
    if len(effect.spans) < 2:
        return ""
    shown = sorted(kpis, key=lambda kpi: kpi.hard is None and kpi.soft is None)[:_MOST_KPIS]
    head = ("iterations", "state", "parameters", *map(_titled, shown))
    rows = [
        (
            iterations(span.first, span.last),
            _state(span),
            parameters,
            *(_median(kpi, span, effect.warmup, measurements) for kpi in shown),
        )
        for span, parameters in zip(effect.spans, _parameters(effect), strict=True)
    ]
    left = len(kpis) - len(shown)
    more = f"\n\nand {counted(left, 'KPI')} more" if left else ""
    return f"### The KPIs meanwhile\n\n{_CAVEAT}\n\n{table(head, rows, right=range(3, len(head)))}{more}"


def _titled(kpi: Kpi) -> str:
    unit = f" ({inert(kpi.unit, 40)})" if kpi.unit else ""
    return f"{inert(kpi.title, 60)}{unit}"


def _state(span: Span) -> str:
    joined = f" <sub>the last of {span.states} in turn</sub>" if span.states > 1 else ""
    return f"{code(span.state_hash[:8])}{joined}"


def _parameters(effect: Effect) -> Iterator[str]:
    """Yield the values at the beginning, and what is different at the end of each span."""
    units, before = effect.units, effect.began
    told = [f"{named(name)} {held(value, units.get(name))}" for name, value in before.items()]
    for span in effect.spans:
        changed = _differences(before, span.parameters).items()
        yield listed([*told, *(f"{named(name)} {moved(*values, units.get(name))}" for name, values in changed)])
        told, before = [], span.parameters


def _differences(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    return {name: (before[name], after[name]) for name in before if name in after and before[name] != after[name]}


def _median(kpi: Kpi, span: Span, warmup: int, measurements: Measurements) -> str:
    """Return the median over a span, and how many of its values are missing, as the receipt counts them."""
    column, numbers = measurements.kpis.get(kpi.name), measurements.numbers
    if column is None:
        return ""
    positions = range(bisect_right(numbers, max(span.first - 1, warmup)), bisect_right(numbers, span.last))
    judged = [position for position in positions if measurements.outcomes[position] != "cancelled"]
    values = [column.values[position] for position in judged if position not in column.missing]
    missing = len(judged) - len(values)
    shown = format_number(statistic(values, "median")) if values else ""
    return f"{shown} <sub>{missing} missing</sub>".strip() if missing else shown
