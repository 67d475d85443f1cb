"""What the guards must know of a run so far, gathered from the records of its iterations and from nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from soak_action import canonical
from soak_action.config.condition import compile_condition
from soak_action.config.model import Guards, Kpi, Parameter, Parameters
from soak_action.tuning.candidate import number_of
from soak_action.tuning.decision import Decision, decision_of
from soak_action.tuning.freeze import Freezing, Seen, following
from soak_action.tuning.past import Past


class RecordError(ValueError):
    """A record that cannot be one of this run: it tells of a change that no guard could have let through."""


class Memory:
    """The parameters in force, the past of each, and how near a freeze is; as large after a year as after an hour.

    A run in progress calls `take` with its decisions and `observe` with the record that holds them; whoever only has
    the records calls `observe`. Both come to the same, since decisions are taken once, the first time they are seen.
    """

    def __init__(
        self, parameters: Parameters, guards: Guards, kpis: tuple[Kpi, ...], start: Mapping[str, float]
    ) -> None:
        """`start` holds the value of every parameter that the run begins with, within its bounds."""
        self._parameters = {parameter.name: parameter for parameter in parameters.values}
        self._guards = guards
        self._limits = tuple((kpi, kpi.hard) for kpi in kpis if kpi.hard is not None)
        self._pasts = {name: Past((number_of(one, start[name]),)) for name, one in self._parameters.items()}
        self._decided = 0
        self._freezing = Freezing()
        self._freeze = guards.freeze
        if guards.freeze is not None:
            self._stability = compile_condition(guards.freeze.when, [kpi.name for kpi in kpis])
            # In an order of their own: config.json, which the records are verified by, has none.
            self._freeze = replace(
                guards.freeze, parameters=guards.freeze.parameters or tuple(sorted(self._parameters))
            )

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """The parameters by name."""
        return self._parameters

    @property
    def guards(self) -> Guards:
        """What the guards are set to."""
        return self._guards

    @property
    def state(self) -> dict[str, float]:
        """The values in force by name."""
        return {name: past.current for name, past in self._pasts.items()}

    @property
    def state_hash(self) -> str:
        """The hash of the values in force."""
        return canonical.digest(self.state)

    @property
    def pasts(self) -> dict[str, Past]:
        """The past of each parameter by name."""
        return dict(self._pasts)

    @property
    def freezing(self) -> Freezing:
        """The freeze, or how near it is."""
        return self._freezing

    def frozen(self, iteration: int) -> dict[str, Any] | None:
        """Return the freeze in force in `iteration`, the next one to be observed; None when there is none.

        That is ``{"parameters", "since", "until", "signature"}``: names, first and last iteration, state hash.
        """
        frozen = self._freezing.frozen_in(iteration)
        return None if frozen is None else frozen.to_dict()

    def take(self, decisions: Iterable[Decision]) -> None:
        """Hold all that was decided before an iteration; when it comes again it is passed over. Raises RecordError."""
        fresh = [decision for decision in decisions if decision.iteration > self._decided]
        for decision in fresh:
            if decision.outcome == "applied":
                self._apply(decision)
        self._decided = max([self._decided, *(decision.iteration for decision in fresh)])

    def observe(self, record: Mapping[str, Any]) -> None:
        """Learn from the record of the next iteration: its `iteration`, `decisions` and `kpis`, in their schema.

        Raises RecordError when a decision in it was applied to no parameter of this run, or without a value.
        """
        self.take(map(decision_of, record["decisions"]))
        self._decided = max(self._decided, record["iteration"])
        if self._freeze is not None:
            kpis = record["kpis"]
            breaches = any(kpi.name in kpis and kpi.is_beyond(kpis[kpi.name], hard) for kpi, hard in self._limits)
            meets = self._stability.evaluate(kpis) is True
            seen = Seen(record["iteration"], meets=meets, breaches=breaches, state_hash=self.state_hash)
            self._freezing = following(self._freezing, self._freeze, seen)

    def _apply(self, decision: Decision) -> None:
        name = decision.proposal.parameter
        if name not in self._parameters or decision.to is None:
            raise RecordError(f"iteration {decision.iteration}: {decision.to} was applied to the parameter '{name}'")
        parameter, past = self._parameters[name], self._pasts[name]
        value = number_of(parameter, decision.to)
        self._pasts[name] = past.moved(parameter, self._guards, value, decision.iteration, decision.offset_seconds)
