"""How the parameters of a run went, as Markdown: what was decided and why, and what the KPIs were with each state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from soak_action.config.model import Config, Kpi
from soak_action.evidence.ledger import Record
from soak_action.evidence.measurements import Measurements, TuningConduct
from soak_action.evidence.tuning_conduct import TuningCount
from soak_action.report.effect import Effect, effect_markdown
from soak_action.report.markdown import inert
from soak_action.report.spans import Spans
from soak_action.report.timeline import Timeline, Told
from soak_action.report.timeline_table import timeline_markdown
from soak_action.report.tuned_iteration import TunedIteration
from soak_action.units import counted


@dataclass(frozen=True)
class TuningReport:
    """What a summary tells of the parameters: the counts, the timeline, and the states that the KPIs saw."""

    conduct: TuningConduct
    told: Told
    effect: Effect


def tuning_report(config: Config, records: Iterable[Record]) -> TuningReport | None:
    """Return what is to be told of the parameters of a run; None when it has none, or no record tells of them.

    `config` is that of the run. The records are those of its iterations, one in memory at a time; what is no record of
    such an iteration is left out, for it is noted elsewhere.
    """
    if config.parameters is None:
        return None
    count, timeline, spans = TuningCount(), Timeline(config.kpis), Spans()
    began: Mapping[str, float] = {}
    for record in records:
        try:
            iteration = TunedIteration.of(record)
            count.add(record)
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
            continue
        began = began or iteration.parameters
        timeline.add(iteration)
        spans.add(iteration)
    conduct = count.finish()
    if conduct is None:
        return None
    units = {parameter.name: parameter.unit for parameter in config.parameters.values if parameter.unit}
    return TuningReport(conduct, timeline.finish(), Effect(spans.finish(), began, units, config.schedule.warmup))


def counts_told(conduct: TuningConduct) -> str:
    """Return what became of the proposals, as text without an end."""
    if not conduct.proposals:
        return "nobody proposed anything"
    outcomes = f"{conduct.applied} applied, {conduct.suppressed} suppressed, {conduct.no_op} without effect"
    return f"{counted(conduct.proposals, 'proposal')}: {outcomes}"


def tuning_markdown(tuning: TuningReport | None, kpis: Sequence[Kpi], measurements: Measurements) -> str:
    """Return the section about the parameters; nothing when the run has none."""
    if tuning is None:
        return ""
    parts = (
        "## Parameters",
        " ".join(_sentences(tuning.conduct)),
        timeline_markdown(tuning.told, tuning.effect.units),
        effect_markdown(tuning.effect, kpis, measurements),
    )
    return "\n\n".join(filter(None, parts))


def _sentences(conduct: TuningConduct) -> Iterator[str]:
    counts = counts_told(conduct)
    yield f"**{counts[0].upper()}{counts[1:]}.**"
    if not conduct.applied:
        yield "Nothing was ever applied, which is not convergence."
    of = counted(conduct.iterations, "iteration")
    rest = conduct.iterations - conduct.confirmed
    if conduct.confirmed:
        more = f"; {rest} unconfirmed" if rest else ""
        yield f"The workload proved in {conduct.confirmed} of {of} that it read the parameters in force{more}."
    else:
        yield f"Unconfirmed: in none of {of} did the workload prove that it read the parameters in force."
    if conduct.tuner_failed is not None:
        times = counted(conduct.tuner_failures, "time")
        first = f"the first time, before iteration {conduct.tuner_failed}: {inert(conduct.failure)}"
        yield f"Asking the tuner was in vain {times}; {first}"
