"""Whether a configuration makes sense as a whole: what can never come true, and what is only suspicious.

An error makes the configuration wrong: the run cannot keep its promise, or a rule can never decide anything. A warning
is about what may be meant: a rule that this schedule is too short for, a KPI that no rule looks at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from soak_action.config.check import Mistake
from soak_action.config.coherence_tuning import suspicions
from soak_action.config.layers import Leaves, Path
from soak_action.config.length import step_seconds
from soak_action.config.locks import Lock, idle_locks
from soak_action.config.model import Config, Kpi, Schedule, Workload

# These do not lie on the scale of a single value, so the range of the values does not bound them.
_AGGREGATES = ("count", "sum", "rate")
# KPIs that soak measures itself may be there for display alone when nobody names them.
_DEFAULT = "default"
_WINDOW: Path = ("workload", "service", "window")


@dataclass(frozen=True)
class Case:
    """A configuration that satisfies the schema, and where its values stand."""

    config: Config
    leaves: Leaves
    locks: tuple[Lock, ...]
    where: Callable[[Path], str]

    def about(self, path: Path, sentence: str) -> Mistake:
        """Return a finding at the place of `path`."""
        return Mistake(self.where(path), path, sentence)

    def is_chosen(self, path: Path) -> bool:
        """Whether somebody gave the value at `path`, or one below it, instead of leaving the default."""
        given = [leaf for leaf in self.leaves.values() if leaf.path[: len(path)] == path]
        return any(leaf.layer != _DEFAULT for leaf in given)


def errors(case: Case) -> Iterator[Mistake]:
    """Yield what makes the configuration wrong."""
    yield from _impossible_schedule(case, case.config.schedule, case.config.workload)
    yield from _impossible_windows(case, case.config.schedule, case.config.workload)
    for kpi in case.config.kpis:
        yield from _limits_out_of_range(case, kpi)


def warnings(case: Case) -> Iterator[Mistake]:
    """Yield what is only suspicious."""
    schedule, workload = case.config.schedule, case.config.workload
    timeout: Path = ("workload", "timeout")
    is_command = workload is not None and workload.window is None
    if workload and is_command and schedule.every and workload.timeout > schedule.every and case.is_chosen(timeout):
        yield case.about(
            ("schedule", "every"),
            f"an iteration may take {_span(workload.timeout)} before its time-out ends it ({case.where(timeout)}), "
            f"which is longer than the pace of {_span(schedule.every)}; slow iterations put off those after them",
        )
    if workload and workload.run is not None and case.is_chosen(_WINDOW):
        run = case.where(("workload", "run"))
        yield case.about(_WINDOW, f"the window has no effect: an iteration is as long as workload.run takes ({run})")
    if schedule.duration is None:
        yield from _slots_run_over(case, schedule, workload)
    for kpi in case.config.kpis:
        yield from _too_long_for_the_run(case, kpi, schedule)
        yield from _never_judged(case, kpi)
    if not any(_has_hard_rule(kpi, schedule.planned_judged) for kpi in case.config.kpis):
        yield case.about(
            ("kpis",), "no KPI has a hard rule that applies to this schedule, so every run is inconclusive"
        )
    guarded = any(path[:1] == ("guards",) for path in case.leaves)
    yield from (case.about(path, told) for path, told in suspicions(case.config, guarded=guarded))
    yield from idle_locks(case.locks, case.leaves)


def _impossible_schedule(case: Case, schedule: Schedule, workload: Workload | None) -> Iterator[Mistake]:
    pace, key = (schedule.every, "every") if schedule.every else (schedule.pause or 0.0, "pause")
    planned, window = schedule.planned_iterations, workload.window if workload else None
    if planned is not None and schedule.budget:
        least = (planned - 1) * step_seconds(schedule, window or 0.0) + (window or 0.0)
        # A window that has to end at the very end of the budget does not.
        if least > schedule.budget or (window and least == schedule.budget):
            windows = f" that are windows of {_span(window)}" if window else ""
            yield case.about(
                ("schedule", "budget"),
                f"{planned} iterations{windows} with {key} {_span(pace)} take at least {_span(least)}, "
                f"but the budget ends after {_span(schedule.budget)}; such a run is never complete",
            )
    if workload and planned and schedule.duration is None and schedule.min_active:
        at_most = workload.longest_iteration
        if planned * at_most < schedule.min_active:
            yield case.about(
                ("schedule", "min_active"),
                f"{planned} iterations of at most {_span(at_most)} add up to {_span(planned * at_most)}, never to "
                f"{_span(schedule.min_active)}",
            )


def _impossible_windows(case: Case, schedule: Schedule, workload: Workload | None) -> Iterator[Mistake]:
    if workload and workload.window is not None and workload.window > workload.timeout:
        yield case.about(
            _WINDOW,
            f"a window of {_span(workload.window)} never ends, because workload.timeout stops it after "
            f"{_span(workload.timeout)} ({case.where(('workload', 'timeout'))}); every iteration is a time-out",
        )
    if schedule.duration is not None:
        yield from _slots_run_over(case, schedule, workload)


def _slots_run_over(case: Case, schedule: Schedule, workload: Workload | None) -> Iterator[Mistake]:
    """Yield when windows miss slots, which is wrong for a promised duration and puts off promised iterations."""
    if workload and workload.window is not None and schedule.every and workload.window >= schedule.every:
        yield case.about(
            ("schedule", "every"),
            f"a window of {_span(workload.window)} ({case.where(_WINDOW)}) never ends before the next slot of a pace "
            f"of {_span(schedule.every)}, so slots are missed; write a longer pace, or 'pause: 0s' instead",
        )


def _limits_out_of_range(case: Case, kpi: Kpi) -> Iterator[Mistake]:
    if kpi.range is None or kpi.better is None:
        return
    best, worst = kpi.range if kpi.better == "lower" else kpi.range[::-1]
    for key, limit, what in _limits_on_single_values(kpi):
        path: Path = ("kpis", kpi.name, *key)
        shown = f"[{kpi.range[0]:g}, {kpi.range[1]:g}]"
        if not kpi.is_beyond(worst, limit):
            yield case.about(path, f"{what} {limit:g} can never be broken: no value of the range {shown} is beyond it")
        elif kpi.is_beyond(best, limit):
            yield case.about(path, f"{what} {limit:g} can never be met: every value of the range {shown} is beyond it")


def _limits_on_single_values(kpi: Kpi) -> Iterator[tuple[Path, float, str]]:
    aggregated = kpi.stat in _AGGREGATES
    limits = {"hard": kpi.hard, "soft": kpi.soft}
    for name, limit in limits.items():
        if limit is not None and not aggregated:
            yield (name,), limit, f"the {name} limit"
    single = limits[kpi.sustained.within] if kpi.sustained is not None and aggregated else None
    if kpi.sustained is not None and single is not None:
        yield ("sustained",), single, f"the {kpi.sustained.within} limit of single iterations"
    if kpi.abort is not None:
        yield ("abort", "beyond"), kpi.abort.beyond, "the value to abort at"


def _too_long_for_the_run(case: Case, kpi: Kpi, schedule: Schedule) -> Iterator[Mistake]:
    judged = schedule.planned_judged
    if judged is not None:
        run = f"this schedule promises {judged} judged iteration{'s' if judged != 1 else ''}"
        if kpi.window.iterations is not None and kpi.window.iterations > judged:
            path: Path = ("kpis", kpi.name, "window")
            yield case.about(path, f"a window of {kpi.window} is never filled: {run}; it looks at all of them")
        if kpi.sustained is not None and kpi.sustained.of > judged:
            told = f"'{kpi.sustained.at_least} of {kpi.sustained.of}' never applies: {run}"
            yield case.about(("kpis", kpi.name, "sustained"), told)
        if kpi.abort is not None and kpi.abort.iterations > judged:
            told = f"{kpi.abort.iterations} iterations in a row never happen: {run}"
            yield case.about(("kpis", kpi.name, "abort"), told)
    longest = None if schedule.iterations is not None else schedule.duration
    if kpi.window.seconds is not None and longest is not None and kpi.window.seconds > longest:
        told = (
            f"a window of {_span(kpi.window.seconds)} is longer than the run of {_span(longest)}; it looks at all of it"
        )
        yield case.about(("kpis", kpi.name, "window"), told)


def _never_judged(case: Case, kpi: Kpi) -> Iterator[Mistake]:
    path: Path = ("kpis", kpi.name)
    has_rule = kpi.must_vary or any(rule is not None for rule in (kpi.hard, kpi.soft, kpi.sustained, kpi.abort))
    if not has_rule and case.is_chosen(path):
        yield case.about(path, f"'kpis.{kpi.name}' is measured and never judged: it has no limit and no other rule")


def _has_hard_rule(kpi: Kpi, judged: int | None) -> bool:
    """Whether a hard rule of the KPI applies when so many iterations are promised."""
    promised = float("inf") if judged is None else judged
    sustained, abort = kpi.sustained, kpi.abort
    return (
        kpi.hard is not None
        or (sustained is not None and sustained.severity == "hard" and sustained.of <= promised)
        or (abort is not None and abort.iterations <= promised)
    )


def _span(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"
